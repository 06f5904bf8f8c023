/** The scripts of a project and of all projects, run by a real shell on a real folder; `docker` alone is a stand-in that notes its calls. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeOwnedDirectory, mapsProjectUids } from "../../components/host/users.ts";
import { type ApplyArgs, applyScript, indexPath } from "../../components/project/apply-script.ts";
import { diskWeight } from "../../components/project/share-options.ts";
import { makeDirectories, workspacesScript } from "../../components/project/workspaces.ts";
import { DEFAULT_RESOURCES } from "../../config/projects/resources.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { sizeOf } from "../../config/text/sizes.ts";

let folder = "";
const at = (...path: string[]) => join(folder, ...path);
const makeDirectory = (path: string) => `mkdir -p ${shellQuote(path)}`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "it's a host-"));
  for (const name of ["bin", "routes", "index"]) mkdirSync(at(name));
  // Refuses the container of a project that the test says is broken, as Docker does one that is not there.
  const docker = `#!/bin/sh\necho "$*" >> ${shellQuote(at("calls"))}\ncase "$*" in *broken*) echo "Error: No such container: broken" >&2; exit 1;; esac\n`;
  writeFileSync(at("bin", "docker"), docker);
  chmodSync(at("bin", "docker"), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (script: string, input = "") =>
  spawnSync("/bin/sh", ["-c", script], {
    input,
    encoding: "utf8",
    env: { ...process.env, PATH: `${at("bin")}:${process.env.PATH}` },
  });
const calls = () => (existsSync(at("calls")) ? readFileSync(at("calls"), "utf8").trim().split("\n") : []);

const args = (name: string, others: Partial<ApplyArgs> = {}): ApplyArgs => ({
  container: `oc-project-${name}`,
  state: "running",
  pids: 99,
  directories: [makeDirectory(at("workspaces", name))],
  routePath: at("routes", `${name}.yml`),
  ...others,
});

/** Projects that say no more than their names. */
const named = (...names: string[]) => names.map((name) => ({ name, resources: DEFAULT_RESOURCES }));

/** A time long ago, by which a file that is written anew is told from one that is left. */
function age(...files: string[]): void {
  for (const file of files) utimesSync(file, 1, 1);
}
const isUntouched = (file: string) => statSync(file).mtimeMs === 1000;

describe("the script of a project", () => {
  it("writes the route that it reads, for its owner alone, and limits the processes", () => {
    const { status, stderr } = run(applyScript(args("web")).create, "route: secret\n");
    expect([status, stderr]).toEqual([0, ""]);
    expect(readFileSync(at("routes", "web.yml"), "utf8")).toBe("route: secret\n");
    expect(statSync(at("routes", "web.yml")).mode & 0o777).toBe(0o600);
    expect(readdirSync(at("routes"))).toEqual(["web.yml"]);
    expect(existsSync(at("workspaces", "web"))).toBe(true);
    expect(calls()).toEqual(["update --pids-limit 99 oc-project-web"]);
  });

  it("gives a project of another weight that for the disk too, and goes on where Docker refuses", () => {
    const weight = diskWeight("oc-project-web", { weight: 2000 });
    expect(run(applyScript(args("web", { weight })).create).status).toBe(0);
    expect(calls()).toContain("update --blkio-weight 1000 oc-project-web");
    const refused = diskWeight("oc-broken-weight", { weight: 5 });
    expect(run(applyScript(args("web", { weight: refused })).create).status).toBe(0);
    expect(calls()).toContain("update --blkio-weight 10 oc-broken-weight");
  });

  it("leaves files as they are that are as they should be, and every other project's", () => {
    const index = { path: indexPath(at("index"), "web"), text: `{"name":"it's"}` };
    const { create } = applyScript(args("web", { index }));
    const files = [at("routes", "web.yml"), index.path, at("routes", "other.yml")];
    writeFileSync(at("routes", "other.yml"), "other");
    expect(run(create, "a: 1\n").status).toBe(0);
    age(...files);
    expect(run(create, "a: 1\n").status).toBe(0);
    expect(files.map(isUntouched)).toEqual([true, true, true]);
    expect(run(create, "a: 2\n").status).toBe(0);
    expect(files.map(isUntouched)).toEqual([false, true, true]);
    expect(readFileSync(index.path, "utf8")).toBe(index.text);
    expect(statSync(index.path).mode & 0o777).toBe(0o644);
  });

  it("takes the place of the index file of 0.1, so that a project is listed once", () => {
    writeFileSync(at("index", "web.json"), "old");
    const index = { path: indexPath(at("index"), "web"), text: "{}" };
    expect(run(applyScript(args("web", { index })).create).status).toBe(0);
    expect(readdirSync(at("index"))).toEqual(["web.entry.json"]);
  });

  it("stops a stopped project before its route says so", () => {
    run(applyScript(args("web", { state: "stopped" })).create);
    expect(calls().at(-1)).toBe("stop -t 10 oc-project-web");
  });

  it("fails with what failed, and writes no route then; another project's script is not kept from its own", () => {
    const broken = run(applyScript(args("broken")).create, "route\n");
    expect(broken.status).not.toBe(0);
    expect(broken.stderr).toContain("No such container: broken");
    expect(run(applyScript(args("web")).create, "route\n").status).toBe(0);
    expect(readdirSync(at("routes"))).toEqual(["web.yml"]);
  });

  it("gives the keeper its file, the last line of what it reads, for its owner alone", () => {
    mkdirSync(at("keeper"));
    const keeper = { path: at("keeper", "web.json"), asleepPath: at("routes", "web.asleep.yml") };
    const { create } = applyScript(args("web", { keeper }));
    const [route, json] = ['# id\n{"a":"it\'s"}\n', '{"project":"web","text":"a \\\\n %s"}\n'];
    expect(run(create, route + json).status).toBe(0);
    expect(readFileSync(at("routes", "web.yml"), "utf8")).toBe(route);
    expect(readFileSync(keeper.path, "utf8")).toBe(json);
    expect(statSync(keeper.path).mode & 0o777).toBe(0o600);
    age(at("routes", "web.yml"), keeper.path);
    expect(run(create, route + json).status).toBe(0);
    expect([at("routes", "web.yml"), keeper.path].map(isUntouched)).toEqual([true, true]);
    expect(run(create, `${route}{}\n`).status).toBe(0);
    expect([at("routes", "web.yml"), keeper.path].map(isUntouched)).toEqual([true, false]);
    expect(readdirSync(at("keeper"))).toEqual(["web.json"]);
  });

  it("lets a paused container go on before it is stopped or removed, and takes the keeper's files away", () => {
    mkdirSync(at("keeper"));
    const keeper = { path: at("keeper", "web.json"), asleepPath: at("routes", "web.asleep.yml") };
    const web = applyScript(args("web", { keeper, state: "stopped" }));
    run(web.create, "route\n{}\n");
    expect(calls()).toEqual([
      "update --pids-limit 99 oc-project-web",
      "unpause oc-project-web",
      "stop -t 10 oc-project-web",
    ]);
    writeFileSync(keeper.asleepPath, "{}");
    expect(run(web.delete).status).toBe(0);
    expect(calls().at(-1)).toBe("unpause oc-project-web");
    expect([readdirSync(at("routes")), readdirSync(at("keeper"))]).toEqual([[], []]);
    // Without a container too.
    expect(run(applyScript(args("broken", { keeper })).delete).status).toBe(0);
  });

  it("takes its files away at its end, and no other's", () => {
    const index = { path: indexPath(at("index"), "web"), text: "{}" };
    const web = applyScript(args("web", { index }));
    run(web.create);
    run(applyScript(args("web-2")).create);
    expect(run(web.delete).status).toBe(0);
    expect([readdirSync(at("routes")), readdirSync(at("index"))]).toEqual([["web-2.yml"], []]);
  });
});

it.each([
  ["         0          0 4294967295\n", true],
  // An unprivileged container; Docker with userns-remap; macOS.
  ["         0     100000      65536\n", false],
  ["0 1000 1\n1 100000 65536\n", false],
  ["", false],
])("a machine with the ids %j can give projects users of their own: %s", (map, can) => {
  expect(mapsProjectUids(map)).toBe(can);
});

describe("a directory of a project's user", () => {
  const gid = process.getgid?.() ?? 0;
  const chown = (...lines: string[]) => {
    writeFileSync(at("bin", "chown"), ["#!/bin/sh", ...lines].join("\n"));
    chmodSync(at("bin", "chown"), 0o755);
  };
  const noting = () =>
    chown(
      "[ $1 != -hRP ] || shift",
      "owner=$1; shift",
      `for path; do echo "$owner $path"; done >> ${shellQuote(at("calls"))}`,
    );

  it("is made, and changes hands with all that is in it, itself last", () => {
    noting();
    const path = at("work space's");
    mkdirSync(join(path, "deep"), { recursive: true });
    symlinkSync("/etc/passwd", join(path, "deep", "link"));
    expect(run(makeOwnedDirectory(path, { uid: 4321, gid }))).toMatchObject({ status: 0, stderr: "" });
    expect(calls()).toEqual([join(path, "deep"), path].map((each) => `4321:${gid} ${each}`));
    expect(run(makeOwnedDirectory(at("new"), { uid: 4321, gid })).status).toBe(0);
    expect(calls().at(-1)).toBe(`4321:${gid} ${at("new")}`);
  });

  it("is left as it is where it is the user's already", () => {
    noting();
    mkdirSync(at("own", "deep"), { recursive: true });
    expect(run(makeOwnedDirectory(at("own"), { uid: process.getuid?.() ?? 0, gid })).status).toBe(0);
    expect(calls()).toEqual([]);
  });

  it("stays another's if something in it could not be given, and its container goes on waiting for its limit", () => {
    chown("echo no room >&2", "exit 1");
    mkdirSync(at("full", "deep"), { recursive: true });
    const directories = [makeOwnedDirectory(at("full"), { uid: 4321, gid })];
    expect(run(applyScript(args("full", { directories })).create, "route\n")).toMatchObject({
      status: 1,
      stderr: "no room\n",
    });
    expect(calls()).toEqual([]);
  });

  it("may be a link of the host's admin's, which leads to what changes hands", () => {
    noting();
    mkdirSync(at("disk", "deep"), { recursive: true });
    symlinkSync(at("disk"), at("linked"));
    expect(run(makeOwnedDirectory(at("linked"), { uid: 4321, gid })).status).toBe(0);
    expect(calls()).toEqual([at("linked", "deep"), at("linked")].map((each) => `4321:${gid} ${each}`));
  });
});

describe("the workspaces' script", () => {
  const host = () => ({
    workspacesDir: at("workspaces"),
    makeDirectory,
    makeDirectoryOf: (_: string, path: string) => makeDirectory(path),
  });

  it("makes what is missing and leaves what is there", () => {
    mkdirSync(at("workspaces", "a"), { recursive: true });
    age(at("workspaces", "a"));
    expect(run(workspacesScript(host(), named("a", "b"))).status).toBe(0);
    expect(readdirSync(at("workspaces")).sort()).toEqual([".data", "a", "b"]);
    expect(isUntouched(at("workspaces", "a"))).toBe(true);
  });

  it("goes on with the others when one can't be made, whose own script then says so", () => {
    mkdirSync(at("workspaces"));
    writeFileSync(at("workspaces", "bad"), "a file in the way");
    expect(run(workspacesScript(host(), named("bad", "good"))).status).toBe(0);
    expect(existsSync(at("workspaces", "good"))).toBe(true);
    const { status, stderr } = run(applyScript(args("bad")).create);
    expect(status).not.toBe(0);
    expect(stderr).toContain(at("workspaces", "bad"));
    expect(run(applyScript(args("good")).create).status).toBe(0);
  });

  it("fails where there is no place for any", () => {
    writeFileSync(at("workspaces"), "a file in the way");
    expect(run(workspacesScript(host(), named("a"))).status).not.toBe(0);
  });

  describe("of projects with a limit of disk", () => {
    const limited = () => ({ ...host(), diskBytes: 10 * 2 ** 30 });
    const [a] = named("a");
    if (!a) throw new Error("no project");

    /** A file system that says it is btrfs, and a `btrfs` that makes directories and notes its calls. */
    function pretend(inode: number): void {
      const kind = 'case "$*" in "-f -c %T"*) echo btrfs ;; *) [ -e "$4" ] && echo $inode || exit 1 ;; esac';
      writeFileSync(at("bin", "stat"), `#!/bin/sh\ninode=${inode}\n${kind}\n`);
      const btrfs =
        'echo "$*" >> "$CALLS"\ncase "$*" in "subvolume create"*) mkdir "$3" ;; "inspect-internal rootid"*) echo 256 ;; esac';
      writeFileSync(at("bin", "btrfs"), `#!/bin/sh\nCALLS=${shellQuote(at("calls"))}\n${btrfs}\n`);
      for (const name of ["stat", "btrfs"]) chmodSync(at("bin", name), 0o755);
    }

    it("makes each a subvolume, all in one group with the limit, where there are quotas", () => {
      pretend(256);
      mkdirSync(at("workspaces"));
      const disk = sizeOf("3GiB");
      const projects = [{ name: "a", resources: { ...DEFAULT_RESOURCES, disk } }];
      const { status, stderr } = run(workspacesScript(limited(), projects));
      expect([status, stderr]).toEqual([0, ""]);
      const root = at("workspaces");
      expect(calls()).toEqual([
        `qgroup show -- ${root}`,
        `subvolume create ${root}/a`,
        `subvolume create ${root}/.data/a`,
        `inspect-internal rootid ${root}/a`,
        `qgroup create 1/256 ${root}`,
        `inspect-internal rootid ${root}/a`,
        `qgroup assign 0/256 1/256 ${root}`,
        `inspect-internal rootid ${root}/.data/a`,
        `qgroup assign 0/256 1/256 ${root}`,
        `qgroup limit ${3 * 2 ** 30} 1/256 ${root}`,
      ]);
    });

    it("gives a project that does not say the host's own figure, and counts what its services keep", () => {
      pretend(256);
      const service = { name: "db", image: "postgres:17", volumes: ["/data"], env: {}, secrets: [] };
      const services = [{ ...service, resources: DEFAULT_RESOURCES }];
      const [limit = ""] = makeDirectories(limited(), { ...a, services });
      expect(run(`set -eu\n{ ${limit}; } || exit`).status).toBe(0);
      expect(calls()).toContain(`subvolume create ${at("workspaces", ".services", "a")}`);
      expect(calls().at(-1)).toBe(`qgroup limit ${10 * 2 ** 30} 1/256 ${at("workspaces")}`);
      expect(statSync(at("workspaces", ".services")).mode & 0o777).toBe(0o700);
    });

    it("leaves a directory as it is that is no subvolume", () => {
      pretend(999);
      for (const path of [["a"], [".data", "a"]]) mkdirSync(at("workspaces", ...path), { recursive: true });
      const [limit = ""] = makeDirectories(limited(), a);
      expect(run(`set -eu\n{ ${limit}; } || exit`).status).toBe(0);
      expect(calls()).toEqual([`qgroup show -- ${at("workspaces")}`]);
    });

    it("does nothing on another file system, and is no part of a script without a limit", () => {
      const [limit = ""] = makeDirectories(limited(), a);
      expect(run(`set -eu\n{ ${limit}; } || exit`).status).toBe(0);
      expect(existsSync(at("workspaces"))).toBe(false);
      expect(workspacesScript(host(), [a])).not.toContain("btrfs");
      expect(makeDirectories(host(), a)).toHaveLength(2);
    });
  });
});
