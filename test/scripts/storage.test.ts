/** The command lines of backups, checkpoints and forks. */
import { describe, expect, it } from "vitest";
import { chosen } from "../../scripts/lib/restore.ts";
import { helpOf, progressPrinter, readLine, type Usage } from "../../scripts/lib/storage.ts";
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
  });

  it("knows one that was taken of a disk that was empty", () => {
    expect(chosen([at(3, { bytes: 10 }), at(2)], ["shop"])).toEqual([
      { backup: at(3, { bytes: 10 }), isSmall: true },
    ]);
  });
});
