import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type LoadOptions, loadProjects, readProjectsFile } from "../../config/projects/load.ts";
import { cloneUrl, parseRepo, tokenHost } from "../../config/projects/repo.ts";
import { OPENCODE } from "../../config/versions.ts";
import { complaints } from "../support/complaints.ts";
import { broken } from "../support/config/broken.ts";

const GIB = 2 ** 30;
const world: LoadOptions = {
  file: "projects.yaml",
  stack: "local",
  directory: "/checkout",
  hostMemoryBytes: 16 * GIB,
  hostCpus: 8,
  hasSecret: (_, name) => !name.startsWith("MISSING"),
  isDirectory: (path) => !path.endsWith("gone"),
};

describe("a broken projects.yaml", () => {
  it("has at least the 45 ways that were asked for", () => expect(broken.length).toBeGreaterThanOrEqual(45));

  it.each(broken)("$title", ({ text, world: other, messages }) => {
    expect(complaints(() => loadProjects(text, { ...world, ...other }))).toEqual(messages);
  });

  it("never repeats a password that stands in an address", () => {
    for (const repo of [
      "https://u:hunter2@h/x",
      "git://u:hunter2@h/x",
      "ssh://u:hunter2@h/x",
      "u:hunter2@h:x",
    ])
      expect(
        complaints(() => loadProjects(`projects: [{ name: a, repo: "${repo}" }]`, world)).join(),
      ).not.toMatch("hunter2");
  });

  it("is read with Windows line ends and a byte order mark", () => {
    const text = "\uFEFFprojects:\r\n  - name: shop\r\n    sate: x\r\n";
    expect(complaints(() => loadProjects(text, world))).toEqual([
      "projects.yaml:3:5 projects[0].sate: is not a valid key here; did you mean state?",
    ]);
  });

  it("is not asked about secrets or a host that nobody knows of", () => {
    const text = "projects: [{ name: shop, secrets: [MISSING], resources: { memory: 900GiB, cpus: 900 } }]";
    expect(loadProjects(text, { file: "projects.yaml", stack: "prod" })).toHaveLength(1);
  });
});

describe("a good projects.yaml", () => {
  it("gets every default", () => {
    expect(loadProjects("projects:\n  - name: a\n", world)).toEqual([
      {
        name: "a",
        state: "running",
        resources: { memory: { bytes: 2 * GIB, mib: 2048, text: "2GiB" }, cpus: 1, pids: 512 },
        sleep: { afterMs: 1_800_000, pending: false },
        env: {},
        network: { allow: [{ kind: "internet" }] },
        secrets: [],
        git: { auth: "none", sign: false },
        opencode: { version: OPENCODE, config: {}, enforce: {} },
        machines: false,
        trust: "always",
        members: [],
        owners: [],
        ports: [],
      },
    ]);
  });

  it("sleeps as its entry says, key by key after the defaults, and never where one of them says never", () => {
    const sleepOf = (defaults: string, entry: string) =>
      loadProjects(`defaults: { ${defaults} }\nprojects: [{ name: a, ${entry} }]`, world)[0]?.sleep;
    expect(sleepOf("", "sleep: { after: 1h30m }")).toEqual({ afterMs: 5_400_000, pending: false });
    expect(sleepOf("sleep: { after: 2h }", "sleep: { pending: true }")).toEqual({
      afterMs: 7_200_000,
      pending: true,
    });
    expect(sleepOf("sleep: never", "")).toBe("never");
    expect(sleepOf("sleep: never", "sleep: {}")).toEqual({ afterMs: 1_800_000, pending: false });
    expect(sleepOf("sleep: { after: 2h }", "sleep: never")).toBe("never");
  });

  it("names a port by its number unless it has a name", () => {
    const text = "projects: [{ name: a, ports: [3000, { port: 8080, name: admin }, { port: 9000 }] }]";
    expect(loadProjects(text, world)[0]?.ports).toEqual([
      { port: 3000, label: "3000" },
      { port: 8080, label: "admin" },
      { port: 9000, label: "9000" },
    ]);
  });

  it("names owners as it names members", () => {
    const text = "projects: [{ name: a, owners: [nobody, x@example.com, X@example.com] }]";
    expect(complaints(() => loadProjects(text, world))).toEqual([
      expect.stringContaining('owners[0]: group "nobody" not found'),
      expect.stringContaining("is listed twice"),
    ]);
  });

  it("may have no projects", () => expect(loadProjects("projects: []", world)).toEqual([]));

  it("keeps all that an entry says, and merges defaults key by key", () => {
    const text = `
defaults:
  network: { allow: [internet, "host:11434"] }
  resources: { memory: 4GiB, cpus: 2 }
  env: { LANG: C.UTF-8, LOG_LEVEL: info }
  opencode: { model: a/small, config: { mcp: { one: { enabled: true } }, plugin: [x] }, enforce: { permission: { bash: ask } } }
projects:
  - name: web-shop
    repo: https://github.com/example/web-shop.git
    branch: release/1.x
    depth: 5
    state: stopped
    resources: { cpus: 0.5, pids: 128 }
    env: { LOG_LEVEL: debug, RETRIES: 3, STRICT: true, EMPTY: "" }
    secrets: [GITHUB_TOKEN, ANTHROPIC_API_KEY]
    git: { auth: token, secret: GITHUB_TOKEN }
    network: { allow: ["[FD00:0::20]:8080", 192.168.1.20:8080, internet, 10.1.0.0/16, "host:3128"] }
    opencode: { model: b/large, config: { mcp: { two: { enabled: false } }, plugin: [y] }, enforce: { permission: { edit: deny } } }
    members: [shop, Dev@Example.com, zoe@example.com]
    owners: [Zoe@Example.com, shop]
    machines: true
groups: { shop: [ann@partner.example, dev@example.com] }
`;
    expect(loadProjects(text, world)).toEqual([
      {
        name: "web-shop",
        repo: {
          kind: "https",
          url: "https://github.com/example/web-shop.git",
          host: "github.com",
          branch: "release/1.x",
          depth: 5,
        },
        state: "stopped",
        resources: { memory: { bytes: 4 * GIB, mib: 4096, text: "4GiB" }, cpus: 0.5, pids: 128 },
        sleep: { afterMs: 1_800_000, pending: false },
        env: { EMPTY: "", LANG: "C.UTF-8", LOG_LEVEL: "debug", RETRIES: "3", STRICT: "true" },
        // The entry's own list alone, in one order whichever way it is written.
        network: {
          allow: [
            { kind: "network", version: 4, cidr: "10.1.0.0/16" },
            { kind: "network", version: 4, cidr: "192.168.1.20/32", port: 8080 },
            { kind: "network", version: 6, cidr: "fd00::20/128", port: 8080 },
            { kind: "host", port: 3128 },
            { kind: "internet" },
          ],
        },
        secrets: ["GITHUB_TOKEN", "ANTHROPIC_API_KEY"],
        git: {
          auth: "token",
          secret: "GITHUB_TOKEN",
          username: "x-access-token",
          sign: false,
          forge: "github",
        },
        opencode: {
          version: OPENCODE,
          model: "b/large",
          config: { mcp: { one: { enabled: true }, two: { enabled: false } }, plugin: ["y"] },
          enforce: { permission: { bash: "ask", edit: "deny" } },
        },
        machines: true,
        trust: "ask",
        members: ["ann@partner.example", "dev@example.com", "zoe@example.com"],
        owners: ["ann@partner.example", "dev@example.com", "zoe@example.com"],
        ports: [],
      },
    ]);
  });

  it("takes one or several lines of setup as they are, and none by default", () => {
    const text =
      "projects:\n  - name: a\n    setup: |\n      npm ci\n      npm run build\n  - name: b\n    setup: make\n  - name: c\n";
    expect(loadProjects(text, world).map(({ setup }) => setup)).toEqual([
      "npm ci\nnpm run build\n",
      "make",
      undefined,
    ]);
  });

  it.each([
    ["git@github.com:example/shop.git", "ssh", "git@github.com:example/shop.git"],
    ["ssh://git@host:2222/shop.git", "ssh", "ssh://git@host:2222/shop.git"],
  ])("takes %s with a deploy key", (repo, kind, url) => {
    const line = "host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";
    const text = `projects: [{ name: a, repo: "${repo}", git: { auth: ssh, knownHosts: ["${line}"] } }]`;
    const [project] = loadProjects(text, world);
    expect(project?.repo).toMatchObject({ kind, url });
    expect(project?.git).toEqual({ auth: "ssh", knownHosts: [line], sign: false });
  });

  it.each([
    ["./repos/shop", "/checkout/repos/shop"],
    ["../shop.git", "/shop.git"],
    ["/srv/shop.git", "/srv/shop.git"],
  ])("takes the local path %s", (repo, url) => {
    const [project] = loadProjects(`projects: [{ name: a, repo: ${repo} }]`, world);
    expect(project?.repo).toEqual({ kind: "local", url, host: "" });
  });

  it.each(["localhost:3000", "127.0.0.1", "10.1.2.3", "172.17.0.1:8080", "192.168.1.1", "[::1]:80"])(
    "lets a token go over http to %s",
    (host) => {
      const repo = `repo: "http://${host}/shop.git", secrets: [T], git: { auth: token, secret: T }`;
      expect(loadProjects(`projects: [{ name: a, ${repo} }]`, world)).toHaveLength(1);
    },
  );

  it("may share parts with anchors", () => {
    const text = "projects:\n  - { name: a, env: &env { A: b } }\n  - { name: b, env: *env }\n";
    expect(loadProjects(text, world).map(({ env }) => env)).toEqual([{ A: "b" }, { A: "b" }]);
  });
});

describe("git of an entry", () => {
  const gitOf = (entry: string) => loadProjects(`projects: [{ name: a, ${entry} }]`, world)[0]?.git;

  it("has a committer of its own, with and without repo", () => {
    const author = 'name: "Shop agent", email: "49699333+shop[bot]@users.noreply.github.com"';
    const read = { name: "Shop agent", email: "49699333+shop[bot]@users.noreply.github.com" };
    expect(gitOf(`git: { ${author} }`)).toEqual({ auth: "none", ...read, sign: false });
    expect(gitOf(`repo: "git@h:x", git: { auth: ssh, sign: true, ${author} }`)).toMatchObject({
      auth: "ssh",
      ...read,
      sign: true,
    });
  });

  it.each([
    ["https://GitHub.com:443/a/b", "", "github"],
    ["https://acme.ghe.com/a/b", ", forge: github", "github"],
    ["https://gitlab.com/a/b", "", "gitlab"],
    ["https://git.example.com/a/b", "", undefined],
    ["https://git.example.com/a/b", ", forge: gitlab", "gitlab"],
    ["https://notgithub.com/a/b", "", undefined],
  ])("knows the forge of %s { %s }: %s", (repo, more, forge) => {
    const git = gitOf(`repo: "${repo}", secrets: [T], git: { auth: token, secret: T${more} }`);
    expect(git?.forge).toBe(forge);
  });
});

it("the time zone is a variable, the nearest one to the project counting", () => {
  const zones = (defaults: string, entry: string) =>
    loadProjects(`defaults: { ${defaults} }\nprojects: [{ name: a, ${entry} }]`, world)[0]?.env.TZ;
  expect(zones("timezone: Europe/Berlin", "")).toBe("Europe/Berlin");
  expect(zones("timezone: Europe/Berlin", "timezone: Asia/Kolkata")).toBe("Asia/Kolkata");
  expect(zones("timezone: Europe/Berlin", "env: { TZ: Etc/UTC }")).toBe("Etc/UTC");
  expect(zones("env: { TZ: Etc/UTC }", "timezone: UTC")).toBe("UTC");
});

describe("a host as people spell it", () => {
  it.each([
    ["https://GitHub.com/a/b.git", "github.com", "https://github.com/a/b.git"],
    ["HTTPS://github.com:443/a/b.git", "github.com", "https://github.com/a/b.git"],
    ["https://github.com./a/b", "github.com", "https://github.com/a/b"],
    ["https://Git.Example:8443/a%20b/C.git", "git.example:8443", "https://git.example:8443/a%20b/C.git"],
    ["http://127.0.0.1:80/a", "127.0.0.1", "http://127.0.0.1/a"],
    ["https://[FD00::1]:8443/a", "[fd00::1]:8443", "https://[fd00::1]:8443/a"],
    ["https://gît.example/a", "xn--gt-qja.example", "https://xn--gt-qja.example/a"],
  ])("%s is %s", (repo, host, url) => {
    const source = parseRepo(repo);
    if ("mistake" in source) throw new Error(source.mistake);
    expect([tokenHost(repo), cloneUrl(source)]).toEqual([host, url]);
  });
});

describe("a file on disk", () => {
  const directory = mkdtempSync(join(tmpdir(), "config-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "projects.yaml");

  it("is read, its relative repositories from its own directory", () => {
    writeFileSync(path, "projects: [{ name: a, repo: ./shop }]");
    expect(readProjectsFile(path, { stack: "local" }).projects[0]?.repo?.url).toBe(join(directory, "shop"));
  });

  it("may be missing, a directory, or no UTF-8, and that is said", () => {
    expect(complaints(() => readProjectsFile(join(directory, "none"), { stack: "local" }))).toEqual([
      "projects.yaml: not found — create it with projects: []",
    ]);
    expect(complaints(() => readProjectsFile(directory, { stack: "local" }))).toEqual([
      "projects.yaml: cannot be read (EISDIR)",
    ]);
    writeFileSync(path, Buffer.from([0x70, 0xff, 0xfe]));
    expect(complaints(() => readProjectsFile(path, { stack: "local" }))).toEqual([
      "projects.yaml: is not UTF-8 text — save it as UTF-8",
    ]);
  });
});
