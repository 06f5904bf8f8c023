import { describe, expect, it } from "vitest";
import { plainText } from "../../config/text/plain.ts";

describe("plainText", () => {
  it.each([
    ["colours", "\u001b[1;32mINFO\u001b[0m ok", "INFO ok"],
    ["cursor movements", "a\u001b[2K\u001b[1Ab", "ab"],
    ["a title", "\u001b]0;title\u0007text", "text"],
    ["a link", "\u001b]8;;https://x.example\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["a write to the clipboard", "\u001b]52;c;cm0gLXJm\u0007x", "x"],
    ["a device control string", "\u001bPq#0\u001b\\x", "x"],
    ["a reset, a charset and a keypad mode", "\u001bc\u001b(0\u001b=x", "x"],
    ["sequences of C1", "\u009b31mred\u009d0;title\u009cx", "redx"],
    ["other C1", "a\u0085b\u008dc", "abc"],
    ["C0 and DEL", "bell\u0007 back\u0008 return\r nul\u0000 del\u007f", "bell back return nul del"],
    ["overrides of the direction", "safe\u202egnp.exe\u2066x\u2069\u200f", "safegnp.exex"],
    ["lines that only some programs see", "a\u2028b\u2029c", "abc"],
    ["a string without an end, whose text stays", "\u001b]0;rest\nnext", "0;rest\nnext"],
    ["an escape character that a removal leaves", "\u001b\u001b[0m[31mx", "[31mx"],
  ])("removes %s", (_, text, plain) => expect(plainText(text)).toBe(plain));

  it("keeps all else", () => {
    const text = "a\tb\n✓ <b> é 漢字 עברית 👩‍💻";
    expect(plainText(text)).toBe(text);
  });

  it("leaves nothing to obey, whatever is put together", () => {
    const parts = ["\u001b", "[", "]", "0", ";", "m", "\u009b", "\u0007", "\\", "\n", "\u202e", "P"];
    let seed = 1;
    const next = () => (seed = (seed * 48271) % 2147483647);
    for (let round = 0; round < 2000; round++) {
      const text = Array.from({ length: 12 }, () => parts[next() % parts.length]).join("");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
      expect(plainText(text)).not.toMatch(/[\u001b\u009b\u0007\u202e]/);
    }
  });
});
