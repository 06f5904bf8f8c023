/** The pipeline's monthly look at whether a backup can be restored. */
import { expect, it } from "vitest";
import { tryOne } from "../../../operate/forge/trial.ts";

const NOW = Date.parse("2026-11-30T03:00:00Z");
/** A storage container that answers so, by verb. */
function storage(answers: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const run = async (args: readonly string[]) => {
    const verb = args.at(3) ?? "";
    asked.push(verb);
    const stdout = answers[verb] ?? "";
    // As `ask` ends after an error.
    return { code: stdout.includes('"error"') ? 1 : 0, stdout, stderr: "" };
  };
  return { run: run as unknown as Parameters<typeof tryOne>[0], asked };
}
const status = (tried?: object) =>
  JSON.stringify({
    result: {
      running: [],
      backup: { to: "there", everyMs: 1, ...(tried && { tried: { project: "shop", text: "", ...tried } }) },
    },
  });
const DONE = `{"progress":{"step":"transfer"}}\n${JSON.stringify({ result: { at: "x", project: "shop", ok: true, text: "3 files as in the backup" } })}\n`;

it("restores one, and says which", async () => {
  const { run, asked } = storage({ status: status(), try: DONE });
  expect(await tryOne(run, "oc-storage", NOW)).toEqual({
    ok: true,
    text: "shop could be restored: 3 files as in the backup",
  });
  expect(asked).toEqual(["status", "try"]);
});

it.each([
  ["not again within the month", { at: "2026-11-10T03:00:00Z", ok: true }, false],
  ["again after it", { at: "2026-11-01T03:00:00Z", ok: true }, true],
  ["the next night after one that has failed", { at: "2026-11-29T03:00:00Z", ok: false }, true],
])("%s", async (_, tried, expected) => {
  const { run, asked } = storage({ status: status(tried), try: DONE });
  expect((await tryOne(run, "oc-storage", NOW)) !== undefined).toBe(expected);
  expect(asked.includes("try")).toBe(expected);
});

it("says why one could not be, and when nobody answers", async () => {
  const error = `{"error":${JSON.stringify({ what: "the key is refused", fix: "set it" })}}`;
  expect(await tryOne(storage({ status: status(), try: error }).run, "s", NOW)).toEqual({
    ok: false,
    text: "the key is refused — set it",
  });
  const silent = { ok: false, text: "the storage container does not answer" };
  expect(await tryOne(storage({}).run, "s", NOW)).toEqual(silent);
  expect(await tryOne(storage({ status: status(), try: "" }).run, "s", NOW)).toEqual(silent);
});
