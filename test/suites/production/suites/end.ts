import { describe, expect, it } from "vitest";
import type { World } from "../../../support/production/world.ts";

/** SSH through the tunnel, without any open port. */
export function throughTheTunnel(world: () => World): void {
  describe("with SSH through the tunnel and an empty allow-list", () => {
    it("an update changes the firewall, and the next one adds a project, with no inbound port open", async () => {
      const { clientId, clientSecret } = await world().serviceToken();
      world().shell.TUNNEL_SERVICE_TOKEN_ID = clientId;
      world().shell.TUNNEL_SERVICE_TOKEN_SECRET = clientSecret;
      await world().configure("opencode-platform:sshThrough", "tunnel");
      await world().configure("opencode-platform:sshAllow", "");
      const closed = await world().update();
      expect(closed.code, closed.output.slice(-6000)).toBe(0);
      expect(await world().digitalocean.connectFromElsewhere(world().droplet().id, 22)).toBe("refused");
      const before = await world().containers();
      world().write([{ name: "alpha" }, { name: "beta" }, { name: "zeta" }]);
      const added = await world().update();
      expect(added.code, added.output.slice(-6000)).toBe(0);
      const after = await world().containers();
      expect(after).toMatchObject(before);
      expect(after).toHaveProperty("opencode-project-zeta");
    });
  });
}

/** Demand 5. */
export function destruction(world: () => World): void {
  describe("destroy", () => {
    it("refuses while the workspaces are protected, deletes nothing, and shows the fix", async () => {
      const before = await world().containers();
      const refused = await world().pulumi(["destroy", "--yes", "--non-interactive"]);
      expect(refused.code).not.toBe(0);
      expect(refused.output).toContain("opencode-platform:protectWorkspaces false");
      expect(await world().containers()).toEqual(before);
      expect(world().digitalocean.volumes()).toHaveLength(1);
    });

    it("refuses to remove the tunnel that it would use, and shows the fix", async () => {
      await world().configure("opencode-platform:protectWorkspaces", "false");
      const unprotected = await world().update();
      expect(unprotected.code, unprotected.output.slice(-6000)).toBe(0);
      const refused = await world().pulumi(["destroy", "--yes", "--non-interactive"]);
      expect(refused.code).not.toBe(0);
      expect(refused.output).toContain("sshThrough address");
      expect(world().digitalocean.droplets()).toHaveLength(1);
    });

    it("removes everything after that, and leaves nothing in either cloud", async () => {
      await world().configure("opencode-platform:sshThrough", "address");
      await world().configure("opencode-platform:sshAllow", world().digitalocean.gateway);
      const unprotected = await world().update();
      expect(unprotected.code, unprotected.output.slice(-6000)).toBe(0);
      const destroyed = await world().pulumi(["destroy", "--yes", "--non-interactive"]);
      expect(destroyed.code, destroyed.output.slice(-6000)).toBe(0);
      const { digitalocean, cloudflare } = world();
      expect(digitalocean.droplets()).toEqual([]);
      expect(digitalocean.volumes()).toEqual([]);
      expect(digitalocean.sshKeys()).toEqual([]);
      const { applications, records, policies, serviceTokens, identityProviders, tunnels } = cloudflare.state;
      for (const left of [applications, records, policies, serviceTokens, identityProviders])
        expect([...left.values()]).toEqual([]);
      expect([...tunnels.values()].filter(({ deleted_at }) => !deleted_at)).toEqual([]);
    });

    it("had only responses of DigitalOcean that match its description", () => {
      expect(world().digitalocean.violations).toEqual([]);
    });
  });
}
