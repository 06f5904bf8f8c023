import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_PANEL_PORT, panelDocs, parseVariables } from "../../config/stack/panel.ts";
import { hasPipeline } from "../../config/stack/pipeline.ts";
import { parseSettings, type SettingsContext } from "../../config/stack/settings.ts";
import { complaints } from "../support/complaints.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const prod: SettingsContext = { stack: "prod", tokens: { digitalocean: true, cloudflare: true } };
const droplet = { domain: "example.com", accessEmailDomains: "example.com", sshAllow: "203.0.113.7" };
const git = { remote: "git@github.com:acme/platform.git" };
const panelOf = (panel: unknown, context = prod, more: Record<string, string> = {}) => {
  const own = context === prod ? droplet : {};
  return parseSettings({ ...own, ...more, panel: JSON.stringify(panel) }, context);
};
const local: SettingsContext = { ...prod, stack: "local" };

describe("the panel's settings", () => {
  it("have defaults", () => {
    expect(parseSettings({}).panel).toEqual({
      enabled: false,
      port: DEFAULT_PANEL_PORT,
      admins: [],
      create: "everyone",
      apply: "here",
      machines: false,
    });
  });

  it("leave the panel's commits to a pipeline where there is one, but on this machine", () => {
    const enabled = { enabled: true, git };
    const withPipeline = { ...prod, hasPipeline: true };
    const panelOn = (panel: object, context: SettingsContext, more = {}) =>
      parseSettings({ ...droplet, ...more, panel: JSON.stringify(panel) }, context).panel.apply;
    // Nothing of an update's environment is wanted then.
    expect(panelOn(enabled, withPipeline)).toBe("ci");
    expect(panelOn({ ...enabled, apply: "ci" }, prod)).toBe("ci");
    expect(panelOn({ ...enabled, apply: "here" }, withPipeline, { panelEnvironment: "A=1" })).toBe("here");
    expect(parseSettings({}, { ...local, hasPipeline: true }).panel.apply).toBe("here");
    expect(complaints(() => panelOn({ ...enabled, apply: "here" }, withPipeline))).toEqual([
      expect.stringContaining("panelEnvironment: is missing: with `panel.apply` here"),
    ]);
    expect(complaints(() => parseSettings({ panel: '{"apply":"ci"}' }, local))).toEqual([
      expect.stringContaining("panel.apply: is for droplet stacks"),
    ]);
    expect(complaints(() => panelOn({ ...enabled, apply: "maybe" }, prod))).toEqual([
      expect.stringContaining('panel.apply: "maybe" is neither ci nor here'),
    ]);
  });

  it("are read as Pulumi writes them with --path", () => {
    const panel = { enabled: true, port: 4100, admins: ["Ann@Example.com"], idleDays: 0.5, git };
    expect(panelOf(panel, prod, { panelEnvironment: "A=1" }).panel).toEqual({
      ...panel,
      admins: ["ann@example.com"],
      create: "everyone",
      apply: "here",
      machines: false,
      git: { ...git, branch: "main", knownHosts: [] },
    });
  });

  it.each([
    [
      '"yes"',
      [
        "opencode-platform:panel: \"yes\" is not a map (key: value) — npm run pulumi -- config set --path 'opencode-platform:panel' <value> --stack prod",
      ],
    ],
    [
      '{"enabld":true,"prot":1}',
      [
        "opencode-platform:panel.enabld: is not a valid key here; did you mean enabled? — npm run pulumi -- config rm --path 'opencode-platform:panel.enabld' --stack prod",
        "opencode-platform:panel.prot: is not a valid key here; did you mean port? — npm run pulumi -- config rm --path 'opencode-platform:panel.prot' --stack prod",
      ],
    ],
    [
      '{"port":80,"admins":["ann"],"idleDays":0}',
      [
        "opencode-platform:panel.port: 80 is too small: 1024 or more — npm run pulumi -- config set --path 'opencode-platform:panel.port' <value> --stack prod",
        "opencode-platform:panel.admins[0]: \"ann\" is not an e-mail address (e.g. dev@example.com) — npm run pulumi -- config set --path 'opencode-platform:panel.admins[0]' <value> --stack prod",
        "opencode-platform:panel.idleDays: 0 is too small: 0.01 or more — npm run pulumi -- config set --path 'opencode-platform:panel.idleDays' <value> --stack prod",
      ],
    ],
  ])("are refused with the command that mends each: %s", (panel, messages) => {
    expect(complaints(() => parseSettings({ ...droplet, panel }, prod))).toEqual(messages);
  });

  it("need a repository and an environment on a droplet", () => {
    expect(complaints(() => panelOf({ enabled: true }))).toEqual([
      "opencode-platform:panel.git.remote: is missing: the ssh address of the repository that this checkout is of — npm run pulumi -- config set --path 'opencode-platform:panel.git.remote' git@host:owner/repo.git --stack prod",
      "opencode-platform:panelEnvironment: is missing: with `panel.apply` here, the panel's updates need the same environment as yours (PULUMI_CONFIG_PASSPHRASE, the backend's variables) — npm run pulumi -- config set --secret opencode-platform:panelEnvironment --stack prod < <file of NAME=value lines>",
    ]);
    expect(
      complaints(() =>
        panelOf(
          { enabled: true, git: { remote: "https://github.com/a/b.git" } },
          { ...prod, hidden: new Set(["opencode-platform:panelEnvironment"]) },
          { ...droplet },
        ),
      ),
    ).toEqual([expect.stringContaining('"https://github.com/a/b.git" is not the ssh address')]);
  });

  it("need the host's keys on a droplet, unless they are built in", () => {
    const said = (remote: string, knownHosts: string[] = []) =>
      complaints(() =>
        panelOf({ enabled: true, git: { remote, knownHosts } }, prod, { panelEnvironment: "A=1" }),
      );
    expect(said("git@github.com:acme/platform.git")).toEqual([]);
    expect(said("ssh://git@gitlab.com/acme/platform.git")).toEqual([]);
    expect(said("git@git.example:acme/platform.git")).toEqual([
      "opencode-platform:panel.git.knownHosts: is missing: nobody is there to compare the key that git.example shows first — compare the output of ssh-keyscan git.example with what its operator publishes, then npm run pulumi -- config set --path 'opencode-platform:panel.git.knownHosts[0]' '<a line of it>' --stack prod",
    ]);
    expect(said("git@git.example:acme/platform.git", ["git.example ssh-ed25519 AAAA"])).toEqual([]);
  });

  it("cannot be enabled for this machine, where the panel is a command", () => {
    expect(complaints(() => panelOf({ enabled: true }, local))).toEqual([
      "opencode-platform:panel.enabled: is for droplet stacks; locally, start the panel yourself — npm run panel",
    ]);
  });

  it("never quote a secret that is wrong", () => {
    const raw = { ...droplet, panelWebhook: "http://hooks.example.com/hush", panelEnvironment: "A=1\nhush" };
    const said = complaints(() => parseSettings(raw, prod));
    expect(said).toHaveLength(2);
    expect(said.join("\n")).not.toContain("hush");
    const plain = new Set(["opencode-platform:panelWebhook"]);
    expect(
      complaints(() =>
        parseSettings({ ...droplet, panelWebhook: "https://h.example/x" }, { ...prod, plain }),
      ),
    ).toEqual([expect.stringContaining("opencode-platform:panelWebhook: is in plain text")]);
  });

  it("are documented, each key", () => {
    expect(panelDocs.map(({ key }) => key)).toEqual([
      "enabled",
      "port",
      "admins",
      "machines",
      "create",
      "apply",
      "repoDirectories",
      "idleDays",
      "git.remote",
      "git.branch",
      "git.knownHosts",
    ]);
    for (const { meaning } of panelDocs) expect(meaning).toMatch(/\.$/);
  });
});

it("variables are lines of NAME=value", () => {
  expect(parseVariables('# none\nA=1\n\nexport B="two words"\r\nC=a=b\nD=')).toEqual({
    A: "1",
    B: "two words",
    C: "a=b",
    D: "",
  });
});

it("takes a port of its own that browsers open", () => {
  const said = (port: number, gateway = "4080") =>
    complaints(() => parseSettings({ port: gateway, panel: JSON.stringify({ port }) }));
  expect(said(4190)).toEqual([
    "opencode-platform:panel.port: 4190 is a port that browsers block — npm run pulumi -- config set --path 'opencode-platform:panel.port' <value>",
  ]);
  expect(said(4100, "4100")).toEqual([
    "opencode-platform:panel.port: 4100 is already the gateway's port — npm run pulumi -- config set --path 'opencode-platform:panel.port' 4090",
  ]);
  expect(said(4100)).toEqual([]);
});

it.each([
  [[".github/workflows/platform.yml"], true],
  [[".gitlab-ci.yml"], true],
  [[".github/CODEOWNERS"], false],
  [[".github/workflows/README.md"], false],
  [[], false],
] as const)("a repository with %j has a pipeline: %s", (files, expected) => {
  const folder = temporaryFolder();
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
  expect(hasPipeline(folder)).toBe(expected);
  removeFolder(folder);
});
