import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import type { HostCommandArgs } from "../../components/host/host.ts";
import type { ProjectCompany } from "../../components/project/company.ts";
import { OpencodeProject } from "../../components/project/project.ts";
import { shareOptions } from "../../components/project/share-options.ts";
import { makeNames } from "../../config/naming/names.ts";
import { localUrls } from "../../config/naming/urls.ts";
import { loadProjects } from "../../config/projects/load.ts";
import { notingHost } from "../support/noting-host.ts";

interface Made {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

const PASSWORD = "generated-password-0123456789";
const ENFORCED = "/etc/opencode/opencode.json";
const PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY----- private";
let made: Made[] = [];
let commands: { name: string; args: HostCommandArgs }[] = [];

await pulumi.runtime.setMocks({
  newResource({ type, name, inputs }) {
    made.push({ type, name, inputs });
    const outputs: Record<string, unknown> =
      {
        "random:index/randomPassword:RandomPassword": { result: PASSWORD },
        "tls:index/privateKey:PrivateKey": {
          privateKeyOpenssh: PRIVATE_KEY,
          publicKeyOpenssh: "ssh-ed25519 AAAA",
        },
      }[type] ?? {};
    return { id: `${name}-id`, state: { ...inputs, ...(outputs as object) } };
  },
  call: () => ({}),
});

async function deploy(entry: string, secrets: Record<string, string> = {}, company?: ProjectCompany) {
  const [project] = loadProjects(`projects:\n  - ${entry}\n`, {
    file: "projects.yaml",
    stack: "local",
    hasSecret: () => true,
  });
  if (!project) throw new Error("no entry");
  const component = new OpencodeProject({
    host: notingHost((name, args) => commands.push({ name, args })),
    names: makeNames("oc"),
    urls: localUrls({ port: 4080, localDomain: "localhost" }),
    project,
    image: "oc/opencode:1",
    ready: Promise.resolve(),
    routesDir: "/srv/runtime/routes",
    gatewayPort: 4080,
    secrets: Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, pulumi.secret(value)])),
    company,
    passwordRotation: "",
  });
  await new Promise((resolve) => pulumi.output(component.urn).apply(resolve));
  await pulumi.runtime.disconnect();
  const container = made.find(({ type }) => type === "docker:index/container:Container");
  if (!container) throw new Error("no container");
  return { component, container: container.inputs };
}

/** A secret's value, out of the engine's envelope. */
const plain = (value: unknown): string =>
  typeof value === "object" && value !== null && "value" in value ? String(value.value) : String(value);

function uploads(container: Record<string, unknown>) {
  const envelope = container.uploads as { value?: unknown[] } | unknown[];
  const list = (Array.isArray(envelope) ? envelope : (envelope.value ?? [])) as Record<string, unknown>[];
  return Object.fromEntries(
    list.map((file) => [String(file.file), { ...file, content: plain(file.content) }]),
  );
}

beforeEach(() => {
  made = [];
  commands = [];
});

describe("a project's share of what others use too", () => {
  it("is as every container's where it says nothing, so that nothing of it changes", async () => {
    const { container } = await deploy("{ name: web }");
    expect(container).not.toHaveProperty("cpuShares");
    expect(container).not.toHaveProperty("ulimits");
    expect(commands.find(({ name }) => name === "web-route")?.args.create).not.toContain("blkio");
  });

  it("is what its weight is beside an ordinary project's 100, with the files that it may have open", async () => {
    const { container } = await deploy("{ name: web, resources: { weight: 250, files: 4096 } }");
    expect(container).toMatchObject({
      cpuShares: 2560,
      ulimits: [{ name: "nofile", soft: 4096, hard: 4096 }],
    });
    const script = commands.find(({ name }) => name === "web-route")?.args.create;
    expect(script).toContain("docker update --blkio-weight 250 oc-project-web >/dev/null 2>&1 || :\n");
  });

  it("is taken away by another container alone, since Docker can't; and changed in place", () => {
    expect(shareOptions({}).replaceOnChanges).toEqual(["cpuShares"]);
    expect(shareOptions({ weight: 100 })).toEqual({ args: { cpuShares: 1024 }, replaceOnChanges: [] });
    expect(shareOptions({ weight: 1 }).args.cpuShares).toBe(10);
  });
});

describe("a running project", () => {
  it("is limited and hardened", async () => {
    const { container } = await deploy("{ name: web, resources: { memory: 3GiB, cpus: 1.5, pids: 99 } }");
    expect(container).toMatchObject({
      name: "oc-project-web",
      memory: 3072,
      memorySwap: 3072,
      cpuPeriod: 100_000,
      cpuQuota: 150_000,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges"],
      restart: "unless-stopped",
      init: true,
      logOpts: { "max-size": "10m", "max-file": "3" },
      tmpfs: { "/tmp": expect.stringMatching(/(^|,)size=1g(,|$)/) },
      mustRun: true,
      start: true,
    });
    const script = commands.find(({ name }) => name === "web-route")?.args.create;
    expect(script).toContain("--pids-limit 99 oc-project-web");
    expect(script).not.toContain("docker stop");
  });

  it.each([
    [
      "repo: https://git.example.com/a/b.git",
      [
        "OPENCODE_PLATFORM_PROJECT=web",
        "OPENCODE_PLATFORM_TRUST=ask",
        "OPENCODE_PLATFORM_TRUST_REPO=https://git.example.com/a/b.git",
        "OPENCODE_PLATFORM_URL=http://web.localhost:4080/",
      ],
    ],
    [
      "repo: /srv/shop",
      [
        "OPENCODE_PLATFORM_PROJECT=web",
        "OPENCODE_PLATFORM_TRUST=ask",
        "OPENCODE_PLATFORM_TRUST_REPO=/srv/shop",
        "OPENCODE_PLATFORM_URL=http://web.localhost:4080/",
      ],
    ],
    ["repo: https://git.example.com/a/b.git, trust: always", []],
    ["state: running", []],
  ])(
    "with { %s } is told whether to ask about its repository, and where its page is",
    async (entry, variables) => {
      const { container } = await deploy(`{ name: web, ${entry} }`);
      const found = (container.envs as string[]).filter((each) =>
        /_(TRUST|TRUST_REPO|URL|PROJECT)=/.test(each),
      );
      expect(found).toEqual(variables);
    },
  );

  it("puts every secret in a file that its user alone reads, and in nothing that docker inspect shows", async () => {
    const { container } = await deploy(
      "{ name: web, repo: https://git.example.com:8443/a/b.git, secrets: [TOKEN], git: { auth: token, secret: TOKEN }, trust: always }",
      { TOKEN: "value-of-the-token" },
    );
    const files = uploads(container);
    expect(files["/run/opencode/secrets/TOKEN"]?.content).toBe("value-of-the-token");
    expect(files["/run/opencode/password"]?.content).toBe(PASSWORD);
    const { [ENFORCED]: enforced, ...own } = files;
    for (const file of Object.values(own))
      expect(file).toMatchObject({ owner: "0", group: "5678", permissions: "0440" });
    // Root's own: an agent can read it, and can't change it.
    expect(enforced).toMatchObject({ permissions: "0444" });
    expect(Object.keys(enforced ?? {})).not.toContain("owner");
    expect(JSON.parse(String(enforced?.content))).toEqual({ autoupdate: false, share: "disabled" });
    const shown = JSON.stringify([
      container.envs,
      container.labels,
      container.command,
      container.entrypoints,
    ]);
    for (const secret of ["value-of-the-token", PASSWORD]) expect(shown).not.toContain(secret);
    expect(container.envs).toEqual([
      "OPENCODE_PLATFORM_GIT_AUTH=token",
      "OPENCODE_PLATFORM_GIT_HOST=git.example.com:8443",
      "OPENCODE_PLATFORM_GIT_SECRET=TOKEN",
      "OPENCODE_PLATFORM_GIT_USERNAME=x-access-token",
      "OPENCODE_PLATFORM_REPO=https://git.example.com:8443/a/b.git",
    ]);
  });

  it.each([
    ["https://GitHub.com:443/a/b.git", "", "github.com", "https://github.com/a/b.git", "github"],
    ["https://git.example.com:8443/a/b", ", forge: gitlab", "git.example.com:8443", undefined, "gitlab"],
    ["https://git.example.com./a/b", "", "git.example.com", "https://git.example.com/a/b", undefined],
  ])(
    "tells git %s's host as askpass compares it, and the forge { %s }",
    async (repo, more, host, url, forge) => {
      const entry = `{ name: web, repo: "${repo}", secrets: [T], git: { auth: token, secret: T${more} } }`;
      const { container } = await deploy(entry, { T: "value-of-the-token" });
      const found = Object.fromEntries((container.envs as string[]).map((each) => each.split(/=(.*)/s)));
      expect(found).toMatchObject({
        OPENCODE_PLATFORM_GIT_HOST: host,
        OPENCODE_PLATFORM_REPO: url ?? repo,
        // As the person wrote it, who is asked about it.
        OPENCODE_PLATFORM_TRUST_REPO: repo,
      });
      expect(found.OPENCODE_PLATFORM_GIT_FORGE).toBe(forge);
      expect(uploads(container)["/run/opencode/gitconfig"]?.content).toContain(
        `insteadOf = "git@${host.split(":")[0]}:"`,
      );
    },
  );

  it("clones several repositories into their folders, and asks about those that nobody trusts", async () => {
    const urls = ["https://Git.Example:443/a.git", "https://git.example/b.git"];
    const { container } = await deploy(
      `{ name: web, secrets: [T], git: { auth: token, secret: T }, repos: [{ url: "${urls[0]}", path: a, depth: 2 }, { url: "${urls[1]}", path: libs/b, branch: dev }] }`,
      { T: "value-of-the-token" },
    );
    const found = Object.fromEntries((container.envs as string[]).map((each) => each.split(/=(.*)/s)));
    expect(found).toMatchObject({
      // For askpass, which compares the host.
      OPENCODE_PLATFORM_REPO: "https://git.example/a.git",
      OPENCODE_PLATFORM_GIT_HOST: "git.example",
      OPENCODE_PLATFORM_REPOS: "a https://git.example/a.git 2 - libs/b https://git.example/b.git - dev",
      OPENCODE_PLATFORM_TRUST: "ask",
      OPENCODE_PLATFORM_TRUST_REPOS: JSON.stringify([
        { repo: urls[0], path: "a" },
        { repo: urls[1], path: "libs/b" },
      ]),
    });
    for (const name of ["BRANCH", "DEPTH", "TRUST_REPO"])
      expect(found).not.toHaveProperty(`OPENCODE_PLATFORM_${name}`);
    expect(uploads(container)["/run/opencode/gitconfig"]?.content).toContain(
      'insteadOf = "git@git.example:"',
    );
    made = [];
    const without = await deploy(`{ name: web, repos: [{ url: "${urls[0]}", path: a }] }`);
    expect(without.container.envs).toContain("OPENCODE_PLATFORM_REPOS=a https://git.example/a.git - -");
    expect(JSON.stringify(without.container.envs)).not.toContain("PLATFORM_REPO=");
  });

  it("has its time zone as a variable", async () => {
    const { container } = await deploy("{ name: web, timezone: Europe/Berlin }");
    expect(container.envs).toContain("TZ=Europe/Berlin");
  });

  it("says who makes commits in a file that git reads before all others", async () => {
    const { container } = await deploy("{ name: web }");
    expect(uploads(container)["/run/opencode/gitconfig"]).toMatchObject({
      content: '[user]\n\tname = "web (opencode)"\n\temail = "web@opencode.localhost"\n',
      owner: "0",
      permissions: "0440",
    });
    expect(JSON.stringify(container.envs)).not.toContain("GIT_AUTHOR");
  });

  it("has its setup in a file of root's that it can read", async () => {
    const { container } = await deploy('{ name: web, setup: "npm ci\\nnpm run build\\n" }');
    expect(uploads(container)["/run/opencode/setup"]).toEqual({
      file: "/run/opencode/setup",
      content: "npm ci\nnpm run build\n",
      permissions: "0444",
    });
  });

  it("runs as a user of its own where the host can give it one, known to the container by name", async () => {
    const { container } = await deploy("{ name: own }");
    expect(container.user).toBe("4321:5678");
    expect(uploads(container)["/etc/passwd"]?.content).toContain(
      "opencode:x:4321:5678::/home/opencode:/bin/bash\n",
    );
  });

  it("runs as the image's user elsewhere, without a setup unless there is one", async () => {
    const { container } = await deploy("{ name: web }");
    expect(container.user).toBeUndefined();
    expect(uploads(container)["/etc/passwd"]).toBeUndefined();
    expect(uploads(container)["/run/opencode/setup"]).toBeUndefined();
  });

  it("gives the route to its command on standard input, never in its text", async () => {
    await deploy("{ name: web }");
    const route = commands.find(({ name }) => name === "web-route")?.args;
    expect(route?.create).not.toContain(PASSWORD);
    expect(String(route?.delete).split("\n").at(-1)).toBe(
      "rm -f '/srv/runtime/routes/web.yml' '/srv/runtime/routes/web.asleep.yml'",
    );
    const stdin = made.find(({ name }) => name === "web-route")?.inputs.stdin;
    expect(plain(stdin)).toContain(Buffer.from(`opencode:${PASSWORD}`).toString("base64"));
  });

  it("is five resources, of which the component costs nothing, and declares nothing that it is not given", async () => {
    await deploy("{ name: web }");
    const own = made.filter(({ name }) => name === "web" || name.startsWith("web-"));
    expect(own.map(({ type, name }) => `${name}: ${type.split(":").at(-1)}`).sort()).toEqual([
      "web-container: Container",
      "web-network: Network",
      "web-password: RandomPassword",
      "web-route: Command",
      "web: Project",
    ]);
    for (const { inputs } of own) expect(Object.values(inputs)).not.toContain(undefined);
  });

  it("mounts its workspace and its home, and a copy of a local repository read-only", async () => {
    const { container } = await deploy("{ name: web, repo: /srv/repos/web, branch: dev, depth: 3 }");
    expect(container.volumes).toEqual([
      { hostPath: "/srv/it's here/web", containerPath: "/workspace" },
      { hostPath: "/srv/it's here/.data/web", containerPath: "/home/opencode" },
      { hostPath: "/srv/it's here/.repos/web.git", containerPath: "/mnt/repo", readOnly: true },
    ]);
    expect(commands.find(({ name }) => name === "web-repo")?.args.create).toContain("repo='/srv/repos/web'");
    expect(container.envs).toEqual(
      expect.arrayContaining([
        "OPENCODE_PLATFORM_REPO=file:///mnt/repo",
        "OPENCODE_PLATFORM_BRANCH=dev",
        "OPENCODE_PLATFORM_DEPTH=3",
      ]),
    );
  });
});

it("stops a stopped project and keeps its container", async () => {
  const { component, container } = await deploy("{ name: web, state: stopped }");
  expect(container).toMatchObject({ mustRun: false, start: false });
  expect(commands.find(({ name }) => name === "web-route")?.args.create).toContain("docker stop");
  expect(component.access.state).toBe("stopped");
});

it("makes a deploy key for git over ssh, and shows its public half only", async () => {
  const { component, container } = await deploy(
    "{ name: web, repo: 'git@git.example.com:a/b.git', git: { auth: ssh } }",
  );
  expect(uploads(container)["/run/opencode/deploy_key"]?.content).toBe(PRIVATE_KEY);
  const shown = await new Promise((resolve) => pulumi.output(component.access.deployKey).apply(resolve));
  expect(shown).toBe("ssh-ed25519 AAAA");
});

it("a company's network is in a project's variables, below the entry's own, and in files as secrets are", async () => {
  const company: ProjectCompany = {
    variables: { HTTPS_PROXY: "http://10.1.2.3:3128", PIP_CERT: "/store" },
    secretFiles: { npmrc: pulumi.secret("the token") },
    files: [{ file: "/etc/pip.conf", content: "[global]\n", permissions: "0444" }],
  };
  const { container } = await deploy("{ name: web, env: { PIP_CERT: /own } }", {}, company);
  expect(container.envs).toEqual(
    expect.arrayContaining(["HTTPS_PROXY=http://10.1.2.3:3128", "PIP_CERT=/own"]),
  );
  expect(container.envs).not.toContain("PIP_CERT=/store");
  const files = uploads(container);
  expect(files["/run/opencode/npmrc"]).toMatchObject({
    content: "the token",
    owner: "0",
    group: "5678",
    permissions: "0440",
  });
  expect(files["/etc/pip.conf"]).toMatchObject({ content: "[global]\n", permissions: "0444" });
});
