import { beforeAll, describe, expect, it } from "vitest";
import type { Fault } from "../../../../lab/clouds/faults.ts";
import type { Updated, World } from "../../../support/production/world.ts";

const DRAFT = "not committed yet\n";

/** A lost response is a connection that ends; the provider tries up to five times. */
const HOLD_MS = 1000;

/** Demand 4: losses are recovered, and failed updates leave nothing behind. */
export function losses(world: () => World): void {
  describe("a destroyed droplet", () => {
    let lost: number;
    let updated: Updated;

    beforeAll(async () => {
      const draft = `/workspaces/alpha/draft.txt`;
      await world().onDroplet("sh", "-c", `printf '${DRAFT}' > ${draft} && chown 1000:1000 ${draft} && sync`);
      lost = world().droplet().id;
      await world().digitalocean.destroyOutside(lost);
      updated = await world().update("--refresh");
    });

    it("is recreated by one update", () => {
      expect(updated.code, updated.output.slice(-8000)).toBe(0);
      expect(world().droplet().id).not.toBe(lost);
      expect(updated.output).toMatch(new RegExp(`droplet ${lost} no longer exists`, "i"));
    });

    it("has every container again, and serves", async () => {
      expect(Object.keys(await world().containers()).sort()).toEqual([
        "opencode-connector",
        "opencode-guard",
        "opencode-keeper",
        "opencode-notice",
        "opencode-project-alpha",
        "opencode-project-beta",
        "opencode-storage",
        "opencode-traefik",
      ]);
      await world().answers("alpha");
    });

    it("has the workspaces with uncommitted files", async () => {
      expect(await world().onDroplet("cat", "/workspaces/alpha/draft.txt")).toBe(DRAFT);
    });

    it("leaves the next update nothing to do", async () => {
      expect((await world().update()).changes).toEqual([]);
    });
  });

  describe("an update while the clouds fail", () => {
    const faults: readonly Fault[] = [
      // A limit of requests, and an error of the server's.
      { method: "POST", path: /\/access\/apps$/, times: 1, kind: "429", retryAfter: 1 },
      { method: "POST", path: /\/dns_records$/, times: 1, kind: "500" },
    ];
    it("recovers from a limit of requests (429) and from an error of the server's (500)", async () => {
      for (const fault of faults) world().cloudflare.faults.inject(fault);
      world().write([{ name: "alpha" }, { name: "beta" }, { name: "epsilon" }]);
      const updated = await world().update();
      expect(updated.code, updated.output.slice(-4000)).toBe(0);
      expect(world().cloudflare.faults.pending).toBe(0);
      await withoutExtra(world());
    });

    it("fails when the response to creating an application or a record is lost; the next one converges", async () => {
      world().write([{ name: "alpha" }, { name: "beta" }, { name: "epsilon" }]);
      for (const path of [/\/access\/apps$/, /\/dns_records$/]) {
        world().cloudflare.faults.inject({
          method: "POST",
          path,
          times: 10,
          kind: "hang-after",
          holdMs: HOLD_MS,
        });
        expect((await world().update()).code).not.toBe(0);
        world().cloudflare.faults.clear();
      }
      const updated = await world().update();
      expect(updated.code, updated.output.slice(-4000)).toBe(0);
      expectNoOrphans(world(), ["alpha", "beta", "epsilon"]);
      await withoutExtra(world());
    });

    it("fails when the response to creating a droplet is lost; the next one converges, with one droplet", async () => {
      const before = world().droplet().id;
      await world().configure("opencode-platform:dropletGeneration", "2");
      world().digitalocean.faults.inject({
        method: "POST",
        path: /^\/v2\/droplets$/,
        times: 10,
        kind: "hang-after",
        holdMs: HOLD_MS,
      });
      const failed = await world().update();
      expect(failed.code).not.toBe(0);
      world().digitalocean.faults.clear();
      expect(world().digitalocean.droplets().length).toBeGreaterThan(1);
      await world().answers("alpha");
      const updated = await world().update();
      expect(updated.code, updated.output.slice(-8000)).toBe(0);
      expect(world().droplet().id).not.toBe(before);
      expect(await world().onDroplet("cat", "/workspaces/alpha/draft.txt")).toBe(DRAFT);
      await world().answers("alpha");
      expectNoOrphans(world(), ["alpha", "beta"]);
    });
  });
}

async function withoutExtra(world: World): Promise<void> {
  world.write([{ name: "alpha" }, { name: "beta" }]);
  const updated = await world.update();
  expect(updated.code, updated.output.slice(-4000)).toBe(0);
  expectNoOrphans(world, ["alpha", "beta"]);
}

/** Both clouds have the stack's resources, without duplicates. */
function expectNoOrphans(world: World, projects: readonly string[]): void {
  const hostnames = [...projects.map((name) => `${name}-code`), "code", "ssh-code"].map(
    (label) => `${label}.example.com`,
  );
  const { applications, records, policies, serviceTokens, tunnels } = world.cloudflare.state;
  expect([...applications.values()].map(({ domain }) => domain).sort()).toEqual([...hostnames].sort());
  expect([...records.values()].map(({ name }) => name).sort()).toEqual([...hostnames].sort());
  expect([policies.size, serviceTokens.size]).toEqual([2, 1]);
  expect([...tunnels.values()].filter(({ deleted_at }) => !deleted_at)).toHaveLength(1);
  const { digitalocean } = world;
  for (const kind of ["droplets", "volumes", "sshKeys", "firewalls", "projects", "tags"] as const)
    expect([kind, digitalocean[kind]().length]).toEqual([kind, 1]);
}
