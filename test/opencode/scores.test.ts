/** Who is ended first when memory runs out, by a /proc of the test's; and what 1.x does not say of a crash, in a database of the test's. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeFolder, temporaryFolder } from "../support/temporary.ts";

const LIB = new URL("../../opencode/rootfs/usr/local/lib/opencode-platform/", import.meta.url).href;
const { raise } = (await import(`${LIB}scores.mjs`)) as {
  raise(server: number, seen: Set<string>, proc: string): void;
};
const { markInterrupted, markInterruptedIn } = (await import(`${LIB}interrupted.mjs`)) as {
  markInterrupted(database: DatabaseSync, now?: number): number;
  markInterruptedIn(path: string, now?: number): number;
};

let proc = "";
beforeEach(() => {
  proc = temporaryFolder();
});
afterEach(() => removeFolder(proc));

const file = (id: number) => join(proc, String(id), "oom_score_adj");
function process(id: number, parent: number, name = "x", score = 0, started = "100") {
  mkdirSync(join(proc, String(id)), { recursive: true });
  const fields = ["S", parent, ...Array(17).fill(0), started, 0];
  writeFileSync(join(proc, String(id), "stat"), `${id} (${name}) ${fields.join(" ")}\n`);
  writeFileSync(file(id), `${score}\n`);
}
const score = (id: number) => Number(readFileSync(file(id), "utf8"));

describe("scores", () => {
  it("are raised for all that the server has started, and nobody else", () => {
    mkdirSync(join(proc, "sys"));
    process(1, 0, "docker-init");
    process(7, 1, "opencode");
    process(8, 1, "node");
    process(20, 7, "a (strange) name) S 1");
    process(21, 20);
    process(22, 8);
    raise(7, new Set(), proc);
    expect([1, 7, 8, 20, 21, 22].map(score)).toEqual([0, 0, 0, 500, 500, 0]);
  });

  it("are not lowered, and set once: what a program makes of its own afterwards stays", () => {
    const seen = new Set<string>();
    process(7, 1);
    process(20, 7, "x", 900);
    process(21, 7);
    raise(7, seen, proc);
    writeFileSync(file(21), "0");
    raise(7, seen, proc);
    expect([20, 21].map(score)).toEqual([900, 0]);
    // Another process of that number.
    process(21, 7, "y", 0, "200");
    raise(7, seen, proc);
    expect(score(21)).toBe(500);
    expect([...seen].sort()).toEqual(["20 100", "21 200", "7 100"]);
  });
});

describe("what a crash has cut off", () => {
  const NOW = 1_796_000_000_000;
  function database(rows: readonly { part?: object; message?: object; at?: number }[], path = ":memory:") {
    const made = new DatabaseSync(path);
    made.exec("PRAGMA journal_mode = WAL");
    for (const table of ["message", "part"])
      made.exec(`CREATE TABLE ${table} (id TEXT, message_id TEXT, time_updated INTEGER, data TEXT)`);
    rows.forEach(({ part, message, at = NOW }, index) => {
      const [table, data] = part ? ["part", part] : ["message", message];
      made.prepare(`INSERT INTO ${table} VALUES (?, 'm', ?, ?)`).run(String(index), at, JSON.stringify(data));
    });
    return made;
  }
  const all = (made: DatabaseSync) =>
    ["part", "message"].flatMap((table) =>
      made
        .prepare(`SELECT data FROM ${table}`)
        .all()
        .map(({ data }) => JSON.parse(String(data)) as object),
    );

  it("is marked as interrupted, tool and message", () => {
    const state = {
      status: "running",
      input: { command: "sleep" },
      time: { start: 5 },
      metadata: { output: "half" },
    };
    const made = database([
      { part: { type: "tool", tool: "bash", state } },
      { message: { role: "assistant", time: { created: 4 } } },
    ]);
    expect(markInterrupted(made, NOW)).toBe(1);
    const said = "Interrupted: opencode was ended while this ran.";
    expect(all(made)).toEqual([
      {
        type: "tool",
        tool: "bash",
        state: { ...state, status: "error", error: said, time: { start: 5, end: NOW } },
      },
      {
        role: "assistant",
        time: { created: 4, completed: NOW },
        error: { name: "MessageAbortedError", data: { message: said } },
      },
    ]);
    expect(markInterrupted(made, NOW)).toBe(0);
  });

  it("is nothing that has ended, that a person wrote, or that is old", () => {
    const rows = [
      { part: { type: "tool", state: { status: "completed" } } },
      { part: { type: "text", text: '"status":"running"' } },
      { message: { role: "assistant", time: { created: 1, completed: 2 } } },
      { message: { role: "user", time: { created: 1 } } },
      { message: { role: "assistant", time: { created: 1 } }, at: NOW - 40 * 24 * 3_600_000 },
    ];
    const made = database(rows);
    const before = all(made);
    expect(markInterrupted(made, NOW)).toBe(0);
    expect(all(made)).toEqual(before);
  });

  it("leaves the journal of a server that ended alone unless there is something to mark", () => {
    const path = join(proc, "opencode.db");
    const copy = join(proc, "copy.db");
    /** As a server leaves them that doesn't close its database: 1.x. */
    const leftBy = (rows: Parameters<typeof database>[0]) => {
      rmSync(path, { force: true });
      const made = database(rows, path);
      for (const end of ["", "-wal", "-shm"]) copyFileSync(`${path}${end}`, `${copy}${end}`);
      made.close();
      return statSync(`${copy}-wal`).size;
    };
    const size = leftBy([{ message: { role: "assistant", time: { created: 1, completed: 2 } } }]);
    expect(size).toBeGreaterThan(0);
    expect(markInterruptedIn(copy, NOW)).toBe(0);
    expect(statSync(`${copy}-wal`).size).toBe(size);
    leftBy([{ message: { role: "assistant", time: { created: 1 } } }]);
    expect(markInterruptedIn(copy, NOW)).toBe(1);
    expect(markInterruptedIn(copy, NOW)).toBe(0);
  });
});
