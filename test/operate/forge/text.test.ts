import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { code, fenced, sentence, trimMiddle } from "../../../operate/forge/markdown.ts";
import { redactor } from "../../../operate/forge/redact.ts";

describe("foreign text", () => {
  it("cannot close its fence", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("`", "\n", "a", "/close", "~") }), (text) => {
        const [first = "", ...rest] = fenced(text).split("\n");
        const fence = first.replace(/text$/, "");
        expect(rest.filter((line) => line.startsWith(fence))).toEqual([fence]);
      }),
    );
  });

  it("stays in its code span and in its cell", () => {
    expect(code("a`b")).toBe("``a`b``");
    expect(code("`")).toBe("`` ` ``");
    expect(code("a|b\nc")).toBe("`a\\|b c`");
  });

  it("is neither markup nor a mention", () => {
    expect(sentence("@team <img src=x> **bold** [link](x)")).toBe(
      "&#64;team &lt;img src=x&gt; \\*\\*bold\\*\\* \\[link\\](x)",
    );
  });

  it("cuts a long text in its middle, with a note", () => {
    const text = Array.from({ length: 1000 }, (_, index) => `line ${index}`).join("\n");
    const cut = trimMiddle(text, 500);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(500);
    expect(cut).toMatch(/^line 0\n[\s\S]*… \d+ lines left out[\s\S]*\nline 999$/);
    expect(trimMiddle("short", 500)).toBe("short");
  });
});

describe("the environment's secrets", () => {
  const env = {
    DIGITALOCEAN_TOKEN: "dop_v1_0123456789",
    PULUMI_CONFIG_PASSPHRASE: "a passphrase + more",
    SSH_PRIVATE_KEY: "-----BEGIN KEY-----\nAAAAbbbbCCCCdddd\n-----END KEY-----",
    ALERT_WEBHOOK: "https://hooks.example/services/T0/B0/x",
    PULUMI_BACKEND_URL: "postgres://state:the%40password@db.example/x",
    PULUMI_CONFIG_PASSPHRASE_FILE: "/somewhere/passphrase",
    SHORT_TOKEN: "abc",
    PATH: "/usr/bin:/bin",
  };
  const redact = redactor(env);

  it("are redacted in published text, in every form", () => {
    const forms = [
      env.DIGITALOCEAN_TOKEN,
      env.PULUMI_CONFIG_PASSPHRASE,
      encodeURIComponent(env.PULUMI_CONFIG_PASSPHRASE),
      Buffer.from(env.DIGITALOCEAN_TOKEN).toString("base64"),
      "AAAAbbbbCCCCdddd",
      env.ALERT_WEBHOOK,
      "the@password",
    ];
    for (const form of forms) expect(redact(`before ${form} after`)).toMatch(/^before \[secret\](=*) after$/);
  });

  it("do not include other variables", () => {
    const text = "abc /usr/bin:/bin /somewhere/passphrase state db.example -----BEGIN KEY-----";
    expect(redact(text)).toBe(text);
  });
});
