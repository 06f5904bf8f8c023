/** The stand-in plugins in the real engine, with the real Docker daemon. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { docker, makeImage, Project } from "../../support/plugins-project.ts";

const PREFIX = `plugins-e2e-${process.pid}`;
const BASE = `${PREFIX}-base`;
const CONTAINER = `${PREFIX}-c`;
const SECRET = "s3cr3t-value-of-the-config";

const program = `
import * as docker from "@pulumi/docker";
import * as random from "@pulumi/random";
import * as command from "@pulumi/command";
import * as tls from "@pulumi/tls";
import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
const memory = config.getNumber("memory") ?? 64;
const provider = new docker.Provider("d", { host: "unix:///var/run/docker.sock" });
const network = new docker.Network("net", {
  name: "${PREFIX}", options: { "com.docker.network.bridge.enable_icc": "false" },
}, { provider });
const volume = new docker.Volume("vol", {}, { provider });
const password = new random.RandomPassword("pw", { length: 24, special: false });
const key = new tls.PrivateKey("key", { algorithm: "ED25519" });
const given = config.requireSecret("given");
const file = new command.local.Command("file", {
  create: 'cat > "$TARGET"', delete: 'rm -f "$TARGET"', environment: { TARGET: "file" },
  stdin: pulumi.interpolate\`\${password.result} \${given}\`,
});
const image = new docker.Image("img", {
  imageName: "${PREFIX}/img:1", skipPush: true, build: { context: "ctx", platform: "linux/amd64" },
}, { provider });
const base = new docker.RemoteImage("base", { name: "${BASE}", keepLocally: true }, { provider });
const c = new docker.Container("c", {
  name: "${CONTAINER}", image: image.imageName, command: ["/bin/sleep", "1000"], memory, memorySwap: memory,
  networksAdvanced: [{ name: network.name, aliases: ["me"] }],
  volumes: [{ volumeName: volume.name, containerPath: "/data" }],
  uploads: [{ file: "/run/given", content: given, permissions: "0600", owner: "1000", group: "1001" }],
  labels: [{ label: "l", value: config.get("label") ?? "a" }],
  capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges"], cpus: "0.5", init: true,
  healthcheck: { tests: ["CMD", "/bin/true"], interval: "1s" }, wait: true, waitTimeout: 30,
  logDriver: "json-file", logOpts: { "max-size": "1m" }, restart: "unless-stopped", destroyGraceSeconds: 1,
  mustRun: true,
}, { provider, dependsOn: [file, base] });
export const id = c.id;
export const publicKey = key.publicKeyOpenssh;
export const imageId = image.repoDigest;
export const revealed = password.result;
`;

function containerId(): string {
  return docker("inspect", "--format", "{{.Id}}", CONTAINER);
}

function removeLeftovers(): void {
  const names = docker("ps", "-aq", "--filter", `name=${PREFIX}`).split("\n").filter(Boolean);
  if (names.length > 0) docker("rm", "-f", ...names);
  for (const network of docker("network", "ls", "-q", "--filter", `name=${PREFIX}`)
    .split("\n")
    .filter(Boolean)) {
    docker("network", "rm", network);
  }
}

async function until(what: string, check: () => boolean): Promise<void> {
  for (let waited = 0; waited < 300; waited++) {
    if (check()) return;
    await pause(100);
  }
  throw new Error(`waited 30 s in vain for ${what}`);
}

describe("a program with every resource", () => {
  let project: Project;

  beforeAll(async () => {
    makeImage(BASE);
    project = new Project(program);
    const context = join(project.program, "ctx");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), `FROM ${BASE}\nCOPY hello /hello\n`);
    writeFileSync(join(context, "hello"), "one");
    expect((await project.pulumi("stack", "init", "e2e")).code).toBe(0);
    expect((await project.pulumi("config", "set", "--secret", "given", SECRET)).code).toBe(0);
  });

  afterAll(async () => {
    await project.pulumi("destroy", "--yes", "--skip-preview");
    removeLeftovers();
    docker("rmi", "-f", `${PREFIX}/img:1`, BASE);
    project.remove();
  });

  test("a preview shows what would be created, and no secret", async () => {
    const { code, output } = await project.pulumi("preview", "--diff");
    expect(code, output).toBe(0);
    expect(output).toContain("10 to create");
    expect(output).not.toContain(SECRET);
    expect(output).not.toContain("warning:");
  });

  test("up creates everything", async () => {
    const output = await project.up();
    expect(output).not.toContain(SECRET);
    expect(output).toMatch(/publicKey: "ssh-ed25519 /);
    const inspected = JSON.parse(docker("inspect", CONTAINER))[0];
    expect(inspected.State.Health.Status).toBe("healthy");
    expect(inspected.HostConfig).toMatchObject({ Memory: 64 << 20, NanoCpus: 5e8, CapDrop: ["ALL"] });
    expect(Object.keys(inspected.NetworkSettings.Networks)).toEqual([PREFIX]);
    expect(JSON.stringify(inspected)).not.toContain(SECRET);
    expect(docker("exec", "-u", "0", CONTAINER, "/bin/stat", "-c", "%a %u %g", "/run/given")).toBe(
      "600 1000 1001",
    );
    expect(docker("exec", CONTAINER, "/bin/cat", "/hello")).toBe("one");
    expect(readFileSync(join(project.program, "file"), "utf8")).toMatch(
      new RegExp(`^[A-Za-z0-9]{24} ${SECRET}$`),
    );
  });

  test("no secret is plain in the state", async () => {
    const [password = ""] = readFileSync(join(project.program, "file"), "utf8").split(" ");
    expect(password).toHaveLength(24);
    for (const hidden of [SECRET, password, "OPENSSH PRIVATE KEY", "BEGIN PRIVATE KEY"]) {
      expect(project.stateText()).not.toContain(hidden);
    }
  });

  test("a second up changes nothing, even after a refresh", async () => {
    expect(await project.up("--expect-no-changes")).toMatch(/\d+ unchanged/);
    await project.up("--refresh", "--expect-no-changes");
  });

  test("a running container gets more memory", async () => {
    const before = containerId();
    await project.pulumi("config", "set", "memory", "96");
    const output = await project.up();
    expect(output).toMatch(/1 updated/);
    expect(containerId()).toBe(before);
    expect(docker("inspect", "--format", "{{.HostConfig.Memory}}", CONTAINER)).toBe(String(96 << 20));
  });

  test("another label replaces the container under the same name", async () => {
    const before = containerId();
    await project.pulumi("config", "set", "label", "b");
    expect((await project.pulumi("preview", "--diff")).output).toContain("replace");
    await project.up();
    expect(containerId()).not.toBe(before);
  });

  test("a changed file in the context builds a new image", async () => {
    writeFileSync(join(project.program, "ctx", "hello"), "two");
    expect(await project.up()).toMatch(/1 updated/);
    expect(docker("run", "--rm", `${PREFIX}/img:1`, "/bin/cat", "/hello")).toBe("two");
  });

  test("a stopped container is started again, a missing one is recreated", async () => {
    const before = containerId();
    docker("stop", "-t", "0", CONTAINER);
    await project.up("--refresh");
    expect(containerId()).toBe(before);
    expect(docker("inspect", "--format", "{{.State.Running}}", CONTAINER)).toBe("true");
    docker("rm", "-f", CONTAINER);
    expect((await project.pulumi("refresh", "--yes", "--skip-preview")).output).toMatch(/1 deleted/);
    await project.up();
    expect(containerId()).not.toBe(before);
  });

  test("an unknown property is rejected by name, before any change", async () => {
    const before = containerId();
    project.write(program.replace('interval: "1s"', 'interval: "1s", oops: "x"'));
    const { code, output } = await project.pulumi("up", "--yes", "--skip-preview");
    project.write(program);
    expect(code).not.toBe(0);
    expect(output).toContain('unknown property "oops"');
    expect(containerId()).toBe(before);
  });

  test("a name in use is reported with the fix", async () => {
    docker("run", "-d", "--name", `${PREFIX}-taken`, BASE, "/bin/sleep", "1000");
    project.write(
      `${program}\nnew docker.Container("t", { name: "${PREFIX}-taken", image: "${BASE}", command: ["/bin/true"] }, { provider });`,
    );
    const { code, output } = await project.pulumi("up", "--yes", "--skip-preview");
    project.write(program);
    docker("rm", "-f", `${PREFIX}-taken`);
    expect(code).not.toBe(0);
    expect(output).toContain(`docker rm -f ${PREFIX}-taken`);
    await project.up();
  });

  test("a manually created container can be imported", async () => {
    const name = `${PREFIX}-found`;
    const id = docker("run", "-d", "--name", name, "--restart", "always", BASE, "/bin/sleep", "1000");
    const adopted = `new docker.Container("f", { name: "${name}", image: "${BASE}", restart: "always",
      command: ["/bin/sleep", "1000"], networkMode: "default", mustRun: true }, { provider, import: "${id}" });`;
    project.write(`${program}\n${adopted}`);
    expect(await project.up()).toMatch(/1 imported/);
    await project.up("--expect-no-changes");
    expect(docker("inspect", "--format", "{{.Id}}", name)).toBe(id);
    project.write(program);
    await project.up();
    expect(docker("ps", "-aq", "--filter", `name=${name}`)).toBe("");
  });

  test("a program's own error is shown with its stack, a RunError without", async () => {
    project.write(
      `import * as pulumi from "@pulumi/pulumi"; throw new pulumi.RunError("this is all there is to say");`,
    );
    const told = await project.pulumi("preview");
    project.write(`throw new TypeError("a mistake");`);
    const mistake = await project.pulumi("preview");
    project.write(program);
    expect([told.code !== 0, mistake.code !== 0]).toEqual([true, true]);
    expect(told.output).toContain("this is all there is to say");
    expect(told.output).not.toMatch(/\n\s+at /);
    expect(mistake.output).toMatch(/a mistake[\s\S]*\n\s+at /);
  });

  test("a failed build fails the update, with the build's output", async () => {
    const context = join(project.program, "broken");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), `FROM ${BASE}\nRUN ["/bin/ls", "/there-is-no-such-file"]\n`);
    project.write(`${program}\nnew docker.Image("broken", { imageName: "${PREFIX}/broken:1", skipPush: true,
      build: { context: "broken" } }, { provider });`);
    const { code, output } = await project.pulumi("up", "--yes", "--skip-preview");
    project.write(program);
    expect(code).not.toBe(0);
    expect(output).toContain("there-is-no-such-file");
    expect(output).toMatch(/returned a non-zero code/);
    await project.up();
  });

  test("a killed engine leaves no process and nothing unfinished, and the next up converges", async () => {
    const name = `${PREFIX}-slow`;
    project.write(`${program}\nnew docker.Container("slow", { name: "${name}", image: "${BASE}", destroyGraceSeconds: 0,
      command: ["/bin/sleep", "1000"], healthcheck: { tests: ["CMD", new pulumi.Config().get("test") ?? "/bin/false"], interval: "1s" },
      wait: true, waitTimeout: 600 }, { provider });`);
    const { pid, done } = project.start("up", "--yes", "--skip-preview");
    await until("the slow container", () => docker("ps", "-q", "--filter", `name=${name}`) !== "");
    process.kill(pid, "SIGKILL");
    await done;
    await until("the plugins to end", () => project.processes().length === 0);
    expect(docker("ps", "-aq", "--filter", `name=${name}`)).toBe("");
    await project.pulumi("cancel", "--yes");
    await project.pulumi("config", "set", "test", "/bin/true");
    await project.up();
    expect(docker("ps", "-q", "--filter", `name=${name}`)).not.toBe("");
  });

  test("Ctrl-C stops a running program", async () => {
    project.write(`await new Promise((resolve) => setTimeout(resolve, 600_000));`);
    const { pid, done } = project.start("preview");
    await until("the program", () => project.processes().length > 2);
    await pause(2000);
    process.kill(pid, "SIGINT");
    expect((await done).code).not.toBe(0);
    project.write(program);
    await until("everything to end", () => project.processes().length === 0);
  });

  test("destroy removes everything but the images", async () => {
    const { code, output } = await project.pulumi("destroy", "--yes", "--skip-preview");
    expect(code, output).toBe(0);
    expect(docker("ps", "-aq", "--filter", `name=${PREFIX}`)).toBe("");
    expect(docker("network", "ls", "-q", "--filter", `name=${PREFIX}`)).toBe("");
    expect(docker("images", "-q", BASE)).not.toBe("");
    expect(existsSync(join(project.program, "file"))).toBe(false);
  });
});
