/** A copy of an entry and its secrets in a checkout's files, and the last backup before a deletion. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { projectUid } from "../../../config/naming/uids.ts";
import { ownSecrets, withCopiedEntry, withCopiedSecrets } from "../../../operate/storage/copy-entry.ts";
import { checkpointFirst } from "../../../operate/storage/first.ts";
import { copiedTexts, writeCopy } from "../../../operate/storage/fork.ts";
import { deleteWithLastBackup, takeLastBackup } from "../../../operate/storage/last-backup.ts";
import { ownerOf } from "../../../operate/storage/user.ts";
import type { WorkspacesPlace } from "../../../operate/workspaces/place.ts";
import { FakeStorage } from "../../support/storage.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";

const BASE = `# the team's projects
projects:
  - name: shop # the shop
    repo: https://example.com/shop.git
    secrets: [TOKEN, SHARED]
    state: stopped
  - name: docs
`;
const STACK = `config:
  opencode-platform:port: "4080"
  secrets:SHARED:
    secure: v1:a:b
  secrets:shop/TOKEN:
    secure: v1:c:d
  # the end
`;
const COPY = `  - name: shop-try
    repo: https://example.com/shop.git
    secrets: [ TOKEN, SHARED ]
`;

describe("a copy of an entry", () => {
  it("has all of the original but its name and that it is stopped, and the rest of the file stays byte for byte", () => {
    const text = withCopiedEntry(BASE, "shop", "shop-try");
    expect(text.startsWith(BASE)).toBe(true);
    expect(text.slice(BASE.length).replace("[TOKEN, SHARED]", "[ TOKEN, SHARED ]")).toBe(COPY);
    expect(withCopiedEntry(BASE, "nobody", "shop-try")).toBe(BASE);
  });

  it("has the secrets that the original has of its own, as they are", () => {
    expect(ownSecrets(STACK, "shop")).toEqual(["TOKEN"]);
    const text = withCopiedSecrets(STACK, "shop", "shop-try");
    expect(text).toContain("  secrets:shop-try/TOKEN: { secure: v1:c:d }\n");
    expect(ownSecrets(text, "shop-try")).toEqual(["TOKEN"]);
    expect(text.split("\n").filter((line) => !STACK.includes(line))).toHaveLength(1);
    expect(withCopiedSecrets(STACK, "docs", "docs-try")).toBe(STACK);
    expect(withCopiedSecrets("", "docs", "docs-try")).toBe("");
  });
});

describe("in a checkout", () => {
  let checkout = "";
  const path = (name: string) => join(checkout, name);
  const read = (name: string) => readFileSync(path(name), "utf8");

  beforeEach(() => {
    checkout = temporaryFolder();
    mkdirSync(checkout, { recursive: true });
    writeFileSync(path("projects.yaml"), BASE);
    writeFileSync(path("Pulumi.local.yaml"), STACK);
  });
  afterEach(() => removeFolder(checkout));

  it("is written to both files, and undone in both", () => {
    const undo = writeCopy("local", "shop", "shop-try", checkout);
    expect(read("projects.yaml")).toContain("name: shop-try");
    expect(read("Pulumi.local.yaml")).toContain("secrets:shop-try/TOKEN");
    undo();
    expect([read("projects.yaml"), read("Pulumi.local.yaml")]).toEqual([BASE, STACK]);
  });

  it("is undone only where nobody has changed the file since", () => {
    const undo = writeCopy("local", "shop", "shop-try", checkout);
    const edited = `${read("projects.yaml")}  - name: later\n`;
    writeFileSync(path("projects.yaml"), edited);
    undo();
    expect([read("projects.yaml"), read("Pulumi.local.yaml")]).toEqual([edited, STACK]);
  });

  it("is of what the stack's own file says too", () => {
    const overlay = "projects:\n  - name: shop\n    resources: { memory: 4GiB }\n";
    writeFileSync(path("projects.local.yaml"), overlay);
    writeCopy("local", "shop", "shop-try", checkout);
    expect(read("projects.local.yaml")).toBe(
      `${overlay}  - name: shop-try\n    resources: { memory: 4GiB }\n`,
    );
  });

  it.each([
    ["nobody", "shop-try", "nobody: is not in projects.yaml"],
    ["shop", "docs", "docs: is already in projects.yaml"],
    ["shop", "Shop Try", "Shop Try: is not a project's name"],
    ["shop", "panel", "panel"],
  ])("is refused of %s as %s, and nothing is changed", (from, to, message) => {
    expect(() => copiedTexts(checkout, "local", from, to)).toThrow(message);
    expect(() => writeCopy("local", from, to, checkout)).toThrow(message);
    expect([read("projects.yaml"), read("Pulumi.local.yaml")]).toEqual([BASE, STACK]);
  });
});

describe("its files", () => {
  const uidMap = "         0          0 4294967295\n";

  it("belong to whom the platform gives a project's directories", () => {
    const own = { name: "shop", uid: projectUid("shop"), gid: 1000 };
    expect(ownerOf({ isLocal: false }, "shop", { uid: 501, gid: 20, uidMap: "" })).toEqual(own);
    expect(ownerOf({ isLocal: true }, "shop", { uid: 501, gid: 20, uidMap })).toEqual({
      name: "shop",
      uid: 501,
      gid: 20,
    });
    expect(ownerOf({ isLocal: true }, "shop", { uid: 0, gid: 0, uidMap })).toEqual(own);
    expect(ownerOf({ isLocal: true }, "shop", { uid: 0, gid: 0, uidMap: "0 1000 1\n" })).toEqual({
      name: "shop",
      uid: 1000,
      gid: 1000,
    });
  });
});

describe("the checkpoint before something", () => {
  it("is taken where it costs nothing, and keeps nobody from what follows", async () => {
    const said: string[] = [];
    const take = (storage: FakeStorage) =>
      checkpointFirst(storage, "shop", "before-setup", (line) => void said.push(line));
    const [one, ext4, none, busy] = [
      new FakeStorage(),
      new FakeStorage(),
      new FakeStorage(),
      new FakeStorage(),
    ];
    ext4.state = { ...ext4.state, fileSystem: "other" };
    none.refusals.set("*", { kind: "missing", reason: "x" });
    busy.refusals.set("checkpoint", { kind: "refused", reason: "shop is busy" });
    for (const storage of [one, ext4, none, busy]) await take(storage);
    // Its entry says 0, or its directories are no subvolumes.
    for (const reason of ["shop has no checkpoints", "shop would have to be copied"]) {
      const quiet = new FakeStorage();
      quiet.refusals.set("checkpoint", { kind: "refused", reason });
      await take(quiet);
    }
    const asked = ["checkpoint", { project: "shop", reason: "before-setup" }];
    expect([one.asked, ext4.asked, none.asked]).toEqual([[asked], [], []]);
    expect(said).toEqual(["shop has no checkpoint before-setup: shop is busy"]);
  });
});

describe("the last backup of a removed project", () => {
  const without = "npm run purge -- shop --without-backup";
  const take = (storage: FakeStorage, isSetUp = true) =>
    takeLastBackup(storage, "shop", { without, isSetUp: () => isSetUp });

  it("is taken, kept for 30 days, and told by the id that it has once it is marked", async () => {
    const storage = new FakeStorage();
    expect(await take(storage)).toBe("Its last backup 5ac2 is kept for 30 days.");
    expect(storage.asked).toEqual([
      ["backup", { project: "shop", reason: "removal" }],
      ["forget", { project: "shop", keepDays: 30 }],
    ]);
  });

  it("is none where backups are not set up, or the stack is of an earlier release", async () => {
    const storage = new FakeStorage();
    storage.state = { ...storage.state, backup: undefined };
    expect(await take(storage, false)).toBeUndefined();
    const old = new FakeStorage();
    old.refusals.set("*", { kind: "missing", reason: "the storage program is not running" });
    expect(await take(old, false)).toBeUndefined();
    expect([storage.asked, old.asked]).toEqual([[], []]);
  });

  it("is not skipped where backups are set up and not in force yet", async () => {
    const storage = new FakeStorage();
    storage.state = { ...storage.state, backup: undefined };
    await expect(take(storage)).rejects.toThrow("in force only with the next update");
  });

  it("is none, with a word, of a project that was never to be backed up", async () => {
    const storage = new FakeStorage();
    storage.refusals.set("backup", { kind: "refused", reason: "shop is never backed up" });
    expect(await take(storage)).toBe("It has no last backup, since its entry said backup: never.");
  });

  it("is nobody's business where backups are not set up, whether the storage program answers or not", async () => {
    for (const kind of ["missing", "silent", "refused"] as const) {
      const storage = new FakeStorage();
      storage.refusals.set("*", { kind, reason: "x" });
      expect(await take(storage, false)).toBeUndefined();
    }
  });

  it("is not skipped because what would take it does not run", async () => {
    for (const kind of ["missing", "silent"] as const) {
      const storage = new FakeStorage();
      storage.refusals.set("*", { kind, reason: "the storage program is not running" });
      await expect(take(storage)).rejects.toThrow(
        `its last backup failed, so nothing was deleted: the storage program is not running — to delete it without one: ${without}`,
      );
    }
  });

  it.each(["status", "backup", "forget"])(
    "keeps the workspace if %s fails, and says how to go on",
    async (verb) => {
      const storage = new FakeStorage();
      storage.refusals.set(verb, { kind: "refused", reason: "the bucket is full" });
      await expect(take(storage)).rejects.toThrow(
        `its last backup failed, so nothing was deleted: the bucket is full — to delete it without one: ${without}`,
      );
    },
  );
});

describe("deleting what a project left behind", () => {
  /** A host with the project's files, and perhaps its container: notes what is done there. */
  function host(container = "") {
    const ran: string[] = [];
    const done = (stdout = "") => ({ code: 0, stdout, stderr: "" });
    const place: WorkspacesPlace = {
      directory: "/w",
      host: "this machine",
      stackFlag: "",
      prefix: "opencode",
      run: async (script) => {
        ran.push(script);
        return done();
      },
      docker: async ([verb]) =>
        done(
          verb === "ps"
            ? container && "id"
            : JSON.stringify([{ Name: `/${container}`, State: { Status: "exited" } }]),
        ),
    };
    return { place, ran };
  }
  const options = (storage: FakeStorage, told: string[] = []) => ({
    storage,
    without: "x",
    isSetUp: () => true,
    tell: (text: string) => void told.push(text),
  });

  it("takes and marks no backup of a project that still has a container", async () => {
    const { place } = host("opencode-project-shop");
    const storage = new FakeStorage();
    await expect(deleteWithLastBackup(place, "shop", options(storage))).rejects.toThrow(
      "is still used by the container opencode-project-shop",
    );
    expect(storage.asked).toEqual([]);
  });

  it("takes one first, looks again whether it may go on, and then deletes", async () => {
    const { place, ran } = host();
    const [storage, told]: [FakeStorage, string[]] = [new FakeStorage(), []];
    const kept = async () => {
      expect(told).toHaveLength(1);
      throw new Error("the project is there again");
    };
    await expect(
      deleteWithLastBackup(place, "shop", { ...options(storage, told), assertStill: kept }),
    ).rejects.toThrow("there again");
    expect(ran).toHaveLength(1);
    await deleteWithLastBackup(place, "shop", options(storage, told));
    expect(ran.length).toBeGreaterThan(2);
    expect(storage.asked.map(([verb]) => verb)).toEqual(["backup", "forget", "backup", "forget"]);
  });

  it("deletes nothing once nobody waits for the backup any more", async () => {
    const { place, ran } = host();
    const whileOpen = async () => Promise.reject(new Error("the panel ends"));
    await expect(
      deleteWithLastBackup(place, "shop", { ...options(new FakeStorage()), whileOpen }),
    ).rejects.toThrow("the panel ends");
    expect(ran).toHaveLength(1);
  });

  it("removes checkpoints with the last of it where no storage program does, or says how", async () => {
    const { place } = host();
    const [storage, told]: [FakeStorage, string[]] = [new FakeStorage(), []];
    storage.status = async () => ({ kind: "missing", reason: "it is down" });
    const path = "/w/.storage/checkpoints/shop";
    const hidden: WorkspacesPlace = {
      ...place,
      run: async (script, timeoutMs) => {
        const result = await place.run(script, timeoutMs);
        return script.includes(path) ? { ...result, stdout: `btrfs\t${path}\n` } : result;
      },
    };
    await deleteWithLastBackup(hidden, "shop", { ...options(storage, told), withoutBackup: true });
    expect(told).toEqual([
      expect.stringContaining(`sudo sh -c 'btrfs subvolume delete "$0"/*/*; rm -rf "$0"' '${path}'`),
    ]);
  });

  it("takes none of what was set aside, or where nobody wants it", async () => {
    const storage = new FakeStorage();
    await deleteWithLastBackup(host().place, "shop.removed-20261129T221757Z", options(storage));
    await deleteWithLastBackup(host().place, "shop", { ...options(storage), withoutBackup: true });
    expect(storage.asked).toEqual([]);
  });
});
