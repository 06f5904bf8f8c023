import { expect, it } from "vitest";
import { opencodeJson } from "../../opencode/settings.ts";

const render = (entry: Parameters<typeof opencodeJson>[0]) => JSON.parse(opencodeJson(entry));

it("disables what a pinned, private server must not do", () => {
  expect(render({ config: {} })).toMatchObject({ autoupdate: false, share: "disabled" });
});

it("lets an entry override the platform's settings, key by key", () => {
  const config = { share: "manual", provider: { acme: { npm: "@ai-sdk/openai-compatible" } } };
  expect(render({ model: "acme/fast", config })).toEqual({
    $schema: "https://opencode.ai/config.json",
    autoupdate: false,
    share: "manual",
    model: "acme/fast",
    provider: { acme: { npm: "@ai-sdk/openai-compatible" } },
  });
});

it("replaces lists instead of joining them, without changing its input", () => {
  const config = { instructions: ["a.md"] };
  expect(render({ config }).instructions).toEqual(["a.md"]);
  expect(config).toEqual({ instructions: ["a.md"] });
});

it("renders the same text for any order of keys", () => {
  expect(opencodeJson({ config: { a: { x: 1, y: 2 }, b: 3 } })).toBe(
    opencodeJson({ config: { b: 3, a: { y: 2, x: 1 } } }),
  );
});
