/** `npm run devcontainer -- <project>`: with real git, and stand-ins for the reference implementation and Docker. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parseLock } from "../../config/devcontainer/lock.ts";
import { makeNames } from "../../config/naming/names.ts";
import { loadProjects } from "../../config/projects/load.ts";
import type { Project } from "../../config/projects/project.ts";
import { type GitServer, makeRepositories, startGit } from "../../lab/forges/git.ts";
import { type DevcontainerCli, devcontainerCli } from "../../operate/devcontainer/cli.ts";
import { cloneCommit } from "../../operate/devcontainer/clone.ts";
import { forward } from "../../operate/devcontainer/docker-host.ts";
import { isOnHost, neededImages } from "../../operate/devcontainer/images.ts";
import { type ResolveParts, resolveDevcontainer } from "../../operate/devcontainer/resolve.ts";
import type { RunDocker } from "../../operate/docker/containers.ts";
import { checkDevcontainers } from "../../operate/doctor/devcontainers.ts";
import { buildRefusal } from "../../operate/engine/update-errors.ts";
import { UpdateProgress } from "../../operate/engine/update-progress.ts";
import { must } from "../support/run.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";
import { waitFor } from "../support/wait.ts";

const FILE = ".devcontainer/devcontainer.json";
const names = makeNames("team");
const folder = temporaryFolder();
const work = join(folder, "work");
afterAll(() => removeFolder(folder));

const git = async (...args: string[]) =>
  (await must("git", ["-c", "user.name=Dev", "-c", "user.email=dev@example.com", ...args], { cwd: work }))
    .stdout;
async function commit(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  await git("add", "--all");
  await git("commit", "--quiet", "--allow-empty", "--message", "Change");
  return (await git("rev-parse", "HEAD")).trim();
}

let number = 0;
beforeEach(async () => {
  removeFolder(work);
  mkdirSync(work);
  await git("init", "--quiet", "--initial-branch", "main");
  number++;
});

const projectOf = (lockText?: string, keys = ""): Project => {
  const text = `projects:\n  - { name: web, repo: ${work}, trust: always, devcontainer: true${keys} }\n`;
  const options = { file: "projects.yaml", stack: "local", isResolving: true, lockOf: () => lockText };
  const [project] = loadProjects(text, options);
  if (!project) throw new Error("no project");
  return project;
};

/** A reference implementation that has read what it is told, and what it was asked. */
function standIn(merged: object = {}, features: object[] = []) {
  const asked: string[][] = [];
  const present = new Set<string>();
  const cli: DevcontainerCli = async (args) => {
    asked.push([...args]);
    const [command, name = ""] = [args[0], args.at(-1)];
    if (command === "build") present.add(name);
    const stdout = JSON.stringify({
      mergedConfiguration: merged,
      featuresConfiguration: { featureSets: features },
    });
    return { code: 0, stdout: `${stdout}\n`, stderr: "" };
  };
  const docker: RunDocker = async (args) => {
    const isThere = present.has(args.at(-1) ?? "");
    return { code: isThere ? 0 : 1, stdout: "", stderr: isThere ? "" : "Error: No such image: x" };
  };
  return { cli, docker, asked, present };
}
const resolve = (parts: Pick<ResolveParts, "cli" | "docker"> & Partial<ResolveParts>) =>
  resolveDevcontainer({
    project: projectOf(),
    names,
    temporary: join(folder, `temporary-${number}-${Math.random()}`),
    ...parts,
  });
const WITH_DOCKERFILE = {
  [FILE]: '{ "build": { "dockerfile": "Dockerfile" }, "containerEnv": { "A": "1" } }',
  ".devcontainer/Dockerfile": "FROM debian:13",
};
const lockOf = async (text: Promise<{ lock: string }>) => {
  const lock = parseLock((await text).lock);
  if ("mistake" in lock) throw new Error(lock.mistake);
  return lock;
};

describe("reading an entry's devcontainer.json", () => {
  it("writes down an image that needs no build, and builds nothing", async () => {
    const head = await commit({ [FILE]: '{ "image": "golang:1.25", "remoteUser": "root" }' });
    const { cli, docker, asked } = standIn();
    const resolution = await resolve({ cli, docker });
    expect(parseLock(resolution.lock)).toMatchObject({
      version: 1,
      repo: work,
      devcontainer: true,
      commit: head,
      file: FILE,
      image: "golang:1.25",
    });
    expect(resolution.left).toEqual(["remoteUser: a project has a user of its own"]);
    expect(asked.map(([command]) => command)).toEqual(["read-configuration"]);
  });

  it("builds an image once, under a name that follows from what it is built of", async () => {
    await commit({ ...WITH_DOCKERFILE, "README.md": "1" });
    const { cli, docker, asked, present } = standIn();
    const { built } = await lockOf(resolve({ cli, docker }));
    expect([...present]).toEqual([`team-platform/devcontainer/web:${built}`]);
    await commit({ "README.md": "2" });
    const again = await resolve({ cli, docker });
    expect(again.image).toEqual({ reference: `team-platform/devcontainer/web:${built}`, wasThere: true });
    expect(asked.filter(([command]) => command === "build")).toHaveLength(1);
    await commit({ ".devcontainer/Dockerfile": "FROM debian:14" });
    expect((await lockOf(resolve({ cli, docker }))).built).not.toBe(built);
    const feature = { sourceInformation: { userFeatureId: "x/go:1", manifestDigest: "sha256:2" } };
    const other = standIn({}, [feature]);
    const { built: withFeature } = await lockOf(resolve(other));
    expect(withFeature).not.toBe((await lockOf(resolve({ cli, docker }))).built);
  });

  it("builds what was written down with --locked, and not what is newer", async () => {
    const first = await commit(WITH_DOCKERFILE);
    const { lock } = await resolve(standIn());
    await commit({ ".devcontainer/Dockerfile": "FROM debian:14" });
    const host = standIn();
    const locked = { project: projectOf(lock), isLocked: true };
    const resolution = await resolve({ ...host, ...locked });
    expect([resolution.commit, resolution.lock]).toEqual([first, lock]);
    expect([...host.present]).toEqual([resolution.image?.reference]);
    const feature = { sourceInformation: { userFeatureId: "x/go:1", manifestDigest: "sha256:2" } };
    await expect(resolve({ ...standIn({}, [feature]), ...locked })).rejects.toThrow(
      "web: a feature, or the program that builds, is another than when it was written down",
    );
  });

  it("builds nothing where its features ask for the host", async () => {
    await commit(WITH_DOCKERFILE);
    const { asked, ...host } = standIn({ privileged: true });
    await expect(resolve(host)).rejects.toThrow(
      "its image and its features: privileged: gives the container",
    );
    expect(asked.map(([command]) => command)).toEqual(["read-configuration"]);
  });

  it("writes and builds nothing that an update would call broken, and says why", async () => {
    await commit({
      ...WITH_DOCKERFILE,
      [FILE]: JSON.stringify({ build: { dockerfile: "Dockerfile" }, postCreateCommand: "x".repeat(8193) }),
    });
    const { asked, ...host } = standIn();
    await expect(resolve(host)).rejects.toThrow(
      `${FILE}, as a project's entry: setup is longer than 8 KiB: put it into a script of the repository, and call that`,
    );
    expect(asked.map(([command]) => command)).toEqual(["read-configuration"]);
  });

  it("refuses what is not in the repository, in a sentence", async () => {
    await commit({ "README.md": "no file" });
    await expect(resolve(standIn())).rejects.toThrow("has no .devcontainer/devcontainer.json");
    await commit({ [FILE]: '{ "build": { "dockerfile": "Dockerfile.gone" } }' });
    await expect(resolve(standIn())).rejects.toThrow(
      `${FILE}: .devcontainer/Dockerfile.gone is not in the repository`,
    );
    const broken = standIn();
    const cli: DevcontainerCli = async () => ({
      code: 1,
      stdout: '{"outcome":"error","message":"Command failed","description":"no such feature"}',
      stderr: "[2026-11-30T10:42:53.844Z] looking\n",
    });
    await expect(resolve({ ...broken, cli })).rejects.toThrow("can't be read: no such feature looking");
  });
});

describe("the clone", () => {
  it("has no link that leads out of the repository", async () => {
    await commit({ [FILE]: '{ "image": "debian:13" }' });
    symlinkSync("/etc", join(work, "context"));
    symlinkSync("../../secret", join(work, ".devcontainer/gone"));
    symlinkSync("devcontainer.json", join(work, ".devcontainer/inside"));
    await commit({});
    const { left } = await resolve(standIn());
    expect(left).toEqual([
      "link .devcontainer/gone: leads out of the repository",
      "link context: leads out of the repository",
    ]);
  });

  it("shows the token to its host alone, and nobody else", async () => {
    const root = join(folder, "served");
    mkdirSync(root);
    const repositories = makeRepositories(root);
    repositories.add("private", [{ files: { "README.md": "cloned" } }]);
    const server: GitServer = await startGit(repositories, { tokens: { private: "hunter-of-tokens" } });
    try {
      const project = (url: string) => ({
        name: "web",
        repo: { kind: "http" as const, url, host: "127.0.0.1" },
        git: { auth: "token" as const, secret: "TOKEN", username: "x-access-token", sign: false },
      });
      const url = `http://127.0.0.1:${server.port}/private.git`;
      const at = (name: string) => join(folder, `token-${number}`, name);
      const clone = await cloneCommit(project(url), at("clone"), { token: "hunter-of-tokens" });
      expect(readFileSync(join(clone.folder, "README.md"), "utf8")).toBe("cloned");
      const kept = await must("grep", ["-rl", "hunter-of-tokens", at("")]).catch(() => undefined);
      expect(kept).toBeUndefined();
      const refused = cloneCommit(project(url), at("other"), { token: "wrong-token" });
      await expect(refused).rejects.toThrow("web: its repository can't be had: ");
      await expect(refused).rejects.not.toThrow("wrong-token");
    } finally {
      await server.close();
    }
  });
});

it("the reference implementation gets none of the machine's tokens", async () => {
  // It asks a Docker for the folder's container, and here is none.
  const bin = join(folder, "no-containers");
  mkdirSync(bin);
  writeFileSync(join(bin, "docker"), "#!/bin/sh\n", { mode: 0o755 });
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    DIGITALOCEAN_TOKEN: "canary-of-clouds",
    PULUMI_CONFIG_PASSPHRASE: "canary",
    HTTPS_PROXY: "http://me:canary@127.0.0.1:3128",
    all_proxy: "me:canary@127.0.0.1:3128",
    HTTP_PROXY: "http://127.0.0.1:3128",
    NO_PROXY: "localhost",
  };
  mkdirSync(join(folder, "plain/.devcontainer"), { recursive: true });
  writeFileSync(
    join(folder, "plain", FILE),
    `{ "image": "debian:13", "containerEnv": { "T": "\${localEnv:DIGITALOCEAN_TOKEN}", "H": "\${localEnv:HOME}",
      "P": "\${localEnv:HTTPS_PROXY}\${localEnv:all_proxy}", "Q": "\${localEnv:HTTP_PROXY} \${localEnv:NO_PROXY}" } }`,
  );
  const cli = devcontainerCli(env, folder);
  const { code, stdout } = await cli(["read-configuration", "--workspace-folder", join(folder, "plain")]);
  expect(code, stdout).toBe(0);
  expect(JSON.parse(stdout).configuration.containerEnv).toEqual({
    T: "",
    H: process.env.HOME,
    P: "",
    Q: "http://127.0.0.1:3128 localhost",
  });
});

describe("a droplet's Docker", () => {
  const ssh = (script: string) => {
    const bin = join(folder, `bin-${number}`);
    mkdirSync(bin);
    writeFileSync(join(bin, "ssh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  };

  it("comes to a socket here for as long as it is used", async () => {
    const socket = join(folder, "docker.sock");
    const listen = `require("net").createServer().listen("${socket}")`;
    const env = ssh(`echo "$@" >${folder}/asked\nexec "${process.execPath}" -e '${listen}'`);
    const close = await forward(["-F", "config", "drop"], socket, env);
    expect(readFileSync(join(folder, "asked"), "utf8")).toContain(
      `-L ${socket}:/var/run/docker.sock -F config drop`,
    );
    const connect = () =>
      new Promise((resolve) => {
        const client = createConnection(socket, () => resolve("connected"));
        client.on("error", ({ message }) => resolve(message)).on("connect", () => client.destroy());
      });
    expect(await connect()).toBe("connected");
    close();
    await waitFor("the end", async () => {
      const seen = await connect();
      return seen === "connected" ? { seen } : { done: true };
    });
  });

  it("says in ssh's words why it can't be reached", async () => {
    const env = ssh("echo 'Connection refused' >&2; exit 255");
    await expect(forward(["drop"], join(folder, "never.sock"), env)).rejects.toThrow(
      "drop: can't be reached: Connection refused",
    );
  });
});

describe("an image that is not on the host", () => {
  const lock = JSON.stringify({
    version: 1,
    repo: "x",
    devcontainer: true,
    commit: "a".repeat(40),
    file: FILE,
    digest: `sha256:${"b".repeat(64)}`,
    built: "0123456789ab",
  });

  it("is a line of doctor with the command that builds it", async () => {
    const project = projectOf(lock);
    const [needed] = neededImages([project], names);
    expect(needed).toEqual({ project: "web", reference: "team-platform/devcontainer/web:0123456789ab" });
    const { docker, present } = standIn();
    const text = `devcontainer of web: ${FILE} of commit aaaaaaaaaaaa`;
    expect(await checkDevcontainers(docker, names, [project], "prod")).toEqual([
      {
        verdict: "failed",
        text: `${text}; its image is not on the host`,
        fix: "npm run devcontainer -- web --stack prod --locked",
      },
    ]);
    present.add(needed?.reference ?? "");
    expect(await checkDevcontainers(docker, names, [project], "prod")).toEqual([
      { verdict: "ok", text: `${text}, its image is on the host` },
    ]);
    const mute: RunDocker = async () => ({
      code: 1,
      stdout: "",
      stderr: "Cannot connect to the Docker daemon",
    });
    expect(await isOnHost(mute, "x")).toBeUndefined();
  });

  it.each([
    "pull access denied for team-platform/devcontainer/web, repository does not exist or may require 'docker login'",
    "team-platform/devcontainer/web:0123456789ab: failed to resolve source metadata: pull access denied, repository does not exist",
  ])("is one sentence where a builder says %s", (text) => {
    expect(buildRefusal(text)).toBe(
      "web: its devcontainer's image is not on the host: npm run devcontainer -- web --locked",
    );
    const urn = "urn:pulumi:prod::opencode-platform::docker:index/image:Image::environment-0";
    const progress = new UpdateProgress(undefined, "prod");
    progress.apply({ diagnosticEvent: { urn, message: text, severity: "error" } });
    expect(progress.errors).toEqual([
      "web: its devcontainer's image is not on the host: npm run devcontainer -- web --stack prod --locked",
    ]);
  });
});
