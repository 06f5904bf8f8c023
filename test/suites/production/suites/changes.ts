import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Updated, World } from "../../../support/production/world.ts";

/** Demand 3: a project more is that project alone. */
export function changes(world: () => World): void {
  describe("a project that is added", () => {
    let before: Record<string, string>;
    let added: Updated;

    beforeAll(async () => {
      before = await world().containers();
      world().write([{ name: "alpha" }, { name: "beta" }, { name: "gamma" }]);
      added = await world().update();
    });

    it("makes a container, a record and an application of its own, and its rule in the tunnel", () => {
      expect(added.code, added.output.slice(-4000)).toBe(0);
      const created = added.changes.filter(({ op }) => op === "create").map(({ what }) => what);
      expect(created.sort()).toEqual([
        "Command gamma-route",
        "Command project-gamma-revocation",
        "Container gamma-container",
        "DnsRecord project-gamma-record",
        "Project gamma",
        "RandomPassword gamma-password",
        "ZeroTrustAccessApplication project-gamma-application",
      ]);
      const others = added.changes.filter(({ op }) => op !== "create");
      // The directories of all projects are made by one command, which leaves those that are there.
      expect(others.map(({ op, what }) => `${op} ${what}`).sort()).toEqual([
        "update Command workspaces",
        "update ZeroTrustTunnelCloudflaredConfig tunnel-config",
      ]);
    });

    it("leaves every other container as it was", async () => {
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

    it("leaves the droplet alone, and says what a replacement would do and how to have it", () => {
      expect(updated.code, updated.output.slice(-4000)).toBe(0);
      expect(updated.changes).toEqual([]);
      expect(world().droplet().id).toBe(id);
      expect(updated.output).toMatch(/the droplet's user data differs[\s\S]*dropletGeneration/);
      expect(updated.output).toContain("All projects will be down");
    });
  });
}
