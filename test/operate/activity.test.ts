import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { apiFor } from "../../opencode/api/index.ts";
import { ActivityReader } from "../../operate/opencode/activity.ts";

let folder: string;
/** One process for all tests. */
const reader = new ActivityReader();
const home = (name = "web-shop") => join(folder, name);
const fileOf = (name?: string) => join(home(name), String(apiFor(OPENCODE).server.database[0]));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "activity-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
afterAll(() => reader.close());

/** A project's database, made by some statements; left open, as a server does. */
function database(sql: string, name?: string): DatabaseSync {
  mkdirSync(dirname(fileOf(name)), { recursive: true });
  const made = new DatabaseSync(fileOf(name));
  made.exec(`PRAGMA journal_mode = WAL; ${sql}`);
  return made;
}
const sessions = (...times: (number | string)[]) =>
  `CREATE TABLE session (time_updated); ${times.map((time) => `INSERT INTO session VALUES (${time});`).join(" ")}`;

describe("a project's last activity", () => {
  it("is read while its server has the database open, also from its journal", async () => {
    const server = database(sessions(5, 42, 7));
    expect(await reader.lastActivity(home(), OPENCODE)).toBe(42);
    server.exec("INSERT INTO session VALUES (77)");
    expect(await reader.lastActivity(home(), OPENCODE)).toBe(77);
    server.close();
    expect(await reader.lastActivity(home(), OPENCODE)).toBe(77);
  });

  it("is read from the tables of its release", async () => {
    database("CREATE TABLE session_v2 (time_updated); INSERT INTO session_v2 VALUES (9)").close();
    expect(await reader.lastActivity(home(), OPENCODE_2)).toBe(9);
    await expect(reader.lastActivity(home(), OPENCODE)).rejects.toThrow("no such table");
  });

  it("is none without a session, or before opencode has run", async () => {
    database(sessions()).close();
    expect(await reader.lastActivity(home(), OPENCODE)).toBeUndefined();
    mkdirSync(home("new"));
    expect(await reader.lastActivity(home("new"), OPENCODE)).toBeUndefined();
  });

  it.each([
    ["1e300", "at most now"],
    ["9e999", "is not a time"],
    ["-5", "is not a time"],
    ["'yesterday'", "is not a time"],
    ["x'00'", "is not a time"],
  ])("of %s is %s", async (time, expected) => {
    database(sessions(time)).close();
    const read = reader.lastActivity(home(), OPENCODE);
    if (expected === "at most now") expect(await read).toBeLessThanOrEqual(Date.now());
    else await expect(read).rejects.toThrow(expected);
  });

  it("can't be read from other files than the project's own", async () => {
    database(sessions(5), "neighbour").close();
    mkdirSync(dirname(fileOf()), { recursive: true });
    symlinkSync(fileOf("neighbour"), fileOf());
    await expect(reader.lastActivity(home(), OPENCODE)).rejects.toThrow("is not a plain file");
    mkdirSync(dirname(dirname(fileOf("linked"))), { recursive: true });
    symlinkSync(dirname(fileOf("neighbour")), dirname(fileOf("linked")));
    await expect(reader.lastActivity(home("linked"), OPENCODE)).rejects.toThrow("is not a plain file");
  });

  it("of one project does not hold up another's", async () => {
    const endless =
      "CREATE VIEW session AS WITH RECURSIVE n(time_updated) AS (SELECT 1 UNION ALL SELECT time_updated + 1 FROM n) SELECT time_updated FROM n";
    database(endless, "endless").close();
    mkdirSync(dirname(fileOf("pipe")), { recursive: true });
    execFileSync("mkfifo", [fileOf("pipe")]);
    mkdirSync(dirname(fileOf("broken")), { recursive: true });
    writeFileSync(fileOf("broken"), "no database");
    database(sessions(5)).close();
    // Its process has to start within that, on a busy machine too.
    const impatient = new ActivityReader(8000);
    const read = (name?: string) =>
      impatient.lastActivity(home(name), OPENCODE).catch(({ message }: Error) => message);
    expect(await Promise.all(["endless", "pipe", "broken", undefined].map(read))).toEqual([
      expect.stringContaining("took too long"),
      expect.stringContaining("is not a plain file"),
      expect.stringContaining("not a database"),
      5,
    ]);
    impatient.close();
  });
});
