import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Updated, World } from "../../../support/production/world.ts";

/** Demand 3: adding a project changes only that project. */
export function changes(world: () => World): void {
  describe("an added project", () => {
    let before: Record<string, string>;
    let added: Updated;

    beforeAll(async () => {
      before = await world().containers();
      world().write([{ name: "alpha" }, { name: "beta" }, { name: "gamma" }]);
      added = await world().update();
    });

    it("has its own container, record and application, and a rule in the tunnel", () => {
      expect(added.code, added.output.slice(-4000)).toBe(0);
      const created = added.changes.filter(({ op }) => op === "create").map(({ what }) => what);
      expect(created.sort()).toEqual([
        "Command gamma-route",
        "Command project-gamma-revocation",
        "Container gamma-container",
        "DnsRecord project-gamma-record",
        "Network gamma-network",
        "Project gamma",
        "RandomPassword gamma-password",
        "ZeroTrustAccessApplication project-gamma-application",
      ]);
      const others = added.changes.filter(({ op }) => op !== "create");
      // One command creates the directories of all projects and leaves existing ones alone, and one has all their packet rules.
      expect(others.map(({ op, what }) => `${op} ${what}`).sort()).toEqual([
        "update Command packet-rules",
        "update Command workspaces",
        "update ZeroTrustTunnelCloudflaredConfig tunnel-config",
      ]);
    });

    it("leaves every other container unchanged", async () => {
      expect(await world().containers()).toMatchObject(before);
    });

    it("is served at its hostname at once, without a restart of the connector", async () => {
      await world().answers("gamma");
    });

    afterAll(async () => {
      world().write([{ name: "alpha" }, { name: "beta" }]);
      const removed = await world().update();
      expect(removed.code, removed.output.slice(-4000)).toBe(0);
      expect([...world().cloudflare.state.records.values()].map(({ name }) => name)).not.toContain(
        "gamma-code.example.com",
      );
    });
  });

  describe("new user data", () => {
    let updated: Updated;
    let id: number;

    beforeAll(async () => {
      id = world().droplet().id;
      await world().configure("opencode-platform:swapSize", "3");
      updated = await world().update();
    });
    afterAll(async () => {
      await world().pulumi(["config", "rm", "opencode-platform:swapSize"]);
    });

    it("leaves the droplet alone, and explains a replacement", () => {
      expect(updated.code, updated.output.slice(-4000)).toBe(0);
      expect(updated.changes).toEqual([]);
      expect(world().droplet().id).toBe(id);
      expect(updated.output).toMatch(/the droplet's user data differs[\s\S]*dropletGeneration/);
      expect(updated.output).toContain("All projects will be down");
    });
  });
}
