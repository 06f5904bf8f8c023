/** The command lines of backups, checkpoints and forks. */
import { describe, expect, it } from "vitest";
import { BACKUP_COLUMNS, backupRow } from "../../operate/storage/words.ts";
import { chosen } from "../../scripts/lib/restore.ts";
import { helpOf, progressPrinter, readLine, type Usage } from "../../scripts/lib/storage.ts";
import {
  checkpointMade,
  howToRestore,
  noCheckpoint,
  notRestored,
  restoreAllAsk,
  restoreBegins,
  rollbackBegins,
  smallFix,
} from "../../scripts/lib/storage-words.ts";
import { backup } from "../support/storage.ts";

const RESTORE: Usage = {
  script: "restore",
  words: "<name>",
  about: "Brings a project back.",
  flags: { "at=": "the backup", all: "every project" },
  orFlag: "all",
};

describe("a command line", () => {
  it("is words, flags with and without values, and a stack", () => {
    expect(readLine(RESTORE, ["shop", "--at", "4fb1", "--stack=prod", "-y"])).toEqual({
      words: ["shop"],
      stack: "prod",
      flags: new Map([
        ["at", "4fb1"],
        ["stack", "prod"],
        ["yes", ""],
      ]),
    });
    expect(readLine(RESTORE, ["--all"])?.words).toEqual([]);
    expect(readLine({ ...RESTORE, words: "[<name>]" }, [])?.words).toEqual([]);
  });

  it.each([
    [[], "needs <name>"],
    [["shop", "docs"], 'does not know "docs"'],
    [["shop", "--now"], "Unknown option '--now'"],
    [["shop", "--at"], "--at"],
  ])("%j is refused in a sentence with where the help is", (args, what) => {
    expect(() => readLine(RESTORE, args)).toThrow(what);
    expect(() => readLine(RESTORE, args)).toThrow("npm run restore -- --help");
  });

  it("shows its help, with every flag", () => {
    expect(readLine(RESTORE, ["--help"])).toBeUndefined();
    expect(readLine(RESTORE, ["-h"])).toBeUndefined();
    expect(helpOf(RESTORE).split("\n")).toEqual([
      "npm run restore -- <name>",
      "",
      "Brings a project back.",
      "",
      "  --at <value>     the backup",
      "  --all            every project",
      "  --stack <value>  the stack. Default: the one of this machine",
      "  --yes            asks nothing",
      "  --help           shows this",
    ]);
  });
});

it("each step is printed once", () => {
  const printed: string[] = [];
  const print = progressPrinter((text) => void printed.push(text), false);
  for (const percent of [1, 2, 3]) print({ step: "reading", percent });
  print({ step: "writing" });
  expect(printed).toEqual(["reading", "writing"]);
});

describe("what is said", () => {
  const [PROD, HERE] = [" --stack prod", ""];
  const fate = "is backed up first";
  const said = (flag: string) => [
    checkpointMade("shop", { label: "before-7" }, flag),
    noCheckpoint("shop", flag),
    howToRestore(flag),
    notRestored(["shop"], flag),
    smallFix(flag),
  ];

  it("has commands with their stack, where it is not this machine's", () => {
    expect(said(PROD)).toEqual([
      "shop has the checkpoint before-7. To go back to it: npm run rollback -- shop before-7 --stack prod",
      "shop has no checkpoint. To make one: npm run checkpoint -- shop --stack prod",
      "To restore one: npm run restore -- <name> --at <id> --stack prod",
      "Not restored: shop. For each: npm run restore -- <name> --stack prod",
      "say from when: npm run restore -- --all --at <time> --stack prod; npm run backups -- --stack prod lists them",
    ]);
    for (const text of said(HERE)) expect(text).not.toContain("--stack");
  });

  it("has the checkpoints that had to go for a new one", () => {
    expect(checkpointMade("shop", { label: "a", dropped: ["old", "older"] }, HERE)).toContain(
      "gone is old, older",
    );
  });

  it("has the stack before somebody says yes", () => {
    const asks = (stackFlag: string) => [
      rollbackBegins("shop", "before-7", stackFlag),
      restoreBegins({ name: "shop", fate, stackFlag }),
      restoreBegins({ name: "shop", path: "a.ts", fate, stackFlag }),
      restoreAllAsk(fate, stackFlag),
    ];
    for (const text of asks(PROD)) expect(text).toContain(" on the stack prod");
    for (const text of asks(HERE)) expect(text).not.toContain("stack");
  });

  it("is of a restore of a file that the project runs on, and of one of all that it is stopped", () => {
    expect(restoreBegins({ name: "shop", at: "4fb1", path: "a.ts", fate, stackFlag: HERE })).toBe(
      "a.ts of shop goes back to the backup 4fb1. The project runs on meanwhile.\nWhat it has now is backed up first.",
    );
    expect(restoreBegins({ name: "shop", fate, stackFlag: HERE })).toBe(
      "shop goes back to its newest backup. It is stopped for that, and started again.\nWhat it has now is backed up first.",
    );
  });

  it("is in the list of backups which of them are an earlier project's", () => {
    const why = (values: object) => backupRow(backup("shop", values))[BACKUP_COLUMNS.indexOf("WHY")];
    expect([why({}), why({ isEarlier: true }), why({ isEarlier: true, reason: "" })]).toEqual([
      "schedule",
      "schedule, of an earlier project of this name",
      "of an earlier project of this name",
    ]);
  });
});

describe("restoring everything", () => {
  const at = (day: number, values: object = {}) =>
    backup("shop", { id: `d${day}`, at: `2026-11-0${day}T03:00:00.000Z`, ...values });

  it("takes the newest backup of each, and none that was taken before a restore", () => {
    const backups = [at(4, { reason: "before-restore" }), at(3), at(2), backup("gone")];
    expect(chosen(backups, ["shop", "docs"])).toEqual([{ backup: at(3), isSmall: false }]);
  });

  it("takes the newest until a time", () => {
    expect(chosen([at(3), at(2)], ["shop"], "2026-11-02T12:00Z")).toEqual([
      { backup: at(2), isSmall: false },
    ]);
    expect(chosen([at(3)], ["shop"], "2026-11-02T12:00Z")).toEqual([]);
    // A day alone means its end.
    expect(chosen([at(3)], ["shop"], "2026-11-03")).toEqual([{ backup: at(3), isSmall: false }]);
  });

  it("knows one that was taken of a disk that was empty", () => {
    expect(chosen([at(3, { bytes: 10 }), at(2)], ["shop"])).toEqual([
      { backup: at(3, { bytes: 10 }), isSmall: true },
    ]);
  });
});
