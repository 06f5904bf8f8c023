import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../config/errors.ts";
import { foundLine, newNames } from "../../operate/workspaces/found.ts";
import {
  describeLeft,
  isLeft,
  listLeft,
  purge,
  resetHome,
  setAside,
  untilUnused,
} from "../../operate/workspaces/left.ts";
import { asideName, isLeftName, leftPaths, projectOfAside } from "../../operate/workspaces/names.ts";
import type { WorkspacesPlace } from "../../operate/workspaces/place.ts";
import { type ExecResult, exec } from "../../toolchain/lib/exec.ts";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

let folder: string;
/** What Docker says of containers: `opencode-project-shop running`. */
let containers: string;
/** What is beside the workspaces, and must never be touched. */
const outside = () => join(folder, "outside");
const at = (...parts: string[]) => join(folder, "it's here", ...parts);

const done = (stdout: string): ExecResult => ({ code: 0, stdout, stderr: "" });

/** As `docker container inspect` says it. */
function inspected(): string {
  const [name = "", status = ""] = containers.trim().split(" ");
  return JSON.stringify([{ Name: `/${name}`, State: { Status: status } }]);
}

const place = (over: Partial<WorkspacesPlace> = {}): WorkspacesPlace => ({
  directory: at(),
  host: "this machine",
  stackFlag: "",
  run: (script, timeoutMs) => exec("sh", ["-c", script], { timeoutMs }),
  docker: async ([verb]) => done(verb === "ps" ? containers && "id" : inspected()),
  prefix: "opencode",
  ...over,
});

/** A host on which one command fails as it does on a full disk, or for want of a right. */
const failing = (command: string, when: string): WorkspacesPlace =>
  place({
    run: (script, timeoutMs) => {
      const broken = `${command}() { case "$*" in *${when}*) echo 'No space left on device' >&2; return 1;; *) command ${command} "$@";; esac; }`;
      return exec("sh", ["-c", `${broken}\n${script}`], { timeoutMs });
    },
  });

function write(path: string, text = "text"): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

/** A project with a checkout, sessions, and what a hostile agent plants: links out of its home, to files, directories and itself. */
function makeProject(name: string): void {
  write(at(name, "src", "index.ts"));
  write(at(".data", name, ".local/share/opencode/opencode.db"), "sessions");
  write(at(".data", name, ".config/opencode/opencode.json"), "planted");
  for (const home of [at(name), at(".data", name)]) {
    symlinkSync(outside(), join(home, "directory"));
    symlinkSync(join(outside(), "precious"), join(home, "file"));
    symlinkSync("..", join(home, "up"));
    symlinkSync("/", join(home, "root"));
  }
  write(at(".data", name, "-rf"));
  write(at(".data", name, "$(touch ran)\n; touch ran"));
}

/** All names below the directory of workspaces, at its two levels. */
const names = () => [...readdirSync(at()), ...readdirSync(at(".data")).map((name) => `.data/${name}`)].sort();
const asides = () => names().filter((name) => name.includes(".removed-"));

beforeEach(() => {
  folder = temporaryFolder();
  containers = "";
  write(join(outside(), "precious"), "precious");
  mkdirSync(at(".data"), { recursive: true });
  mkdirSync(at(".panel"));
  makeProject("shop");
  makeProject("blog");
});

afterEach(() => {
  expect(readFileSync(join(outside(), "precious"), "utf8")).toBe("precious");
  expect(readdirSync(outside())).toEqual(["precious"]);
  expect([existsSync(join(folder, "ran")), existsSync("ran")]).toEqual([false, false]);
  removeFolder(folder);
});

describe("the names of what was left behind", () => {
  it("are a project's or of something set aside: no other is looked for", async () => {
    for (const name of [
      "",
      ".",
      "..",
      "../outside",
      ".panel",
      ".data",
      "shop/../../outside",
      "shop.removed-yesterday",
      "../x.removed-20261129T221757Z",
      "shop\n",
      "-rf",
      "lost+found",
    ]) {
      expect([name, isLeftName(name)]).toEqual([name, false]);
      expect(() => leftPaths(at(), name)).toThrow("is not the name of a workspace");
      for (const act of [isLeft, purge, resetHome, setAside])
        await expect(act(place(), name)).rejects.toThrow("is not the name of a workspace");
    }
    expect(names()).toEqual([".data", ".data/blog", ".data/shop", ".panel", "blog", "shop"]);
  });

  it("of something set aside have the project's and the time, and are no project's", () => {
    const aside = asideName("shop", new Date("2026-11-29T22:17:57.123Z"));
    expect([aside, projectOfAside(aside), projectOfAside("shop"), isLeftName(aside)]).toEqual([
      "shop.removed-20261129T221757Z",
      "shop",
      undefined,
      true,
    ]);
  });
});

describe("what was left behind", () => {
  it("is listed with its size and last use, without what is in projects.yaml", async () => {
    const used = new Date("2026-01-02T03:04:05Z");
    const home = at(".data", "shop");
    for (const name of [".local/share/opencode/opencode.db", ".config/opencode/opencode.json", "-rf"])
      utimesSync(join(home, name), used, used);
    utimesSync(join(home, "$(touch ran)\n; touch ran"), used, used);
    write(at("shop", "big"), "x".repeat(2 ** 20));
    mkdirSync(at("old.removed-20260101T000000Z"));
    mkdirSync(at("lost+found"));
    const left = await listLeft(place(), ["blog"]);
    expect(left.map(({ name }) => name)).toEqual(["old.removed-20260101T000000Z", "shop"]);
    const [old, shop] = left;
    expect(old?.lastUsed).toBeUndefined();
    expect(shop?.lastUsed).toBe(used.getTime());
    expect(shop?.bytes).toBeGreaterThan(2 ** 20);
    // Not of what the planted links lead to, `/` among it.
    expect(shop?.bytes).toBeLessThan(2 * 2 ** 20);
  });

  it("has been used now at the latest, whatever an agent says", async () => {
    const future = new Date("2040-01-01T00:00:00Z");
    utimesSync(at(".data", "shop", "-rf"), future, future);
    expect((await describeLeft(place(), "shop"))?.lastUsed).toBeLessThanOrEqual(Date.now());
  });

  it("may be only a home, only a checkout, or a link that leads nowhere", async () => {
    rmSync(at("shop"), { recursive: true });
    rmSync(at(".data", "blog"), { recursive: true });
    symlinkSync("/nowhere", at("link"));
    for (const name of ["shop", "blog", "link"])
      expect([name, await isLeft(place(), name)]).toEqual([name, true]);
    expect(await isLeft(place(), "never")).toBe(false);
    expect(await describeLeft(place(), "never")).toBeUndefined();
  });

  it("is nothing where there are no workspaces yet", async () => {
    const none = place({ directory: at("none") });
    expect([await listLeft(none, []), await isLeft(none, "shop")]).toEqual([[], false]);
  });

  it("is without a size where measuring takes too long", async () => {
    const slow = place({
      run: (script, timeoutMs) =>
        script.includes("du -sk")
          ? Promise.resolve({ code: null, stdout: "shop\t12", stderr: "" })
          : exec("sh", ["-c", script], { timeoutMs }),
    });
    expect(await listLeft(slow, [])).toEqual([{ name: "blog" }, { name: "shop" }]);
  });
});

describe("a purge", () => {
  it("deletes the workspace and home of one project, and no link's target", async () => {
    await purge(place(), "shop");
    expect(names()).toEqual([".data", ".data/blog", ".panel", "blog"]);
    await purge(place(), "shop");
  });

  it("deletes what was set aside, and the rest of an interrupted deletion", async () => {
    const { aside } = await setAside(place(), "shop");
    rmSync(at(aside), { recursive: true });
    expect((await listLeft(place(), ["blog"])).map(({ name }) => name)).toEqual([aside]);
    await purge(place(), aside);
    expect(names()).toEqual([".data", ".data/blog", ".panel", "blog"]);
  });

  it("deletes a workspace that is a link, and not what it leads to", async () => {
    for (const path of [at("shop"), at(".data", "shop")]) {
      rmSync(path, { recursive: true });
      symlinkSync(outside(), path);
    }
    await purge(place(), "shop");
    expect(names()).toEqual([".data", ".data/blog", ".panel", "blog"]);
  });

  it("deletes what its owner has locked", async () => {
    write(at(".data", "shop", "locked", "inner", "file"));
    chmodSync(at(".data", "shop", "locked", "inner"), 0);
    chmodSync(at(".data", "shop", "locked"), 0);
    await purge(place(), "shop");
    expect(names()).toEqual([".data", ".data/blog", ".panel", "blog"]);
  });

  it("is refused while there is a container, also a stopped one", async () => {
    for (const state of ["running", "exited"]) {
      containers = `opencode-project-shop ${state}\n`;
      await expect(purge(place(), "shop")).rejects.toThrow(
        "workspace of shop: is still used by the container opencode-project-shop — remove its entry",
      );
    }
    expect(asides()).toEqual([]);
  });

  it("asks Docker for the project's own containers, and is refused if Docker does not answer", async () => {
    const asked: (readonly string[])[] = [];
    const dead = place({
      docker: async (args) => {
        asked.push(args);
        return { code: 1, stdout: "", stderr: "Cannot connect to the Docker daemon\n" };
      },
    });
    await expect(purge(dead, "shop")).rejects.toThrow(
      "docker: is not responding, so the workspace may be in use on this machine: Cannot connect to the Docker daemon — npm run doctor",
    );
    expect(asked[0]?.join(" ")).toContain(
      "--filter label=dev.opencode-platform.prefix=opencode --filter label=dev.opencode-platform.project=shop",
    );
    expect(asides()).toEqual([]);
  });

  it("says what this user can't delete, and that is not under the project's name", async () => {
    const error = await purge(failing("rm", ".data"), "shop").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UserError);
    const [aside] = asides();
    expect((error as UserError).fix).toBe(`sudo rm -rf '${at(aside ?? "").replace(/'/g, "'\\''")}'`);
    expect(await isLeft(place(), "shop")).toBe(false);
  });
});

describe("setting aside", () => {
  it("frees the name, keeps everything, and can be undone", async () => {
    const { aside, putBack } = await setAside(place(), "shop");
    expect(names()).toEqual([".data", ".data/blog", `.data/${aside}`, ".panel", "blog", aside].sort());
    expect(readFileSync(at(".data", aside, ".config/opencode/opencode.json"), "utf8")).toBe("planted");
    await putBack();
    expect(names()).toEqual([".data", ".data/blog", ".data/shop", ".panel", "blog", "shop"]);
  });

  it("moves both directories or none", async () => {
    await expect(setAside(failing("mv", "here/shop"), "shop")).rejects.toThrow(
      "workspace of shop: could not be set aside, and is as it was, on this machine: No space left on device",
    );
    expect(names()).toEqual([".data", ".data/blog", ".data/shop", ".panel", "blog", "shop"]);
  });

  it("overwrites nothing", async () => {
    const { aside, putBack } = await setAside(place(), "shop");
    makeProject("shop");
    await expect(putBack()).rejects.toThrow("is there already");
    expect(asides()).toEqual([`.data/${aside}`, aside]);
  });
});

describe("a removal that is under way", () => {
  it("is waited for, and not for ever", async () => {
    containers = "opencode-project-shop running";
    let looks = 0;
    const ending = place({
      docker: async ([verb]) => {
        if (verb === "ps" && ++looks === 3) containers = "";
        return done(verb === "ps" ? containers && "id" : inspected());
      },
    });
    await untilUnused(ending, "shop", { everyMs: 1 });
    expect(looks).toBe(3);
    containers = "opencode-project-shop running";
    await untilUnused(place(), "shop", { withinMs: 5, everyMs: 1 });
    await expect(purge(place(), "shop")).rejects.toThrow("is still used by the container");
  });
});

describe("resetting a home", () => {
  it("gives a project an empty one of the same owner, keeps its checkout, and what was in it", async () => {
    const { uid, gid } = lstatSync(at(".data", "shop"));
    const aside = await resetHome(place(), "shop");
    expect(readdirSync(at(".data", "shop"))).toEqual([]);
    const made = lstatSync(at(".data", "shop"));
    expect([made.isDirectory(), made.uid, made.gid, made.mode & 0o777]).toEqual([true, uid, gid, 0o755]);
    expect(readFileSync(at("shop", "src", "index.ts"), "utf8")).toBe("text");
    expect(asides()).toEqual([`.data/${aside}`]);
    await purge(place(), aside);
    expect(asides()).toEqual([]);
  });

  it("puts a directory in the place of a link", async () => {
    rmSync(at(".data", "shop"), { recursive: true });
    symlinkSync(outside(), at(".data", "shop"));
    await resetHome(place(), "shop");
    expect(lstatSync(at(".data", "shop")).isDirectory()).toBe(true);
  });

  it("is done for a stopped container, and refused for any that may write", async () => {
    for (const state of ["running", "restarting", "paused"]) {
      containers = `opencode-project-shop ${state}\n`;
      await expect(resetHome(place(), "shop")).rejects.toThrow(
        state === "paused"
          ? "shop: is asleep or paused, and goes on with its home as it is — stop it first"
          : `shop: is ${state}, and writes to its home — stop it first`,
      );
    }
    expect(asides()).toEqual([]);
    containers = "opencode-project-shop exited\n";
    await resetHome(place(), "shop");
  });

  it("leaves the home as it was if no other can be made", async () => {
    for (const [command, when] of [
      ["mkdir", ".data/shop"],
      ["mv", ".removed"],
      ...(process.getuid?.() === 0 ? [["chown", ".data/shop"]] : []),
    ] as const)
      await expect(resetHome(failing(command ?? "", when ?? ""), "shop")).rejects.toThrow(
        "could not be reset, and is as it was, on this machine: No space left on device",
      );
    expect(names()).toEqual([".data", ".data/blog", ".data/shop", ".panel", "blog", "shop"]);
    expect(readFileSync(at(".data", "shop", "-rf"), "utf8")).toBe("text");
  });

  it("is refused for a project without a workspace or home", async () => {
    await expect(resetHome(place(), "never")).rejects.toThrow("never: has no workspace in");
    rmSync(at(".data", "shop"), { recursive: true });
    await expect(resetHome(place(), "shop")).rejects.toThrow("there is no home");
  });
});

describe("an update", () => {
  it("says which new entries find something, and of no other project", async () => {
    const urn = (name: string) => `urn:pulumi:local::opencode-platform::opencode:platform:Project::${name}`;
    const deployment = {
      resources: [
        { urn: urn("blog"), type: "opencode:platform:Project" },
        { urn: urn("shop"), type: "docker:index/container:Container" },
      ],
    };
    const entries = ["blog", "shop", "new"].map((name) => ({ name }));
    expect(newNames(entries, deployment)).toEqual(["shop", "new"]);
    expect(newNames(entries, undefined)).toEqual(["blog", "shop", "new"]);
    expect(await foundLine(place({ stackFlag: " --stack prod" }), ["shop", "new"])).toBe(
      "Found and used again, with sessions and settings: the workspaces of earlier projects shop. To begin anew with one, take its entry out, apply that, run npm run purge -- <name> --stack prod, and put it back.",
    );
    expect(await foundLine(place(), ["new"])).toBeUndefined();
  });
});

describe("a host that does not answer", () => {
  it("is named, with what to do, and is not taken for an empty one", async () => {
    const dead = place({
      host: "the droplet opencode-prod",
      stackFlag: " --stack prod",
      run: async () => ({ code: 255, stdout: "", stderr: "ssh: connect to host x: Connection timed out\n" }),
    });
    for (const act of [
      isLeft(dead, "shop"),
      describeLeft(dead, "shop"),
      listLeft(dead, []),
      purge(dead, "shop"),
      setAside(dead, "shop"),
      resetHome(dead, "shop"),
    ])
      await expect(act).rejects.toThrow(
        /on the droplet opencode-prod: ssh: connect to host x: Connection timed out — npm run doctor -- --stack prod$/,
      );
  });

  it("may not have finished a deletion, which can be repeated under the name that it has then", async () => {
    const slow = place({
      stackFlag: " --stack prod",
      run: (script, timeoutMs) =>
        script.includes("rm -rf")
          ? Promise.resolve({ code: null, stdout: "", stderr: "" })
          : exec("sh", ["-c", script], { timeoutMs }),
    });
    await expect(purge(slow, "shop")).rejects.toThrow(
      /is not deleted yet after ten minutes — npm run purge -- shop\.removed-\d{8}T\d{6}Z --stack prod$/,
    );
  });
});
