import { describe, expect, it } from "vitest";
import { asText, LineDeduplicator, lastOf, plain } from "../../../panel/page/lines.ts";
import type { LogLine } from "../../../panel/page/model.ts";

const line = (at: string, text: string, stream: LogLine["stream"] = "stdout"): LogLine => ({
  at,
  text,
  stream,
});

describe("a line's text", () => {
  it.each([
    ["\u001b[32mINFO\u001b[0m ok", "INFO ok"],
    ["\u001b]0;title\u0007text", "text"],
    ["\u001b]8;;https://x.example\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["bell\u0007 back\u0008 return\r", "bell back return"],
    ["a\tb ✓ <b>", "a\tb ✓ <b>"],
  ])("%j: %s", (text, shown) => expect(plain(text)).toBe(shown));
});

describe("lines of a reopened stream", () => {
  const first = [line("01", "a"), line("02", "b"), line("02", "b"), line("02", "c")];

  it("are all shown the first time, including equal ones", () => {
    const lines = new LineDeduplicator();
    expect(first.filter((one) => lines.isNew(one))).toEqual(first);
  });

  it("are dropped if already seen", () => {
    const lines = new LineDeduplicator();
    for (const one of first) lines.isNew(one);
    lines.reconnected();
    const again = [...first, line("02", "d"), line("03", "b"), line("03", "b")];
    expect(again.filter((one) => lines.isNew(one)).map(({ text }) => text)).toEqual(["d", "b", "b"]);
  });

  it("are distinct between stdout and stderr", () => {
    const lines = new LineDeduplicator();
    lines.isNew(line("01", "a"));
    lines.reconnected();
    expect(lines.isNew(line("01", "a", "stderr"))).toBe(true);
  });
});

it("keeps the end of a list", () => {
  expect(lastOf([1, 2, 3], 2)).toEqual([2, 3]);
  expect(lastOf([1], 2)).toEqual([1]);
});

it("copies lines as text, with times if shown", () => {
  const lines = [line("01", "\u001b[1ma"), line("02", "b")];
  expect(asText(lines, false)).toBe("a\nb");
  expect(asText(lines, true)).toBe("01 a\n02 b");
});
