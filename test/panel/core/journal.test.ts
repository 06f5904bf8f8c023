import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeApplyChange } from "../../../panel/server/platform/change.ts";
import { Conflict } from "../../../panel/server/platform/types.ts";

import {
  add,
  ended,
  journal,
  open,
  person,
  SECRET,
  secrets,
  succeed,
  useCoreWorld,
  world,
} from "../../support/panel/core-world.ts";

useCoreWorld();

describe("the journal", () => {
  it("is private, has no secrets, and keeps the last 200 operations", async () => {
    const folder = join(world.directory, "operations");
    mkdirSync(folder);
    const old = {
      person: "x",
      what: "old",
      state: "succeeded",
      createdAt: "2026-01-01T00:00:00.000Z",
      done: 0,
    };
    for (let id = 20260101; id < 20260306; id++)
      writeFileSync(join(folder, `${id}.json`), JSON.stringify({ ...old, id: String(id) }));
    const queue = open(succeed);
    expect(queue.list()).toHaveLength(200);
    const { id } = await queue.submit(add("a", { secrets: { TOKEN: SECRET } }));
    await ended(queue, id);
    expect(queue.list()).toHaveLength(200);
    expect(queue.list()[0]?.id).toBe(id);
    expect(journal()).toHaveLength(200);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, `${id}.json`)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(journal())).not.toContain(SECRET);
  });

  it("skips invalid files", () => {
    mkdirSync(join(world.directory, "operations"));
    writeFileSync(join(world.directory, "operations", "x.json"), "{");
    writeFileSync(join(world.directory, "operations", "y.json.1.tmp"), "");
    expect(open(succeed).list()).toEqual([]);
    expect(readdirSync(join(world.directory, "operations"))).toEqual(["x.json"]);
  });
});

describe("secrets of a request", () => {
  it("are stored before the file is changed, and restored if that fails", async () => {
    const calls: string[] = [];
    const apply = makeApplyChange({
      file: world.file,
      secrets: {
        set: async (project, values) => {
          calls.push(`set ${project} ${Object.keys(values)}`);
          writeFileSync(world.path, "projects: []\n# by hand\n");
        },
        remove: async () => {},
        snapshot: () => () => calls.push("undone"),
        names: () => [],
        copy: () => {},
      },
    });
    const { version } = world.file.read();
    const queue = open(succeed, apply);
    await expect(queue.submit(add("a", { version, secrets: { TOKEN: SECRET } }))).rejects.toThrow(Conflict);
    expect(calls).toEqual(["set a TOKEN", "undone"]);
    expect(readFileSync(world.path, "utf8")).toBe("projects: []\n# by hand\n");
  });

  it("are not stored for an invalid entry, and are removed with their entry", async () => {
    const store = secrets();
    const queue = open(succeed, makeApplyChange({ file: world.file, secrets: store }));
    await expect(queue.submit(add("Wrong", { secrets: { TOKEN: SECRET } }))).rejects.toThrow(
      "is not a valid project name",
    );
    expect(store.set).not.toHaveBeenCalled();
    await queue.submit(add("a"));
    await queue.submit({ person, what: "delete a", project: "a", edit: { kind: "remove", name: "a" } });
    expect(store.remove.mock.calls).toEqual([["a"]]);
  });

  it("are restored with the file if the repository refuses the change", async () => {
    const repository = {
      catchUp: async () => {},
      publish: () => Promise.reject(new Conflict("changed")),
    };
    const before = world.file.read().text;
    const queue = open(succeed, makeApplyChange({ file: world.file, secrets: secrets(), repository }));
    const acts: string[] = [];
    const act = {
      atOnce: async () => void acts.push("done"),
      undoAtOnce: async () => void acts.push("undone"),
    };
    await expect(queue.submit({ ...add("a"), ...act })).rejects.toThrow(Conflict);
    expect(acts).toEqual(["done", "undone"]);
    expect(world.file.read().text).toBe(before);
    expect(queue.list()).toEqual([]);
    // Why the change was refused matters more than that something else could not be undone.
    const stuck = { ...act, undoAtOnce: () => Promise.reject(new Error("stuck")) };
    await expect(queue.submit({ ...add("a"), ...stuck })).rejects.toThrow("changed");
  });
});
