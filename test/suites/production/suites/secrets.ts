import { beforeAll, describe, expect, it } from "vitest";
import { filesUnder, findLeaks, watchCommandLines } from "../../../support/leaks.ts";
import { GOOGLE, type World } from "../../../support/production/world.ts";
import type { Ran } from "../../../support/run.ts";

/** Demand 6: the clouds' tokens, the tunnel's token and the private key are not visible anywhere. */
export function secrets(world: () => World): void {
  describe("secrets of the clouds", () => {
    let values: Record<string, string>;
    let preview: Ran;
    let commandLines: Set<string>;

    beforeAll(async () => {
      const watch = watchCommandLines();
      world().write([{ name: "alpha" }, { name: "beta" }, { name: "delta" }]);
      preview = await world().pulumi(["preview", "--diff", "--non-interactive", "--show-replacement-steps"]);
      await world().update("--diff");
      world().write([{ name: "alpha" }, { name: "beta" }]);
      await world().update("--diff");
      commandLines = watch.stop();
      values = await known();
    });

    const known = async (): Promise<Record<string, string>> => {
      const show = async (name: string) =>
        JSON.parse((await world().pulumi(["stack", "output", name, "--show-secrets", "--json"])).stdout);
      const ssh = (await show("ssh")) as { privateKey: string };
      const { clientSecret } = await world().serviceToken();
      const tunnel = [...world().cloudflare.state.tunnels.values()].find(({ deleted_at }) => !deleted_at);
      return {
        digitalocean: world().tokens.digitalocean,
        cloudflare: world().tokens.cloudflare,
        google: GOOGLE.clientSecret,
        serviceToken: clientSecret,
        // The line with the private half; those before have the public one.
        privateKey: ssh.privateKey.split("\n")[4] ?? "",
        tunnel: tunnel?.secret ?? "",
      };
    };

    it("are visible with --show-secrets, so the search below is not blind", async () => {
      for (const value of Object.values(values)) expect(value.length).toBeGreaterThan(16);
      const exported = (await world().pulumi(["stack", "export", "--show-secrets"])).stdout;
      const found = findLeaks(values, [{ where: "the state", text: exported }]).join("\n");
      for (const name of Object.keys(values)) expect(found).toContain(`${name} (`);
    });

    it("are in no preview and no log of any command so far", () => {
      expect(preview.code, preview.output).toBe(0);
      // Commands with --show-secrets do.
      const said = world()
        .said.filter(({ output }) => !output.includes("PRIVATE KEY") && !output.includes('"clientSecret"'))
        .map(({ output }, index) => ({ where: `output ${index}`, text: output }));
      expect(said.length).toBeGreaterThan(15);
      expect(findLeaks(values, said)).toEqual([]);
    });

    it("are in no file of the checkout but SSH's, which only their owner can read", () => {
      const ssh = world().path(".runtime", "prod", "ssh");
      const skip = (path: string) =>
        path === ssh || /\/node_modules$/.test(path) || path === world().path(".git");
      expect(findLeaks(values, filesUnder(world().root, skip))).toEqual([]);
      const kept = findLeaks(values, filesUnder(ssh)).map((leak) => leak.split(" in ")[0]);
      expect([...new Set(kept)]).toEqual(["privateKey (plain)"]);
    });

    it("were on no process's command line", () => {
      const lines = [...commandLines].map((text) => ({ where: text.slice(0, 60), text }));
      expect(lines.some(({ text }) => /ssh .*opencode-prod/.test(text))).toBe(true);
      expect(findLeaks(values, lines)).toEqual([]);
    });

    it("were in no requested URL of a cloud", () => {
      const { digitalocean, cloudflare } = world();
      const urls = [...digitalocean.requests, ...cloudflare.requests].map(({ path }) => path);
      expect(urls.length).toBeGreaterThan(50);
      expect(findLeaks(values, [{ where: "URLs", text: urls.join("\n") }])).toEqual([]);
    });

    it("are not in the droplet's user data, and on the droplet only in the connector's own file", async () => {
      const userData = await world().onDroplet("cat", "/var/lib/cloud/instance/user-data.txt");
      expect(userData).toContain("#cloud-config");
      expect(findLeaks(values, [{ where: "user data", text: userData }])).toEqual([]);
      expect(userData).not.toContain("PRIVATE KEY");
      const shown = await world().onDroplet(
        "sh",
        "-c",
        "docker inspect $(docker ps -aq); docker ps -a --no-trunc; ps -eo args; journalctl --no-pager | tail -n 5000; cat /var/log/cloud-init*.log; docker logs opencode-connector 2>&1",
      );
      expect(findLeaks(values, [{ where: "the droplet", text: shown }])).toEqual([]);
    });
  });
}
