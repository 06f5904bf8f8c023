/** The storage program's parts that look at the machine: paths, trees, subvolumes, the keeper's leases, its verbs over a socket. */
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serviceData, storageDirectory, workspaceDirectories } from "../../../config/naming/names.ts";
import { fileInImage } from "../../support/opencode/image-files.ts";
import { FakeKeeper, load } from "../../support/opencode/storage-world.ts";
import { run } from "../../support/run.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const { makePaths } = await load("paths");
const { makeSubvolumes } = await load("btrfs");
const { makeParts } = await load("parts");
const { makeMachine } = await load("machine");
const { makeKeeper } = await load("keeper");
const { backupStatus, makeStatus } = await load("status");
const { serveVerbs } = await load("verbs");
const { Refused } = await load("errors");
const { readProjects } = await load("context");

let folder = "";
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => removeFolder(folder));

it("has a project's parts where the rest of the platform has them", () => {
  const paths = makePaths("/srv");
  const { workspace, home } = workspaceDirectories("/srv", "web");
  const parts = ["workspace", "home", "services"].map((part) => paths.part("web", part));
  expect(parts).toEqual([workspace, home, serviceData("/srv", "web")]);
  expect(paths.own).toBe(storageDirectory("/srv"));
});

it("knows the projects by the files that updates write, whatever else is there", async () => {
  writeFileSync(join(folder, "web.json"), '{"project":"web","storage":{"checkpoints":2}}');
  writeFileSync(join(folder, "half.json"), "{");
  writeFileSync(join(folder, "other.txt"), "{}");
  expect([...(await readProjects(folder))]).toEqual([
    ["web", { project: "web", storage: { checkpoints: 2 } }],
  ]);
});

describe("trees", () => {
  const machine = makeMachine();
  const make = (more: object = {}) =>
    makeParts({ paths: makePaths(folder), machine: { ...machine, ...more } });

  it("are copied with their links and modes, and given to a user who does not have them yet", async () => {
    mkdirSync(join(folder, "web/sub"), { recursive: true });
    writeFileSync(join(folder, "web/sub/file"), "text");
    chmodSync(join(folder, "web/sub/file"), 0o640);
    symlinkSync("/etc/passwd", join(folder, "web/link"));
    const calls: string[][] = [];
    const parts = make();
    expect(await parts.copyParts("web", join(folder, "copy"), { readOnly: true })).toEqual({ kind: "copy" });
    expect(readFileSync(join(folder, "copy/workspace/sub/file"), "utf8")).toBe("text");
    const found = await run("stat", [
      "-c",
      "%a %N",
      join(folder, "copy/workspace/link"),
      join(folder, "copy/workspace/sub/file"),
    ]);
    expect(found.stdout).toMatch(/link' -> '\/etc\/passwd'\n640 /);
    const recording = make({
      run: async (...words: [string, string[]]) => calls.push([words[0], ...words[1]]),
    });
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    await recording.own(join(folder, "copy/workspace"), uid, gid);
    expect(calls).toEqual([]);
    await recording.own(join(folder, "copy/workspace"), 700, gid);
    expect(calls).toEqual([["chown", "-hRP", `700:${gid}`, "--", join(folder, "copy/workspace")]]);
  });

  it("are removed whatever they are, and are no fault once they are gone", async () => {
    mkdirSync(join(folder, "tree/sub"), { recursive: true });
    mkdirSync(join(folder, "kept"));
    symlinkSync(join(folder, "kept"), join(folder, "tree/sub/link"));
    symlinkSync(join(folder, "kept"), join(folder, "link"));
    const { removeTree } = make();
    for (const name of ["tree", "link", "none"]) await removeTree(join(folder, name));
    expect(["tree", "link", "kept"].map((name) => existsSync(join(folder, name)))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("say which program has failed, and its last line", async () => {
    await expect(machine.run("cp", ["-a", join(folder, "none"), folder])).rejects.toThrow(
      /^cp -a: cp: cannot stat/,
    );
  });
});

it("finds the limit of a project's disk in the table of groups", async () => {
  const table = "Qgroupid Referenced Exclusive Max referenced Child Path\n";
  const run = async (_program: string, [verb]: string[]) => (verb === "qgroup" ? table : "");
  expect(await makeSubvolumes({ run }).limitOf(folder)).toBeUndefined();
});

describe("the keeper's leases", () => {
  /** A keeper whose clock moves by hand. */
  function make() {
    const fake = new FakeKeeper();
    fake.states.set("web", "awake");
    let now = 0;
    const waits: (() => void)[] = [];
    const machine = { ask: fake.ask, wait: () => new Promise<void>((resolve) => waits.push(resolve)) };
    const said: string[] = [];
    const keeper = makeKeeper({ machine, log: (line: string) => said.push(line), now: () => now });
    return {
      fake,
      keeper,
      said,
      /** Lets the wait for the next renewal end. */
      async renewal(ms: number) {
        now += ms;
        waits.shift()?.();
        await new Promise((resolve) => setImmediate(resolve));
      },
    };
  }

  it("are renewed while the work goes on, and end with it", async () => {
    const { fake, keeper, renewal } = make();
    const result = await keeper.frozen("web", async (was: string) => {
      await renewal(4000);
      await renewal(4000);
      return was;
    });
    expect(result).toBe("awake");
    expect(fake.asked).toEqual(["hold web", "hold web", "hold web", "hold web", "release web"]);
    await renewal(4000);
    expect(fake.asked).toHaveLength(5);
  });

  it("end when the work fails, whose failure it stays", async () => {
    const { fake, keeper } = make();
    const fails = async () => {
      throw new Error("no room");
    };
    await expect(keeper.frozen("web", fails)).rejects.toThrow("no room");
    await expect(keeper.parked("web", fails)).rejects.toThrow("no room");
    expect([fake.leases.size, fake.asked]).toEqual([
      0,
      ["hold web", "release web", "park web", "unpark web"],
    ]);
  });

  it("are no proof of one moment once one has run out, or somebody has taken the project", async () => {
    const late = make();
    await expect(late.keeper.frozen("web", () => late.renewal(60_000))).rejects.toThrow("web went on");
    const taken = make();
    const work = async () => void taken.fake.refuses.set("hold", "somebody has started it");
    await expect(taken.keeper.frozen("web", work)).rejects.toThrow("web went on");
    expect(taken.fake.asked.at(-1)).toBe("release web");
  });

  it("hold through a keeper that is away for a moment", async () => {
    const { fake, keeper, said, renewal } = make();
    let isAway = false;
    fake.on = () => {
      if (isAway) throw new Error("the keeper does not answer");
    };
    await keeper.frozen("web", async () => {
      isAway = true;
      await renewal(4000);
      isAway = false;
    });
    expect(said).toEqual(["web: the keeper does not answer"]);
  });

  it("say how a project is after it was parked, and let go what is held when the program ends", async () => {
    const { fake, keeper } = make();
    expect(await keeper.parked("web", async () => "done")).toEqual({
      result: "done",
      was: "awake",
      state: "awake",
      answers: true,
    });
    void keeper.frozen("web", () => new Promise(() => {}));
    await new Promise((resolve) => setImmediate(resolve));
    await keeper.releaseAll();
    expect(fake.leases.size).toBe(0);
  });
});

it("remembers its status from one change to the next, one after the other", async () => {
  const paths = makePaths(folder);
  mkdirSync(paths.own);
  const status = makeStatus({ paths, machine: makeMachine() });
  const add = (key: string) => status.update((before: object) => ({ ...before, [key]: true }));
  await Promise.all(["a", "b", "c"].map(add));
  expect(await status.read()).toEqual({ a: true, b: true, c: true });
  writeFileSync(paths.status, "{");
  expect(await status.read()).toEqual({});
});

it("says of backups what is set now, whatever was remembered", () => {
  const set = { to: "s3:new", everyMs: 2, repository: "s3:new/x" };
  expect(backupStatus(set, {})).toEqual({ to: "s3:new", everyMs: 2, projects: {} });
  const backup = { to: "/old", everyMs: 1, projects: { web: {} }, check: { ok: true } };
  expect(backupStatus(set, { backup })).toEqual({ ...backup, to: "s3:new", everyMs: 2 });
});

describe("its verbs", () => {
  const verbs = {
    echo: async (argument: object, progress: (step: string, percent?: number) => void) => {
      progress("one");
      progress("two", 50);
      return argument;
    },
    nothing: async () => undefined,
    refuse: async () => {
      throw new Refused("there is no room", "remove something");
    },
    fail: async () => {
      throw new Error("ENOSPC");
    },
  };
  const said: string[] = [];
  /** As `docker exec` runs it; the image's own Node is this one. */
  async function ask(...words: string[]) {
    const socket = join(folder, "socket");
    const server = serveVerbs(socket, verbs, (line: string) => said.push(line));
    await new Promise((resolve) => server.once("listening", resolve));
    try {
      const env = { ...process.env, OPENCODE_PLATFORM_ASK: socket };
      const { code, stdout } = await run(process.execPath, [fileInImage("storage/ask.mjs"), ...words], {
        env,
      });
      return [
        code,
        ...stdout
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line) as unknown),
      ];
    } finally {
      server.close();
    }
  }

  it("are answered line by line, the last of which decides about the exit code", async () => {
    expect(await ask("echo", '{"a":1}')).toEqual([
      0,
      { progress: { step: "one" } },
      { progress: { step: "two", percent: 50 } },
      { result: { a: 1 } },
    ]);
    expect(await ask("nothing")).toEqual([0, { result: null }]);
    expect(await ask("refuse")).toEqual([
      1,
      { error: { what: "there is no room", fix: "remove something" } },
    ]);
    expect(await ask("fail")).toEqual([1, { error: { what: "ENOSPC" } }]);
    expect(said).toEqual(["fail: ENOSPC"]);
  });

  it("end with 2 where there is none of the name, and with 1 where the argument is none or nobody serves", async () => {
    expect(await ask("constructor")).toEqual([2]);
    expect(await ask("echo", "[1]")).toEqual([1, { error: { what: "the argument is not a JSON object" } }]);
    expect(await ask("echo", "{")).toEqual([1, { error: { what: "the argument is not JSON" } }]);
    const env = { ...process.env, OPENCODE_PLATFORM_ASK: join(folder, "none") };
    const { code, stdout } = await run(process.execPath, [fileInImage("storage/ask.mjs"), "echo"], { env });
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      { error: { what: "the storage program does not answer" } },
    ]);
  });
});
