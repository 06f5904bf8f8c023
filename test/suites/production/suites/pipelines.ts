import { afterAll, describe, expect, it } from "vitest";
import { findLeaks } from "../../../support/leaks.ts";
import type { World } from "../../../support/production/world.ts";

/** The pipelines' jobs on a stack on a droplet; forges are tested with the local stack. */
export function pipelines(world: () => World): void {
  describe("a pipeline", () => {
    const team = [{ name: "alpha" }, { name: "beta" }];
    afterAll(() => world().write(team));

    it("previews an added project, and changes nothing", async () => {
      world().write([...team, { name: "eta" }]);
      const { code, output } = await world().script("ci", "preview", "--stack", "prod");
      expect(code, output).toBe(0);
      expect(output).toContain("eta");
      expect(findLeaks({ ...world().tokens }, [{ where: "the preview", text: output }])).toEqual([]);
      expect([...world().cloudflare.state.records.values()].map(({ name }) => name)).not.toContain(
        "eta-code.example.com",
      );
      world().write(team);
    });

    it("finds no drift without changes", async () => {
      const { code, output } = await world().script("ci", "drift", "--stack", "prod");
      expect(code, output).toBe(0);
    });

    it("finds a deleted record, applies, and then finds no drift", async () => {
      const { records } = world().cloudflare.state;
      const [id] = [...records].find(([, { name }]) => name === "beta-code.example.com") ?? [];
      records.delete(id ?? "");
      const drifted = await world().script("ci", "drift", "--stack", "prod");
      expect(drifted.code, drifted.output).toBe(2);
      expect(drifted.output).toContain("beta");
      const applied = await world().script("ci", "up", "--stack", "prod");
      expect(applied.code, applied.output).toBe(0);
      expect([...records.values()].map(({ name }) => name)).toContain("beta-code.example.com");
      const again = await world().script("ci", "drift", "--stack", "prod");
      expect(again.code, again.output).toBe(0);
    });
  });
}
