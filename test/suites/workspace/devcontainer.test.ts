/** `devcontainer` of an entry: a Dockerfile and a feature of a registry are built by the reference implementation, and what was written down counts. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GitServer, makeRepositories, startGit } from "../../../lab/forges/git.ts";
import { docker, shellIn } from "../../support/docker.ts";
import { freePort } from "../../support/free-port.ts";
import { visit } from "../../support/http.ts";
import { type Entry, Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { must } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor, waitForText } from "../../support/wait.ts";

const platform = new Platform();
const { host, port } = platform.fixture;
const NAME = "dev";
const FILE = ".devcontainer/devcontainer.json";
const BASE = `${platform.fixture.prefix}-test-devcontainer:base`;
const container = platform.container(NAME);
const folder = temporaryFolder();
const work = join(folder, "work");
const repositories = makeRepositories(folder);
const lock = platform.path(`devcontainers/${NAME}.json`);
let git: GitServer;
let registry: ChildProcess;
let feature = "";

const write = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const inWork = (...args: string[]) =>
  must("git", ["-c", "user.name=Dev", "-c", "user.email=dev@example.com", ...args], { cwd: work });
async function commit(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) write(join(work, path), text);
  await inWork("add", "--all");
  await inWork("commit", "--quiet", "--message", "Change");
  await inWork("push", "--quiet", "--force", join(repositories.root, `${NAME}.git`), "HEAD:main");
}

/** A registry on loopback, and in it a feature whose program says what it was told at its installation. */
async function publishFeature(): Promise<string> {
  const address = `localhost:${await freePort()}`;
  const config = join(folder, "registry.yml");
  write(
    config,
    JSON.stringify({
      version: "0.1",
      storage: { filesystem: { rootdirectory: join(folder, "registry") } },
      http: { addr: address },
    }),
  );
  registry = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  await waitFor("the registry", async () => {
    const status = await fetch(`http://${address}/v2/`).then(
      (answer) => answer.status,
      (error: unknown) => String(error),
    );
    return status === 200 ? { done: true } : { seen: status };
  });
  const source = join(folder, "feature");
  const options = { word: { type: "string", default: "nothing" } };
  write(
    join(source, "devcontainer-feature.json"),
    JSON.stringify({
      id: "greet",
      version: "1.2.0",
      name: "Greet",
      options,
      postCreateCommand: "greet >made-by-feature",
    }),
  );
  write(
    join(source, "install.sh"),
    `#!/bin/sh\nprintf '#!/bin/sh\\necho %s\\n' "$WORD" >/usr/local/bin/greet\nchmod +x /usr/local/bin/greet\n`,
  );
  const cli = join(import.meta.dirname, "../../../node_modules/@devcontainers/cli/devcontainer.js");
  const args = ["features", "publish", "--registry", address, "--namespace", "test/features", source];
  await must(process.execPath, [cli, ...args]);
  return `${address}/test/features/greet:1`;
}

const devcontainer = (word: string, more: object = {}) =>
  JSON.stringify({
    build: { dockerfile: "Dockerfile" },
    features: { [feature]: { word } },
    containerEnv: { OF_DEVCONTAINER: word },
    postCreateCommand: "cat README.md >made-by-file",
    postStartCommand: "cat made-by-file >>starts",
    forwardPorts: [8123],
    remoteUser: "root",
    ...more,
  });
const entry = (more: Partial<Entry> = {}): Entry => ({
  name: NAME,
  repo: `http://${host}:${git.port}/${NAME}.git`,
  network: { allow: platform.allow(git.port) },
  devcontainer: true,
  ...more,
});
const apply = () => platform.apply([...platform.baseline(), entry()]);
const inProject = async (command: string) => {
  const { code, output } = await shellIn(container, command);
  expect(code, output).toBe(0);
  return output.trim();
};
const readLock = () => JSON.parse(readFileSync(lock, "utf8")) as Record<string, unknown>;
const imageOf = () => platform.names.devcontainer(`${NAME}:${readLock().built}`);
const resolve = (...args: string[]) => platform.script("devcontainer", NAME, ...args);

beforeAll(async () => {
  feature = await publishFeature();
  const { Config } = await docker.getContainer(platform.container("beta")).inspect();
  // As an image of somebody's that has the packages which the platform installs, so that the test does not wait for them.
  await must("docker", ["build", "--quiet", "--tag", BASE, "-"], {
    input: `FROM ${Config.Image}\nUSER root\nRUN rm -rf /opt/opencode* /usr/local/lib/opencode-platform && userdel opencode\nENTRYPOINT []\n`,
  });
  repositories.add(NAME, [{ files: { "README.md": "cloned" } }]);
  git = await startGit(repositories);
  await must("git", ["clone", "--quiet", join(repositories.root, `${NAME}.git`), work]);
  await commit({
    [FILE]: devcontainer("hello"),
    ".devcontainer/Dockerfile": `FROM ${BASE}\nRUN echo 'of the Dockerfile' >/etc/of-dockerfile\n`,
  });
});
afterAll(async () => {
  await platform.reset();
  registry?.kill();
  await git?.close();
  removeFolder(folder);
  rmSync(dirname(lock), { recursive: true, force: true });
  const reference = platform.names.devcontainer("*");
  const images = await docker.listImages({ filters: { reference: [reference] } });
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  await must("docker", ["image", "rm", BASE, ...tags]);
});

it("nothing is built of it before somebody has asked for that", async () => {
  platform.write([...platform.baseline(), entry()]);
  const { code, output } = await platform.script("check");
  expect([code, output]).toEqual([
    1,
    expect.stringContaining(
      `devcontainers/${NAME}.json not found: nobody has read it yet — npm run devcontainer -- ${NAME}`,
    ),
  ]);
});

it("its image, variables, commands and ports are the project's", async () => {
  const { code, output } = await resolve();
  expect([code, output]).toEqual([0, expect.stringContaining(`Wrote devcontainers/${NAME}.json`)]);
  expect(output).toContain(`Built on the host: ${imageOf()}`);
  expect(output).toContain("not taken: remoteUser: a project has a user of its own");
  expect(readLock()).toMatchObject({ file: FILE, commit: repositories.head(NAME), ports: [8123] });
  await apply();
  await answering(platform, NAME);
  expect(await inProject("greet; cat /etc/of-dockerfile; echo $OF_DEVCONTAINER; id -un")).toBe(
    "hello\nof the Dockerfile\nhello\nopencode",
  );
  await waitForText(
    "the commands",
    async () => (await shellIn(container, "cat made-by-feature made-by-file")).stdout,
    "hello\ncloned",
  );
  const starts = async () => (await shellIn(container, "cat starts")).stdout;
  await waitForText("the command of the start", starts, /^cloned$/);
  await docker.getContainer(container).restart({ t: 2 });
  await waitForText("the command of the next start", starts, /^clonedcloned$/);
  await answering(platform, NAME);
  const { body } = await visit(port, `http://${NAME}-8123.localhost:${port}/`);
  expect(body).toContain("8123");
  expect((await platform.script("doctor")).output).toContain(
    `devcontainer of ${NAME}: ${FILE} of commit ${repositories.head(NAME).slice(0, 12)}, its image is on the host`,
  );
});

it("a change in the repository changes nothing until it is read again, and then replaces the container", async () => {
  const [before, old] = [(await platform.ids())[container], imageOf()];
  await commit({ [FILE]: devcontainer("goodbye") });
  expect((await apply()).changes).toEqual([]);
  expect((await platform.ids())[container]).toBe(before);
  const { code, output } = await resolve();
  expect(code, output).toBe(0);
  await apply();
  expect((await platform.ids())[container]).not.toBe(before);
  await answering(platform, NAME);
  expect(await inProject("greet; echo $OF_DEVCONTAINER")).toBe("goodbye\ngoodbye");
  const left = await docker.listImages({ filters: { reference: [platform.names.devcontainer("*")] } });
  // Somebody may want the one before back.
  expect(left.flatMap(({ RepoTags }) => RepoTags ?? []).sort()).toEqual([old, imageOf()].sort());
});

it("another host builds what was written down, and nothing newer", async () => {
  await commit({ [FILE]: devcontainer("newer") });
  const [image, text] = [imageOf(), readFileSync(lock, "utf8")];
  await must("docker", ["image", "rm", image]);
  const fix = `npm run devcontainer -- ${NAME} --locked`;
  const doctor = await platform.script("doctor");
  expect(doctor.output).toMatch(/devcontainer of dev: .*; its image is not on the host/);
  expect(doctor.output).toContain(fix);
  expect((await platform.update()).output).toContain(
    `${NAME}: its devcontainer's image is not on the host: ${fix}`,
  );
  const { code, output } = await resolve("--locked");
  expect([code, output]).toEqual([0, expect.stringContaining(`Built on the host: ${image}`)]);
  expect(readFileSync(lock, "utf8")).toBe(text);
});

it("what its features ask of the host is refused, and nothing is written or built", async () => {
  const text = readFileSync(lock, "utf8");
  await commit({
    [FILE]: devcontainer("x", { features: { "./root": {} } }),
    ".devcontainer/root/devcontainer-feature.json": JSON.stringify({
      id: "root",
      version: "1.0.0",
      privileged: true,
      mounts: [{ type: "bind", source: "/var/run/docker.sock", target: "/var/run/docker.sock" }],
    }),
    ".devcontainer/root/install.sh": "touch /built\n",
  });
  const { code, output } = await resolve();
  expect(code).toBe(1);
  expect(output).toContain("its image and its features: privileged: gives the container the host's rights");
  expect(output).toContain('"/var/run/docker.sock" is a folder of the host, which no project gets');
  expect(readFileSync(lock, "utf8")).toBe(text);
  expect(existsSync(lock)).toBe(true);
});
