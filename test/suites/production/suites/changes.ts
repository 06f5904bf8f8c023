import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyToWorkspace } from "../../../support/production/files.ts";
import { launchBrowser, logIn } from "../../../support/production/people.ts";
import type { Updated, World } from "../../../support/production/world.ts";
import { VITE, viteModule, writeViteApp } from "../../../support/vite-app.ts";

/** Demand 3: adding a project changes only that project. */
export function changes(world: () => World): void {
  describe("an added project", () => {
    let before: Record<string, string>;
    let added: Updated;

    beforeAll(async () => {
      before = await world().containers();
      world().write([{ name: "alpha" }, { name: "beta" }, { name: "gamma", ports: [5173] }]);
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
        "DnsRecord project-gamma_port-5173-record",
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

    it("shows what it serves on a port to whoever can open it, with changes at once", async () => {
      const url = world().urls.browser("gamma-5173");
      const anonymous = await world().cloudflare.edge.fetch(url, { redirect: "manual" });
      expect([anonymous.status, new URL(anonymous.headers.get("location") ?? "").hostname]).toEqual([
        302,
        expect.stringMatching(/cloudflareaccess\.com$/),
      ]);
      await copyToWorkspace(world(), "gamma", (folder) => writeViteApp(folder, "first"));
      await world().onDroplet(
        "docker",
        "exec",
        "-d",
        "-w",
        "/workspace",
        world().names.project("gamma"),
        ...VITE.split(" "),
      );
      const browser = await launchBrowser(world());
      try {
        const { page } = await logIn(browser, url, "dev@example.com");
        await page.getByText("first").waitFor();
        await page.evaluate("window.stayed = true");
        await copyToWorkspace(world(), "gamma", (folder) => {
          mkdirSync(folder, { recursive: true });
          writeFileSync(join(folder, "app.js"), viteModule("second"));
        });
        await page.getByText("second").waitFor();
        expect(await page.evaluate("window.stayed")).toBe(true);
      } finally {
        await browser.close();
      }
    });

    afterAll(async () => {
      world().write([{ name: "alpha" }, { name: "beta" }]);
      const removed = await world().update();
      expect(removed.code, removed.output.slice(-4000)).toBe(0);
      const records = [...world().cloudflare.state.records.values()].map(({ name }) => name);
      expect(records.filter((name) => name.startsWith("gamma"))).toEqual([]);
    });
  });

  describe("more swap", () => {
    let updated: Updated;
    let id: number;

    beforeAll(async () => {
      id = world().droplet().id;
      await world().configure("opencode-platform:swapSize", "3");
      updated = await world().update();
    });
    afterAll(async () => {
      await world().pulumi(["config", "rm", "opencode-platform:swapSize"]);
      // What follows expects no change but its own.
      await world().update();
    });

    it("is brought to the droplet that is there, and to nothing else", () => {
      expect(updated.code, updated.output.slice(-4000)).toBe(0);
      expect([...new Set(updated.changes.map(({ what }) => what))]).toEqual(["Command upkeep"]);
      expect(world().droplet().id).toBe(id);
      expect(updated.output).not.toContain("user data differs");
    });
  });
}
