import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HostCommandArgs } from "../../components/host/host.ts";
import { OpencodeProject } from "../../components/project/project.ts";
import { prepareScript, serviceScript } from "../../components/project/services.ts";
import { makeNames } from "../../config/naming/names.ts";
import { localUrls } from "../../config/naming/urls.ts";
import { loadProjects } from "../../config/projects/load.ts";
import { notingHost } from "../support/noting-host.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

interface Made {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

let made: Made[] = [];
let commands: { name: string; args: HostCommandArgs; waitsFor: number }[] = [];

await pulumi.runtime.setMocks({
  newResource({ type, name, inputs }) {
    made.push({ type, name, inputs });
    const outputs = type === "random:index/randomPassword:RandomPassword" ? { result: "generated" } : {};
    return { id: `${name}-id`, state: { ...inputs, ...outputs } };
  },
  call: () => ({}),
});

const host = notingHost((name, args, opts) =>
  commands.push({ name, args, waitsFor: [opts.dependsOn ?? []].flat().length }),
);

async function deploy(services: string, state = "running") {
  const text = `projects:\n  - name: web\n    state: ${state}\n${services}`;
  const [project] = loadProjects(text, { file: "projects.yaml", stack: "local", hasSecret: () => true });
  if (!project) throw new Error("no entry");
  const component = new OpencodeProject({
    host,
    names: makeNames("oc"),
    urls: localUrls({ port: 4080, localDomain: "localhost" }),
    project,
    image: "oc/opencode:1",
    ready: Promise.resolve(),
    routesDir: "/srv/runtime/routes",
    gatewayPort: 4080,
    secrets: { PASSWORD: pulumi.secret("hunter2") },
    passwordRotation: "",
  });
  await new Promise((resolve) => pulumi.output(component.urn).apply(resolve));
  await pulumi.runtime.disconnect();
}

const one = (name: string) => made.find((each) => each.name === name)?.inputs ?? {};
const labelsOf = (inputs: Record<string, unknown>) =>
  Object.fromEntries(
    (inputs.labels as { label: string; value: string }[]).map(({ label, value }) => [label, value]),
  );

beforeEach(() => {
  made = [];
  commands = [];
});

const DB = `    services:
      db:
        image: postgres:17
        env: { POSTGRES_PASSWORD_FILE: /run/secrets/PASSWORD }
        secrets: [PASSWORD]
        volume: [/var/lib/postgresql/data, /backup]
      plain: { image: acme/plain:1 }
`;

describe("a project with services", () => {
  it("has a network of theirs without a way out, on which names lead to each and icc is on", async () => {
    await deploy(DB);
    const names = makeNames("oc");
    expect(one("web.services")).toMatchObject({
      name: "oc-services-web",
      internal: true,
      options: {
        "com.docker.network.bridge.name": names.servicesBridge("web"),
        "com.docker.network.bridge.enable_icc": "true",
      },
    });
    expect(names.servicesBridge("web")).toMatch(/^br-p[0-9a-z]{11}$/);
    expect(names.servicesBridge("web").startsWith(names.bridgePrefix)).toBe(true);
    expect(names.servicesBridge("web")).not.toBe(names.projectBridge("web"));
    expect(one("web-container").networksAdvanced).toEqual([
      { name: "oc-network-web" },
      { name: "oc-services-web" },
    ]);
    expect(one("web.db").networksAdvanced).toEqual([{ name: "oc-services-web", aliases: ["db"] }]);
  });

  it("limits and hardens each, and lets no label of an image count", async () => {
    await deploy(DB);
    const db = one("web.db");
    expect(db).toMatchObject({
      name: "oc-service-web.db",
      image: "postgres:17",
      hostname: "db",
      dns: ["127.0.0.1"],
      memory: 512,
      memorySwap: 512,
      cpuQuota: 50_000,
      securityOpts: ["no-new-privileges"],
      restart: "unless-stopped",
      init: true,
      logOpts: { "max-size": "10m", "max-file": "3" },
      mustRun: true,
    });
    expect(db.capabilities).toEqual({
      drops: ["ALL"],
      adds: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"],
    });
    expect(labelsOf(db)).toMatchObject({
      "dev.opencode-platform.prefix": "oc",
      "dev.opencode-platform.project": "web",
      "dev.opencode-platform.service": "db",
      "traefik.enable": "false",
    });
    for (const published of ["ports", "publishAllPorts", "networkMode"])
      expect(db).not.toHaveProperty(published);
    const applied = commands.find(({ name }) => name === "web.db-applied")?.args;
    expect(applied?.create).toContain("--pids-limit 256 oc-service-web.db");
    expect(applied?.logging).toBe("stderr");
  });

  it("checks a known image, and leaves another to its own check", async () => {
    await deploy(DB);
    expect(one("web.db").healthcheck).toMatchObject({
      tests: ["CMD-SHELL", expect.stringContaining("pg_isready -h 127.0.0.1")],
    });
    expect(one("web.plain")).not.toHaveProperty("healthcheck");
    await deploy("    services: { db: { image: postgres:17, health: none } }\n");
    expect(made.findLast(({ name }) => name === "web.db")?.inputs.healthcheck).toEqual({ tests: ["NONE"] });
  });

  it("gives secrets as files, in nothing that docker inspect shows", async () => {
    await deploy(DB);
    const { uploads, ...rest } = one("web.db");
    const text = JSON.stringify(uploads);
    expect(text).toContain("/run/secrets/PASSWORD");
    expect(text).toContain("0444");
    expect(text).toContain("hunter2");
    expect(JSON.stringify([rest, commands])).not.toContain("hunter2");
    expect(JSON.stringify(made.filter(({ name }) => name !== "web.db"))).not.toContain("hunter2");
  });

  it("keeps what is named below the workspaces, in directories that are there before", async () => {
    await deploy(DB);
    expect(one("web.db").volumes).toEqual([
      {
        hostPath: "/srv/it's here/.services/web/db/var,lib,postgresql,data",
        containerPath: "/var/lib/postgresql/data",
      },
      { hostPath: "/srv/it's here/.services/web/db/backup", containerPath: "/backup" },
    ]);
    expect(commands.find(({ name }) => name === "web.prepared")?.args.create).toContain(
      "var,lib,postgresql,data",
    );
  });

  it("changes a label with what the provider would not see removed", async () => {
    const digests: (string | undefined)[] = [];
    for (const more of ["", ", env: { A: 1 }", ", command: [x]", ", health: none"]) {
      await deploy(`    services: { db: { image: acme/db:1${more} } }\n`);
      const inputs = made.findLast(({ name }) => name === "web.db")?.inputs ?? {};
      digests.push(labelsOf(inputs)["dev.opencode-platform.settings"]);
    }
    expect(new Set(digests).size).toBe(4);
  });

  it("stops them with the project", async () => {
    await deploy(DB, "stopped");
    expect(one("web.db")).toMatchObject({ mustRun: false, start: false });
    const script = commands.find(({ name }) => name === "web.db-applied")?.args.create;
    expect(script).toContain("docker stop -t 10 oc-service-web.db");
  });

  it("differs from one without in its own container by the network, and which of two the gateway takes", async () => {
    await deploy("");
    const without = one("web-container");
    const names = made.map(({ name }) => name);
    expect(names.filter((name) => name.includes("."))).toEqual([]);
    await deploy("    services: { db: { image: acme/db:1, env: { A: 1 } } }\n");
    const first = made.findLast(({ name }) => name === "web-container")?.inputs ?? {};
    await deploy("    services: { db: { image: acme/db:2, env: { A: 2 } } }\n");
    expect(made.findLast(({ name }) => name === "web-container")?.inputs).toEqual(first);
    const apart = ({ networksAdvanced: _, labels, ...rest }: Record<string, unknown>) => ({
      ...rest,
      labels: (labels as { label: string }[]).filter(({ label }) => label !== "traefik.docker.network"),
    });
    expect(apart(first)).toEqual(apart(without));
    expect(first.labels).toContainEqual({
      label: "traefik.docker.network",
      value: (first.networksAdvanced as { name: string }[])[0]?.name,
    });
    expect(first.networksAdvanced).not.toEqual(without.networksAdvanced);
  });
});

describe("the scripts of services", () => {
  let folder: string;
  const at = (...parts: string[]) => join(folder, ...parts);
  beforeAll(() => {
    folder = temporaryFolder();
    mkdirSync(at("bin"));
  });
  afterAll(() => removeFolder(folder));

  /** Runs the script against a Docker that says these states, one after the other, and an output of the last check. */
  function wait(states: readonly string[], output = "") {
    writeFileSync(at("states"), `${states.join("\n")}\n`);
    writeFileSync(at("output"), output);
    writeFileSync(at("bin", "sleep"), "#!/bin/sh\n");
    writeFileSync(
      at("bin", "docker"),
      `#!/bin/sh
case "$*" in
  *Log*) cat ${at("output")} ;;
  inspect*) head -n 1 ${at("states")}; [ "$(wc -l <${at("states")})" = 1 ] || sed -i 1d ${at("states")} ;;
  *) echo "$*" >>${at("calls")} ;;
esac
`,
    );
    for (const program of ["docker", "sleep"]) chmodSync(at("bin", program), 0o755);
    const script = serviceScript(
      "oc-service-web.db",
      { project: "web", state: "running" },
      { name: "db", resources: { memory: { text: "", bytes: 0, mib: 0 }, cpus: 1, pids: 7 } },
    );
    const env = { PATH: `${at("bin")}:${process.env.PATH}` };
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], { env, encoding: "utf8" });
    return [status, stdout, stderr];
  }

  it("wait until a service works", () => {
    expect(wait(["running 0 starting", "running 0 starting", "running 0 healthy"])).toEqual([0, "", ""]);
    expect(wait(["running 0 none"])).toEqual([0, "", ""]);
    expect(readFileSync(at("calls"), "utf8")).toContain("update --pids-limit 7 oc-service-web.db\n");
  });

  it.each([
    [
      "is unhealthy",
      ["running 0 starting", "running 0 unhealthy"],
      "old\nno \u001b[1mresponse\n\n",
      "unhealthy: no [1mresponse",
    ],
    ["restarts again and again", ["restarting 1 none", "restarting 3 none"], "", "restarting"],
    ["runs between two restarts", ["running 3 starting"], "", "restarting"],
    ["has ended", ["exited 0 none"], "", "exited"],
    ["is never ready", ["running 0 starting"], "", "starting"],
  ])("say in one line what of one that %s, and fail for none", (_, states, output, said) => {
    expect(wait(states, output)).toEqual([0, "", `web: service db is ${said}\n`]);
  });

  it("fail for a container that is not there", () => {
    writeFileSync(at("bin", "docker"), "#!/bin/sh\nexit 1\n");
    const script = serviceScript(
      "gone",
      { project: "web", state: "running" },
      {
        name: "db",
        resources: { memory: { text: "", bytes: 0, mib: 0 }, cpus: 1, pids: 7 },
      },
    );
    expect(
      spawnSync("sh", ["-c", script], { env: { PATH: `${at("bin")}:${process.env.PATH}` } }).status,
    ).toBe(1);
  });

  /** With a Docker that has no image, and can pull postgres:17 alone. */
  const run = (script: string) => {
    mkdirSync(at("docker"), { recursive: true });
    writeFileSync(
      at("docker", "docker"),
      `#!/bin/sh\necho "$*" >>"${at("docker", "log")}"\ncase "$*" in "pull --quiet postgres:17") ;; *) exit 1 ;; esac\n`,
      { mode: 0o755 },
    );
    const env = { PATH: `${at("docker")}:${process.env.PATH}` };
    return spawnSync("sh", ["-c", script], { encoding: "utf8", env });
  };
  const prepare = (folder: string, volumes: readonly string[], image = "postgres:17") =>
    prepareScript(at(folder), "web", [{ name: "db", image, volumes }]);

  it("have their images before a container is touched, or say that one can't be had", () => {
    expect(run(prepare("pulled", [])).status).toBe(0);
    expect(readFileSync(at("docker", "log"), "utf8").split("\n").filter(Boolean)).toEqual([
      "image inspect postgres:17",
      "pull --quiet postgres:17",
    ]);
    expect(run(prepare("typo", [], "postgres:17.99"))).toMatchObject({
      status: 1,
      stderr: "web: the image of its service db can't be had: postgres:17.99\n",
    });
  });

  it("make directories that others of the machine don't pass, and leave one that is there", () => {
    const script = prepare("it's", ["/data", "/b/c"]);
    mkdirSync(at("it's", ".services", "web", "db"), { recursive: true, mode: 0o700 });
    mkdirSync(at("it's", ".services", "web", "db", "data"), { mode: 0o700 });
    expect(run(script)).toMatchObject({ status: 0, stderr: "" });
    const mode = (...parts: string[]) =>
      statSync(at("it's", ".services", "web", "db", ...parts)).mode & 0o7777;
    expect([mode("data"), mode("b,c")]).toEqual([0o700, 0o1777]);
    expect(run(prepare("new", ["/d"])).status).toBe(0);
    expect(statSync(at("new", ".services")).mode & 0o7777).toBe(0o700);
    expect(existsSync(at("new", ".services", "web", "db", "d"))).toBe(true);
    expect(run(prepare("none", [])).status).toBe(0);
    expect(existsSync(at("none"))).toBe(false);
  });
});
