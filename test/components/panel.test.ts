/** A panel whose commits a pipeline applies: what its container is given, and what an update leaves for it. */
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Host, HostCommandArgs } from "../../components/host/host.ts";
import type { PanelArgs } from "../../components/panel/panel.ts";
import type { OpencodeProject } from "../../components/project/project.ts";
import { makeNames } from "../../config/naming/names.ts";

type Props = Record<string, unknown>;

const COMMIT = "c".repeat(40);
const WEBHOOK = "https://hooks.example.com/secret-of-the-webhook";
const containers: Props[] = [];
const commands = new Map<string, { args: HostCommandArgs; opts: pulumi.CustomResourceOptions }>();
let applied = "";
let isAfterKeeper = false;

beforeAll(async () => {
  pulumi.runtime.setAllConfig({});
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs }) {
        if (type === "docker:index/container:Container") containers.push(inputs as Props);
        const keys = { privateKeyOpenssh: "the deploy key", publicKeyOpenssh: "ssh-ed25519 AAAA" };
        return { id: `${name}-id`, state: { ...inputs, ...keys } };
      },
      call: ({ inputs }) => inputs as Props,
    },
    "opencode-platform",
    "prod",
    false,
    "acme",
  );
  const { Panel } = await import("../../components/panel/panel.ts");
  class Resource extends pulumi.ComponentResource {
    constructor(name: string) {
      super("test:index:Resource", name);
    }
  }
  const project = (name: string, deployKey?: string) =>
    Object.assign(new Resource(name), {
      name,
      access: { ...(deployKey ? { deployKey } : {}) },
    }) as unknown as OpencodeProject;
  const keeper = new Resource("keeper");
  const host = {
    workspacesDir: "/workspaces",
    dockerSocket: "/var/run/docker.sock",
    run: (name: string, args: HostCommandArgs, opts: pulumi.CustomResourceOptions) => {
      commands.set(name, { args, opts });
      return new Resource(name);
    },
  } as unknown as Host;
  const args: PanelArgs = {
    host,
    names: makeNames("opencode"),
    image: "image",
    routesDir: "/routes",
    port: 4090,
    git: {
      remote: "git@github.com:acme/platform.git",
      branch: "main",
      knownHosts: ["github.com ssh-ed25519 A"],
    },
    access: { hostname: "code.example.com", teamName: "acme", audience: "aud" },
    apply: {
      by: "ci",
      commit: COMMIT,
      projects: [project("shop", "ssh-ed25519 BBBB shop\n"), project("web")],
      webhook: WEBHOOK,
      dockerVolume: "opencode-docker-panel",
      keeper,
    },
    environment: { PULUMI_CONFIG_PASSPHRASE: "the passphrase", HTTPS_PROXY: "http://proxy.example.com:3128" },
  };
  let after: unknown;
  const transformations: pulumi.ResourceTransformation[] = [
    ({ type, opts }) => {
      if (type === "docker:index/container:Container") after = opts.dependsOn;
      return undefined;
    },
  ];
  new Panel("panel", args, { transformations });
  isAfterKeeper = Array.isArray(after) && after.includes(keeper);
  await vi.waitFor(() => expect(containers).toHaveLength(1));
  applied = await new Promise((resolve) =>
    pulumi.output(commands.get("panel-applied")?.args.stdin ?? "").apply(resolve),
  );
});

const container = () => containers[0] ?? {};
/** All of them are one secret. */
const files = (): Record<string, string> => {
  const { value } = container().uploads as { value: { file: string; content: string }[] };
  return Object.fromEntries(value.map(({ file, content }) => [file, content]));
};

describe("a panel whose commits a pipeline applies", () => {
  it("gets a deploy key, and of the variables of updates those by which it reaches the network", () => {
    expect(Object.keys(files()).sort()).toEqual([
      "/run/panel/deploy_key",
      "/run/panel/environment",
      "/run/panel/known_hosts",
      "/run/panel/webhook",
    ]);
    expect(files()["/run/panel/environment"]).toMatch(
      /^#.*\nexport HTTPS_PROXY='http:\/\/proxy.example.com:3128'\n$/,
    );
    expect(container().envs).toContain("OPENCODE_PLATFORM_PANEL_APPLY=ci");
    expect(JSON.stringify(container().envs)).not.toContain(WEBHOOK);
  });

  it("reaches Docker through the keeper's filter alone", () => {
    expect(container().volumes).toContainEqual({
      volumeName: "opencode-docker-panel",
      containerPath: "/run/keeper",
      readOnly: true,
    });
    expect(container().envs).toContain("DOCKER_HOST=unix:///run/keeper/docker.sock");
    expect(JSON.stringify(container().volumes)).not.toContain("/var/run/docker.sock");
    expect(isAfterKeeper).toBe(true);
  });

  it("has the workspaces, which only it can delete then", () => {
    expect(container().volumes).toContainEqual({ hostPath: "/workspaces", containerPath: "/workspaces" });
    expect(container().capabilities).toEqual({ drops: ["ALL"], adds: ["CAP_DAC_OVERRIDE", "CAP_FOWNER"] });
  });

  it("finds the commit once every project is made, with the deploy keys' public halves", () => {
    expect(JSON.parse(applied)).toEqual({ commit: COMMIT, deployKeys: { shop: "ssh-ed25519 BBBB shop" } });
    const { args, opts } = commands.get("panel-applied") ?? {};
    expect(args?.create).toMatch(/> .*\/workspaces\/\.panel\/applied\.json\.new.* && mv /);
    expect(opts?.dependsOn).toHaveLength(3);
  });
});
