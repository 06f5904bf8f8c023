/** Restores: of a project, of a file, under another name; and that nothing is where it should not be. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type BackupSeen,
  type BackupWorld,
  backupModule,
  makeBackupWorld,
} from "../../../support/storage/backup.ts";
import { removeFolder, temporaryFolder } from "../../../support/temporary.ts";

const DATABASE = "home/.local/share/opencode/opencode.db";
let folder: string;
let world: BackupWorld;

/** opencode's database, with so many sessions. */
function sessions(count: number): void {
  const path = join(world.part("shop", "home"), ".local/share/opencode/opencode.db");
  rmSync(path, { force: true });
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE session (id TEXT)");
  for (let each = 0; each < count; each++) database.exec(`INSERT INTO session VALUES ('${each}')`);
  database.close();
}
beforeEach(async () => {
  folder = temporaryFolder();
  world = await makeBackupWorld(folder);
  world.add("shop", { "workspace/src/app.ts": "one", "workspace/read[me].md": "r", [DATABASE]: "" });
  sessions(3);
});
afterEach(() => removeFolder(folder));

interface Restored {
  readonly backup: BackupSeen;
  readonly before?: BackupSeen;
  readonly files?: number;
  readonly sessions?: number;
}
const backup = async () => (await world.ask<BackupSeen[]>("backup"))[0];
const restore = (more: Record<string, unknown> = {}) =>
  world.ask<Restored>("restore", { project: "shop", ...more });
const data = (id = "") => {
  const all = join(world.repository, "data");
  return join(all, readdirSync(all).find((name) => name.startsWith(id)) ?? "");
};

describe("a project", () => {
  it("is as it was, its sessions too; what was there is a backup of its own", async () => {
    const first = await backup();
    world.write("shop", { "workspace/src/app.ts": "broken", "workspace/new": "" });
    sessions(9);
    const { backup: restored, before, files, sessions: counted } = await restore();
    expect(restored.id).toBe(first?.id);
    expect(before).toMatchObject({ reason: "before-restore" });
    expect([files, counted]).toEqual([3, 3]);
    expect(world.read("shop", "workspace/src/app.ts")).toBe("one");
    expect(existsSync(join(world.part("shop", "workspace"), "new"))).toBe(false);
    expect(existsSync(join(world.part("shop", "home"), ".local/share/opencode/opencode.db"))).toBe(true);
    expect(existsSync(join(world.own, "work/shop/restore"))).toBe(false);
    expect(world.held.size).toBe(0);
    // Not by the newest alone, and back again.
    expect((await restore({ withoutBackup: true })).backup.id).toBe(first?.id);
    await restore({ at: before?.id });
    expect(world.read("shop", "workspace/src/app.ts")).toBe("broken");
  });

  it("is chosen by an id, the beginning of one, or a time", async () => {
    const first = await backup();
    world.later(2 * 24 * 3_600_000);
    world.write("shop", { "workspace/src/app.ts": "two" });
    const second = await backup();
    const day = first?.at.slice(0, 10);
    for (const [at, expected] of [
      ["latest", second],
      [first?.id, first],
      [first?.id.slice(0, 5), first],
      [first?.at, first],
      // The whole of the day: what was made in its course is meant, too.
      [day, first],
    ] as const)
      expect((await restore({ at, withoutBackup: true })).backup.id).toBe(expected?.id);
    await expect(restore({ at: `${day}T00:00Z` })).rejects.toThrow("shop has no backup from before");
    await expect(restore({ at: "2020-01-01" })).rejects.toThrow("shop has no backup from before 2020-01-01");
    await expect(restore({ at: "nonsense" })).rejects.toThrow("shop has no backup nonsense");
    await expect(restore({ project: "other" })).rejects.toThrow("other has no backup");
  });

  it("comes back where nothing is left of it, and of what this program remembers", async () => {
    await backup();
    rmSync(world.root, { recursive: true });
    mkdirSync(world.own, { recursive: true });
    world.restart();
    const { before } = await restore();
    expect(before).toBeUndefined();
    expect(world.read("shop", "workspace/src/app.ts")).toBe("one");
  });

  it("is put beside under a name that is free, and belongs to whom it says", async () => {
    await backup();
    await restore({ into: { name: "shop-then", uid: 1234, gid: 100 } });
    expect(world.read("shop-then", "workspace/src/app.ts")).toBe("one");
    expect(world.done).toContain("own /work/shop-then/restore/workspace 1234:100");
    expect(world.done).toContain("own /work/shop-then/restore/home 1234:100");
    await expect(restore({ into: { name: "shop-then", uid: 1, gid: 1 } })).rejects.toThrow(
      "shop-then has files on this host",
    );
    await expect(restore({ into: { name: "x" } })).rejects.toThrow("into: uid and gid are numbers");
    await expect(restore({ into: { name: "../x", uid: 1, gid: 1 } })).rejects.toThrow(
      "into: the name of a project",
    );
  });

  it.each([
    ["a file that is not whole", () => writeFileSync(join(data(), "workspace/src/app.ts"), "on"), undefined],
    [
      "opencode's database broken",
      () => writeFileSync(join(data(), `database/${DATABASE}`), "no database at all, but long enough"),
      "opencode's database in the backup is not in order",
    ],
  ])("stays as it is where the backup has %s", async (_, damage, said) => {
    await backup();
    if (said === undefined) {
      const { compare } = await backupModule<{
        compare(restic: object, id: string, folder: string): Promise<object>;
      }>("verify");
      const lines = [
        { path: "/workspace/a", size: 3 },
        { path: "/workspace/b", size: 1 },
      ].map((node) => JSON.stringify({ struct_type: "node", type: "file", ...node }));
      mkdirSync(join(folder, "there/workspace"), { recursive: true });
      writeFileSync(join(folder, "there/workspace/a"), "12");
      writeFileSync(join(folder, "there/workspace/b"), "1");
      const restic = {
        run: async (_: unknown, { onLine }: { onLine(line: string): void }) => lines.forEach(onLine),
      };
      await expect(compare(restic, "1a2b", join(folder, "there"))).rejects.toThrow(
        "1 of 2 files are not as in the backup: /workspace/a",
      );
      return;
    }
    damage();
    await expect(restore({ withoutBackup: true })).rejects.toThrow(said);
    expect(world.done.filter((what) => what.startsWith("replace"))).toEqual([]);
    expect(world.read("shop", "workspace/src/app.ts")).toBe("one");
  });

  it("is not touched where what is there can't be backed up first, unless somebody says so", async () => {
    await backup();
    world.write("shop", { "workspace/src/app.ts": "two" });
    world.restic({ backup: { text: "Fatal: Access Denied" } });
    await expect(restore()).rejects.toMatchObject({
      message: expect.stringContaining(
        "what is there can't be backed up first: backup of shop: the key is refused",
      ),
      fix: expect.stringContaining("keep it by a checkpoint, and restore with withoutBackup"),
    });
    expect(world.read("shop", "workspace/src/app.ts")).toBe("two");
    await restore({ withoutBackup: true });
    expect(world.read("shop", "workspace/src/app.ts")).toBe("one");
  });

  it("of which the transfer is cut off stays as it is", async () => {
    await backup();
    world.restic({ restore: { text: "", code: "SIGKILL" } });
    await expect(restore()).rejects.toThrow("restore of shop: restic was killed (SIGKILL)");
    expect(world.read("shop", "workspace/src/app.ts")).toBe("one");
    expect(existsSync(join(world.own, "work/shop/restore"))).toBe(false);
  });
});

it("is compared while it is listed, and not by a list that is kept", async () => {
  const { compare } = await backupModule<{
    compare(restic: object, id: string, folder: string): Promise<object>;
  }>("verify");
  const there = join(folder, "there");
  mkdirSync(there);
  const list = (count: number, isThere: (index: number) => boolean) => ({
    run: async (_: unknown, { onLine }: { onLine(line: string): void }) => {
      for (let index = 0; index < count; index++) {
        const path = join(there, `${index}`);
        if (isThere(index)) writeFileSync(path, "12");
        onLine(JSON.stringify({ struct_type: "node", type: "file", path: `/${index}`, size: 2 }));
        // Whoever looks once the listing is over finds nothing.
        rmSync(path, { force: true });
      }
    },
  });
  expect(
    await compare(
      list(3, () => true),
      "1a2b",
      there,
    ),
  ).toEqual({ files: 3, bytes: 6 });
  await expect(
    compare(
      list(6, (index) => index === 2),
      "1a2b",
      there,
    ),
  ).rejects.toThrow("5 of 6 files are not as in the backup: /0, /1, /3, …");
});

describe("a file or folder", () => {
  it("comes back while the project runs, and nothing else does", async () => {
    await backup();
    world.write("shop", {
      "workspace/src/app.ts": "broken",
      "workspace/read[me].md": "changed",
      "workspace/src/kept": "",
    });
    const { before } = await restore({ path: "src/app.ts" });
    expect(before).toMatchObject({ reason: "before-restore" });
    expect(world.read("shop", "workspace/src/app.ts")).toBe("one");
    expect(world.read("shop", "workspace/read[me].md")).toBe("changed");
    expect(world.done.filter((what) => what.startsWith("replace"))).toEqual([]);
    await restore({ path: "/workspace/read[me].md" });
    expect(world.read("shop", "workspace/read[me].md")).toBe("r");
    await restore({ path: "src" });
    expect(readdirSync(join(world.part("shop", "workspace"), "src"))).toEqual(["app.ts"]);
  });

  it("that the backup has not, or that is no path of the project's, is refused", async () => {
    await backup();
    await expect(restore({ path: "src/other.ts" })).rejects.toThrow("src/other.ts is not in the backup of ");
    await expect(restore({ path: "x", into: { name: "y", uid: 1, gid: 1 } })).rejects.toThrow(
      "into and path do not go together",
    );
    const { readPath } = await backupModule<{ readPath(path: unknown): object }>("place");
    expect(readPath("src/./a")).toEqual({ part: "workspace", path: "src/a" });
    expect(readPath("~/.bashrc")).toEqual({ part: "home", path: ".bashrc" });
    expect(readPath("/home/opencode/notes/")).toEqual({ part: "home", path: "notes" });
    for (const path of ["../shop2/a", "/etc/passwd", "/workspaces/x", "src/../../x", "~/../x"])
      expect(() => readPath(path)).toThrow("is not in the project");
    for (const path of ["/workspace", ".", "~"])
      expect(() => readPath(path)).toThrow("is a whole part of the project");
    for (const path of ["~/.local", "~/.local/share/opencode", "~/.local/share/opencode/opencode.db-wal"])
      expect(() => readPath(path)).toThrow("has opencode's database, which is in use");
    for (const path of ["", 7, "a\0b"]) expect(() => readPath(path)).toThrow("path: the path of a file");
  });
});

describe("putting it in place", () => {
  let place: (from: string, part: string, path: string, unique?: () => string) => void;
  let part: string;
  let outside: string;
  const from = () => join(folder, "from");
  beforeEach(async () => {
    ({ place } = await backupModule<{ place: typeof place }>("place"));
    part = join(folder, "part");
    outside = join(folder, "outside");
    for (const path of [part, outside]) mkdirSync(path);
    writeFileSync(join(outside, "secret"), "theirs");
    mkdirSync(join(from(), "deep"), { recursive: true });
    writeFileSync(join(from(), "deep/file"), "restored", { mode: 0o640 });
    symlinkSync("../elsewhere", join(from(), "link"));
  });

  it("makes what is missing on the way, keeps modes and links, and leaves nothing behind", () => {
    place(from(), part, "a/b/c");
    expect(readFileSync(join(part, "a/b/c/deep/file"), "utf8")).toBe("restored");
    expect(statSync(join(part, "a/b/c/deep/file")).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(part, "a/b"))).toEqual(["c"]);
    place(join(from(), "deep"), part, "a/b/c");
    expect(readdirSync(join(part, "a/b/c"))).toEqual(["file"]);
    place(join(from(), "deep/file"), part, "a/b/c");
    expect(readFileSync(join(part, "a/b/c"), "utf8")).toBe("restored");
    expect(readdirSync(join(part, "a/b"))).toEqual(["c"]);
  });

  it("follows no link on the way, and replaces one at its end", () => {
    symlinkSync(outside, join(part, "way"));
    expect(() => place(join(from(), "deep/file"), part, "way/secret")).toThrow(
      "way is no folder there (a symbolic link is not followed)",
    );
    symlinkSync(join(outside, "secret"), join(part, "end"));
    place(join(from(), "deep/file"), part, "end");
    expect(readFileSync(join(part, "end"), "utf8")).toBe("restored");
    symlinkSync(outside, join(part, "folder"));
    place(from(), part, "folder");
    expect(readdirSync(join(part, "folder")).sort()).toEqual(["deep", "link"]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("theirs");
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  it("removes what was there without following its links", () => {
    mkdirSync(join(part, "old"));
    symlinkSync(outside, join(part, "old/out"));
    place(from(), part, "old");
    expect(readdirSync(outside)).toEqual(["secret"]);
    expect(readdirSync(part)).toEqual(["old"]);
  });
});
