import { describe, expect, it } from "vitest";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { enforcedJson, opencodeJson } from "../../opencode/settings.ts";

describe.each([OPENCODE, OPENCODE_2])("the settings of opencode %s", (version) => {
  const text = (entry: Omit<Parameters<typeof opencodeJson>[0], "version">) =>
    opencodeJson({ version, ...entry });
  const render = (entry: Parameters<typeof text>[0]) => JSON.parse(text(entry));

  it("are the entry's, key by key, on top of the platform's", () => {
    const config = { provider: { acme: { npm: "@ai-sdk/openai-compatible" } } };
    expect(render({ model: "acme/fast", config })).toEqual({
      $schema: "https://opencode.ai/config.json",
      model: "acme/fast",
      provider: { acme: { npm: "@ai-sdk/openai-compatible" } },
    });
  });

  it("replace lists instead of joining them, without changing the input", () => {
    const config = { instructions: ["a.md"] };
    expect(render({ config }).instructions).toEqual(["a.md"]);
    expect(config).toEqual({ instructions: ["a.md"] });
  });

  it("are the same text for any order of keys", () => {
    expect(text({ config: { a: { x: 1, y: 2 }, b: 3 } })).toBe(text({ config: { b: 3, a: { y: 2, x: 1 } } }));
  });
});

describe("what a repository can't change", () => {
  it("is that the pinned server neither updates itself nor publishes conversations, in each major's words", () => {
    expect(JSON.parse(enforcedJson({ version: OPENCODE, config: {}, enforce: {} }))).toEqual({
      autoupdate: false,
      share: "disabled",
    });
    expect(JSON.parse(enforcedJson({ version: OPENCODE_2, config: {}, enforce: {} }))).toEqual({
      update: "disable",
      share: "disabled",
    });
  });

  it("is what the team's own file says of sharing", () => {
    for (const version of [OPENCODE, OPENCODE_2])
      expect(JSON.parse(enforcedJson({ version, config: { share: "manual" }, enforce: {} })).share).toBe(
        "manual",
      );
  });

  it.each([OPENCODE, OPENCODE_2])(
    "is what an entry enforces, in %s too for opencode's own agents",
    (version) => {
      const permission = { bash: "ask" };
      const enforce = { permission, share: "auto", agent: { plan: { permission: { bash: "deny" } } } };
      const { agent, ...rest } = JSON.parse(enforcedJson({ version, config: { share: "manual" }, enforce }));
      expect(rest).toMatchObject({ permission, share: "auto" });
      const { build, plan, general } = agent;
      expect([build, plan, general]).toEqual([
        { permission },
        { permission: { bash: "deny" } },
        { permission },
      ]);
    },
  );
});
