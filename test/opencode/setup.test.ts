/** The image's script `setup` as it is, in folders of its own: when it runs the entry's text, with what, and what it says of that. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../toolchain/lib/exec.ts";
import { copyFromImage, type Places, placesIn } from "../support/opencode/image-files.ts";
import { waitFor, waitForText } from "../support/wait.ts";

let folder = "";
let started: ChildProcess | undefined;
/** The container's log so far. */
let printed = "";

const at = (...path: string[]) => join(folder, ...path);
const read = (...path: string[]) => (existsSync(at(...path)) ? readFileSync(at(...path), "utf8") : "");
const log = () => read("home/.local/share/opencode-platform/setup.log");
const record = () => read("home/.local/share/opencode-platform/setup.json");

/** A script of the image, with its folders in the test's. */
const copyScript = (name: string, ...edits: Places): void =>
  copyFromImage(
    at("lib"),
    [name],
    [...placesIn(folder), ["export PATH=/usr", `export PATH=${at("bin")}:/usr`], ...edits],
  );

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "setup-"));
  for (const name of ["lib", "run", "run/secrets", "status", "home", "workspace"]) mkdirSync(at(name));
  for (const name of ["setup", "server", "without-password"]) copyScript(name);
  copyScript("v1", ["/usr/local/bin/opencode", at("bin/opencode")]);
  symlinkSync("v1", at("lib/major"));
  writeFileSync(at("run/password"), "secret");
  writeFileSync(at("status/filled"), "");
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

const environment = (more: NodeJS.ProcessEnv = {}) => ({
  PATH: process.env.PATH,
  HOME: at("home"),
  ...more,
});

/** Starts a script for good, as the container does. */
function launch(name: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const child = spawn(at("lib", name), args, {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: environment(env),
  });
  child.stdout?.on("data", (data: Buffer) => {
    printed += data.toString();
  });
  started = child;
}

/** The container starts. */
function start(text?: string, env: NodeJS.ProcessEnv = {}): void {
  if (text !== undefined) writeFileSync(at("run/setup"), text);
  printed = "";
  rmSync(at("status/setup"), { force: true });
  launch("setup", ["start"], env);
}

/** The container is killed, with what runs in it. */
async function stop(): Promise<void> {
  const child = started;
  started = undefined;
  if (!child?.pid) return;
  const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
  // The entry's text has a group of its own; its end must not be seen by who waits for it.
  const text = spawnSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" }).stdout;
  killGroup(child.pid);
  for (const pid of text.split("\n").filter(Boolean)) killGroup(Number(pid));
  await ended;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It was of the other group, or has ended.
  }
}

const status = () => read("status/setup").trim();
const until = (wanted: string) =>
  waitFor(
    `the status "${wanted}"`,
    () => (status() === wanted ? { done: true } : { seen: `${status()}\n${printed}` }),
    { every: 20 },
  );

/** What was printed may come a moment after the status. */
const logged = (pattern: RegExp) => waitForText("the log", () => printed, pattern, { every: 20 });

/** Not in one go: this process has to read what the script prints meanwhile, as Docker does. */
const ask = (...args: string[]) => exec(at("lib/setup"), args, { env: environment() });

describe("the text", () => {
  it("runs in the workspace, line by line, with its output in two logs", async () => {
    start('pwd\necho "to stderr" >&2\nprintf "1%%\\r50%%\\r100%%\\r\\n"\nprintf "no end of line"');
    await until("ended 1 0");
    expect(log()).toBe(`${at("workspace")}\nto stderr\n100%\nno end of line\n`);
    await logged(
      /^\[setup\] \/.*\n\[setup\] to stderr\n\[setup\] 100%\n\[setup\] no end of line\n\[setup\] succeeded after \d+ s\n$/,
    );
    expect(JSON.parse(record())).toEqual({
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      code: 0,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/),
      seconds: expect.any(Number),
    });
  });

  it.each([
    ["a failing line", "echo before\nfalse\necho after", 1],
    ["a failing part of a pipe", "echo before\n(exit 3) | cat\necho after", 3],
    ["an unknown command", "echo before\nnot-a-command 2> /dev/null\necho after", 127],
  ])("ends at %s", async (_, text, code) => {
    start(text);
    await until(`ended 1 ${code}`);
    expect(log()).toBe("before\n");
    expect(JSON.parse(record())).toMatchObject({ code });
    await logged(new RegExp(`^\\[setup\\] failed with exit code ${code} after `, "m"));
  });

  it("reads nothing, and leaves nothing running", async () => {
    start(`cat\n(sleep 300; touch ${at("late")}) &\necho $! > ${at("pid")}\necho done`);
    await until("ended 1 0");
    expect(log()).toBe("done\n");
    const pid = Number(read("pid"));
    expect(pid).toBeGreaterThan(1);
    await waitFor("the end of what was left", () =>
      isAlive(pid) ? { seen: `process ${pid}` } : { done: true },
    );
  });

  it("has the environment of the agent's commands: the project's secrets, and not the server's password", async () => {
    start("env", {
      TOKEN: "of the project",
      OPENCODE_SERVER_PASSWORD: "hunter2",
      BASH_ENV: at("lib/without-password"),
    });
    await until("ended 1 0");
    expect(log()).toContain("TOKEN=of the project\n");
    expect(log()).not.toContain("hunter2");
  });

  it("keeps the end of a long output, of lines without an end too", async () => {
    copyScript("setup", ["most=1048576", "most=5000"]);
    start(`seq 1 2000; head -c 9000 /dev/zero | tr '\\0' x; echo; echo last`);
    await until("ended 1 0");
    const kept = read("home/.local/share/opencode-platform/setup.log.1") + log();
    expect(kept.length).toBeGreaterThan(5000);
    expect(kept.length).toBeLessThanOrEqual(10_000);
    expect(kept.endsWith("xxx\nlast\n")).toBe(true);
    await logged(/^\[setup\] 1\n\[setup\] 2\n/);
  });
});

const isAlive = (pid: number): boolean =>
  /^State:\s+[^ZX]/m.test(
    existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "",
  );

describe("when it runs", () => {
  const counted = (end: string) => `echo ran >> ${at("runs")}\n${end}`;
  const runs = () => read("runs").split("\n").length - 1;

  it.each([
    ["succeeded", "true", "0"],
    ["failed", "exit 7", "7"],
  ])("is once for a text that has %s, and again for another", async (_, end, code) => {
    start(counted(end));
    await until(`ended 1 ${code}`);
    await stop();
    start();
    await until(`ended 0 ${code}`);
    expect([runs(), printed]).toEqual([1, ""]);
    await stop();
    start(counted(`${end} # changed`));
    await until(`ended 1 ${code}`);
    expect(runs()).toBe(2);
  });

  it("is again after it was cut off, even if it had succeeded before", async () => {
    const text = counted(`[ ! -e ${at("hang")} ] || sleep 300`);
    start(text);
    await until("ended 1 0");
    writeFileSync(at("hang"), "");
    expect((await ask("request")).stdout).toBe("2\n");
    await until("running 2");
    await stop();
    expect(record()).toBe("");
    rmSync(at("hang"));
    start();
    await until("ended 1 0");
    expect(runs()).toBe(3);
  });

  it("is not before the workspace is filled, nor while another release takes over the sessions", async () => {
    rmSync(at("status/filled"));
    mkdirSync(at("home/.local/share/opencode-platform"), { recursive: true });
    const changing = at("home/.local/share/opencode-platform/changing");
    writeFileSync(changing, "1.18.33 2.0.14 copy 1");
    // So that the test need not wait: each pause is a line.
    copyScript("setup", ["do sleep 1; done", "do echo waits; sleep 0.1; done"]);
    start(counted("true"));
    const pauses = async (more: number) => {
      const before = printed.length;
      await waitFor("pauses", () =>
        printed.length >= before + more * "waits\n".length ? { done: true } : { seen: printed },
      );
    };
    await pauses(2);
    expect([status(), runs(), (await ask("request")).stderr]).toEqual([
      "",
      0,
      "setup: it has not run yet: the project is still starting, or being cloned\n",
    ]);
    writeFileSync(at("status/filled"), "");
    await pauses(2);
    expect(runs()).toBe(0);
    rmSync(changing);
    await until("ended 1 0");
    expect(runs()).toBe(1);
  });

  it("is never without a text", async () => {
    start();
    await once(started as ChildProcess, "exit");
    expect(printed).toBe("");
    expect(await ask("request")).toEqual({
      code: 1,
      stdout: "",
      stderr: "setup: it has none: write it to the entry, and run an update\n",
    });
  });
});

describe("another run", () => {
  it("is followed from its first line to its exit code", async () => {
    start(`echo one; [ -e ${at("fixed")} ] && echo two`);
    await until("ended 1 1");
    expect(await ask("again")).toEqual({ code: 1, stdout: "one\n", stderr: "" });
    writeFileSync(at("fixed"), "");
    expect(await ask("again")).toEqual({ code: 0, stdout: "one\ntwo\n", stderr: "" });
    expect(status()).toBe("ended 3 0");
    expect(JSON.parse(record())).toMatchObject({ code: 0 });
  });

  it("is followed over the beginning of another file of the log", async () => {
    copyScript("setup", ["most=1048576", "most=20000"]);
    start("for part in 1 2 3 4; do seq 1 3000; sleep 0.5; done");
    await until("running 1");
    const { code, stdout } = await ask("follow", "1");
    expect([code, stdout.split("\n").length - 1]).toEqual([0, 12_000]);
  });

  it("is one at a time, and requests for the same one are one", async () => {
    start(`echo ran >> ${at("runs")}; while [ -e ${at("hold")} ]; do sleep 0.05; done`);
    await until("ended 1 0");
    writeFileSync(at("hold"), "");
    // Before the first of them is taken up.
    appendFileSync(at("status/setup-requests"), "2\n2\nnonsense\n");
    await until("running 2");
    expect(await ask("request")).toEqual({ code: 1, stdout: "", stderr: "setup: it is running already\n" });
    rmSync(at("hold"));
    await until("ended 2 0");
    expect((await ask("again")).code).toBe(0);
    expect(read("runs")).toBe("ran\nran\nran\n");
  });

  it("waits for somebody to trust the repository", async () => {
    writeFileSync(at("run/setup"), "echo");
    writeFileSync(at("status/asking"), "");
    expect(await ask("again")).toEqual({
      code: 1,
      stdout: "",
      stderr: "setup: somebody has to trust the repository first: open the project in a browser\n",
    });
  });

  it("is said not to come when nothing in the container runs it", async () => {
    start("echo one");
    await until("ended 1 0");
    await stop();
    copyScript("setup", ["{1..100}", "{1..2}"]);
    expect(await ask("again")).toEqual({
      code: 1,
      stdout: "",
      stderr: "setup: nothing in the container runs it: restart the project\n",
    });
  });
});

describe("the entrypoint", () => {
  const stub = (name: string, text: string) =>
    writeFileSync(at("lib", name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });

  it("runs it beside the server, once the repository is trusted, with the secrets", async () => {
    copyScript("entrypoint", ["has_limit() {", "has_limit() { return 0; "]);
    stub("workspace", `touch ${at("status/filled")} ${at("status/settled")}`);
    stub("trust", `touch ${at("asked")}; until [ -e ${at("yes")} ]; do sleep 0.05; done`);
    stub("upgrade", "exit 0");
    for (const name of ["relay.mjs", "forge"]) stub(name, "");
    stub("gate", `exec ${at("lib/entrypoint")} started`);
    mkdirSync(at("bin"));
    writeFileSync(at("bin/opencode"), `#!/bin/sh\nenv > ${at("server")}\nexec sleep 300\n`);
    writeFileSync(at("bin/node"), "#!/bin/bash\nexec sleep 300\n");
    for (const name of ["opencode", "node"]) chmodSync(at("bin", name), 0o755);
    writeFileSync(at("run/secrets/TOKEN"), "of the project");
    writeFileSync(at("run/setup"), `env; until [ -e ${at("server")} ]; do sleep 0.05; done; sleep 300`);
    launch("entrypoint", [], {
      PATH: `/home/of/the/project/bin:${at("bin")}:${process.env.PATH}`,
      https_proxy: "http://proxy.example:3128",
      NO_PROXY: "example.com",
    });
    await waitFor("the question", () => (existsSync(at("asked")) ? { done: true } : { seen: printed }), {
      every: 20,
    });
    expect([existsSync(at("status/setup")), log()]).toEqual([false, ""]);
    writeFileSync(at("yes"), "");
    await until("running 1");
    await waitFor("the server", () =>
      read("server").includes("PASSWORD") ? { done: true } : { seen: printed },
    );
    await waitFor("its output", () => (log().includes("PATH=") ? { done: true } : { seen: log() }));
    expect(log()).toContain("TOKEN=of the project\n");
    // A proxy is no way to opencode itself.
    expect(read("server")).toMatch(/^no_proxy=localhost,127\.0\.0\.1,::1$/m);
    expect(read("server")).toMatch(/^NO_PROXY=example\.com,localhost,127\.0\.0\.1,::1$/m);
    // As the agent's commands find programs, while the platform's scripts take the image's alone.
    expect(log()).toContain("PATH=/home/of/the/project/bin:");
    expect(log()).not.toContain("OPENCODE_PLATFORM_PATH");
    expect(log()).not.toContain("PASSWORD");
    // What it has started has groups and sessions of its own.
    for (const pid of spawnSync("pgrep", ["-f", folder], { encoding: "utf8" }).stdout.split("\n"))
      if (pid) process.kill(Number(pid), "SIGKILL");
  });
});
