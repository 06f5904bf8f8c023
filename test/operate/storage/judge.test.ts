/** What is wrong with backups, and what doctor says of it. */
import { describe, expect, it } from "vitest";
import { storageFindings } from "../../../operate/doctor/storage.ts";
import type { StorageStatus } from "../../../operate/storage/client.ts";
import { backedUp } from "../../../operate/storage/excluded.ts";
import { backupProblems, problemText } from "../../../operate/storage/judge.ts";
import { backup, FakeStorage } from "../../support/storage.ts";

const HOUR = 3_600_000;
const now = Date.parse("2026-11-30T12:00:00Z");
const ago = (hours: number) => new Date(now - hours * HOUR).toISOString();
type BackupStatus = NonNullable<StorageStatus["backup"]>;
const status = (values: Partial<BackupStatus> = {}): BackupStatus => ({
  to: "s3:example.com/b",
  everyMs: 24 * HOUR,
  projects: {},
  ...values,
});
const shop = [{ name: "shop" }];
const texts = (values: Partial<BackupStatus>, projects = shop) =>
  backupProblems(status(values), projects, now).map(problemText);

describe("the problems of backups", () => {
  it("are none of one that is no more than one and a half periods old, or not made yet", () => {
    expect(texts({ projects: { shop: { last: backup("shop", { at: ago(36) }) } } })).toEqual([]);
    expect(texts({})).toEqual([]);
  });

  it("are one that is older", () => {
    expect(texts({ projects: { shop: { last: backup("shop", { at: ago(36.1) }) } } })).toEqual([
      "shop: its newest backup is of 2026-11-28 23:54 UTC, older than 36 h",
    ]);
    expect(
      texts({ everyMs: HOUR / 2, projects: { shop: { last: backup("shop", { at: ago(1) }) } } }),
    ).toEqual([expect.stringContaining("older than 45 min")]);
  });

  it("are one that failed, until one succeeds", () => {
    const failed = { at: ago(2), what: "the bucket is full" };
    expect(texts({ projects: { shop: { failed, last: backup("shop", { at: ago(26) }) } } })).toEqual([
      "shop: its backup failed at 2026-11-30 10:00 UTC: the bucket is full; the newest is of 2026-11-29 10:00 UTC",
    ]);
    expect(texts({ projects: { shop: { failed } } })).toEqual([expect.stringContaining("there is none")]);
    expect(texts({ projects: { shop: { failed, last: backup("shop", { at: ago(1) }) } } })).toEqual([]);
  });

  it("are one of a project that has never had any, one and a half periods after it was to have them", () => {
    expect(texts({ projects: { shop: { since: ago(36) } } })).toEqual([]);
    expect(texts({ projects: { shop: { since: ago(36.1) } } })).toEqual([
      "shop: it has no backup, and was to have one 24 h after 2026-11-28 23:54 UTC",
    ]);
    expect(texts({ projects: { shop: { since: ago(99), last: backup("shop", { at: ago(1) }) } } })).toEqual(
      [],
    );
    const shop = { since: ago(99) };
    const never = [{ name: "shop", isExcluded: true }];
    expect(backupProblems(status({ projects: { shop } }), never, now)).toEqual([]);
    const again = { since: ago(1), last: backup("shop", { at: ago(999) }) };
    expect(texts({ projects: { shop: again } })).toEqual([]);
  });

  it("are a repository that could not be looked at, which is no damage, and each told by itself", () => {
    const kinds = [undefined, "broken", "full", "key", "unreachable", "locked", "other"] as const;
    const found = kinds.flatMap((kind) =>
      backupProblems(
        status({ check: { at: ago(1), ok: false, text: "x", ...(kind && { kind }) } }),
        shop,
        now,
      ),
    );
    expect(found.map(({ what }) => what.includes("damage"))).toEqual(kinds.map((kind) => kind === "broken"));
    expect(new Set(found.map(({ key }) => key)).size).toBe(kinds.length - 1);
    expect(found[0]?.what).toBe("the check of the repository failed: x (2026-11-30 11:00 UTC)");
    expect(found[4]?.what).toBe("the repository could not be checked: x (2026-11-30 11:00 UTC)");
  });

  it("are a damaged repository, and a restore for a try that failed", () => {
    const check = { at: ago(1), ok: false, text: "pack 4f is gone", kind: "broken" as const };
    const tried = { at: ago(2), project: "docs", ok: false, text: "3 files differ" };
    expect(texts({ check, tried })).toEqual([
      "backups: the check found damage: pack 4f is gone (2026-11-30 11:00 UTC)",
      "backups: a restore of docs for a try failed: 3 files differ (2026-11-30 10:00 UTC)",
    ]);
    expect(texts({ check: { ...check, ok: true }, tried: { ...tried, ok: true } })).toEqual([]);
  });

  it("are none of a project that wants no backups", () => {
    const projects = backedUp([
      { name: "shop", storage: { backup: "never" } },
      { name: "b", storage: { backup: "never" } },
    ]);
    const last = { last: backup("shop", { at: ago(99) }) };
    expect(backupProblems(status({ projects: { shop: last, b: last } }), projects, now)).toEqual([]);
  });
});

describe("doctor", () => {
  const findings = (storage: Partial<StorageStatus>, stackFlag = " --stack prod") =>
    storageFindings({
      answer: { kind: "answered", value: { ...new FakeStorage().state, ...storage } },
      projects: [{ name: "shop" }, { name: "docs" }],
      container: "t-storage",
      commands: { docker: (args) => `docker ${args}` },
      stackFlag,
      now,
    });

  it("says where backups go and when the newest was made, and which project has none yet", () => {
    const projects = { shop: { last: backup("shop", { at: ago(2) }) } };
    expect(findings({ backup: status({ projects }) })).toEqual([
      { verdict: "ok", text: "backups: to s3:example.com/b, the newest of 2026-11-30 10:00 UTC" },
      { verdict: "note", text: "backups: none yet of docs", fix: "npm run backup -- --stack prod" },
    ]);
  });

  it("says what is wrong, with the command that puts it right", () => {
    const projects = {
      shop: { last: backup("shop", { at: ago(99) }) },
      docs: { failed: { at: ago(1), what: "x" } },
    };
    const check = { at: ago(1), ok: false, text: "x" };
    expect(
      findings({ backup: status({ projects, check }) }).map(({ verdict, fix }) => [verdict, fix]),
    ).toEqual([
      ["failed", "docs/backup.md"],
      ["failed", "npm run backup -- shop --stack prod"],
      ["failed", "npm run backup -- docs --stack prod"],
    ]);
  });

  it("says of a project that never had one when that is too late, and only once", () => {
    const projects = { shop: { last: backup("shop", { at: ago(2) }) }, docs: { since: ago(99) } };
    expect(findings({ backup: status({ projects }) })).toEqual([
      {
        verdict: "failed",
        text: "docs: it has no backup, and was to have one 24 h after 2026-11-26 09:00 UTC",
        fix: "npm run backup -- docs --stack prod",
      },
    ]);
  });

  it("says on a droplet that there are none, and on this machine nothing", () => {
    expect(findings({ backup: undefined })).toEqual([
      { verdict: "note", text: "backups: not set up", fix: "set opencode-platform:backup (docs/backup.md)" },
    ]);
    expect(findings({ backup: undefined }, "")).toEqual([]);
  });

  it("says what runs, and that the program does not answer", () => {
    const running = [{ project: "shop", what: "restore", since: ago(1) }];
    expect(findings({ backup: undefined, running }, "")).toEqual([
      { verdict: "note", text: "storage: restore of shop since 2026-11-30 11:00 UTC" },
    ]);
    const of = (answer: Parameters<typeof storageFindings>[0]["answer"]) =>
      storageFindings({
        answer,
        projects: [],
        container: "t-storage",
        commands: { docker: (args) => `docker ${args}` },
        stackFlag: "",
        now,
      });
    expect(of({ kind: "silent", reason: "does not answer" })).toEqual([
      { verdict: "failed", text: "storage: does not answer", fix: "docker restart t-storage" },
    ]);
    // The container is the containers' finding.
    expect(of({ kind: "missing", reason: "x" })).toEqual([]);
  });
});
