import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { metadataServer } from "../../../lab/clouds/digitalocean/machine/metadata.ts";
import { machineNames } from "../../../lab/clouds/digitalocean/machine/names.ts";
import { filterRules, isAddress } from "../../../lab/clouds/digitalocean/machine/rules.ts";
import { firstFiles, resolvers, volumeLines } from "../../../lab/clouds/digitalocean/machine/seed.ts";
import { type Droplet, type Firewall, type Rule, World } from "../../../lab/clouds/digitalocean/world.ts";
import { listen } from "../../../lab/clouds/http.ts";

const droplet = (id: number, more: Partial<Droplet> = {}): Droplet => ({
  id,
  name: `droplet-${id}`,
  region: "fra1",
  size: "s-1vcpu-1gb",
  disk: 25,
  image: "debian-12-x64",
  vpcId: "vpc",
  tags: [],
  features: [],
  status: "active",
  createdAt: "2026-01-01T00:00:00Z",
  keys: [],
  userData: "#cloud-config\n",
  address: {
    ip: `198.18.0.${id}`,
    gateway: "198.18.0.1",
    netmask: "255.255.255.0",
    privateIp: `10.114.0.${id}`,
  },
  ...more,
});

const firewall = (more: Partial<Firewall>): Firewall => ({
  id: "firewall",
  name: "firewall",
  status: "succeeded",
  createdAt: "2026-01-01T00:00:00Z",
  inbound: [],
  outbound: [],
  dropletIds: [],
  tags: [],
  ...more,
});

const ground = { names: { inbound: "IN", outbound: "OUT" }, gateway: "198.18.0.1", metadataPort: 8080 };
const rules = (firewalls: Firewall[], droplets: Droplet[]) =>
  filterRules(ground, firewalls, droplets)
    .split("\n")
    .filter((line) => line.includes("198.18.0.1") && !line.includes("dport 8080"));

describe("firewalls as rules of the packet filter", () => {
  it("leave an uncovered droplet open", () => {
    expect(rules([firewall({ tags: ["a"] })], [droplet(10, { tags: ["b"] })])).toEqual([]);
  });

  it("close a droplet covered by tag or id, except what is allowed", () => {
    const ssh: Rule = {
      protocol: "tcp",
      ports: "22",
      target: { addresses: ["192.0.2.0/24", "2001:db8::/32"] },
    };
    const all: Rule = { protocol: "udp", ports: "0", target: { addresses: ["0.0.0.0/0"] } };
    const covered = [droplet(10, { tags: ["a"] }), droplet(11)];
    expect(
      rules([firewall({ tags: ["a"], dropletIds: [11], inbound: [ssh], outbound: [all] })], covered),
    ).toEqual(
      [10, 11].flatMap((id) => [
        `-A IN -d 198.18.0.${id} -s 192.0.2.0/24 -p tcp --dport 22 -j RETURN`,
        `-A IN -d 198.18.0.${id} -j DROP`,
        `-A OUT -s 198.18.0.${id} -d 0.0.0.0/0 -p udp -j RETURN`,
        `-A OUT -s 198.18.0.${id} -j DROP`,
      ]),
    );
  });

  it("are combined, and can refer to other droplets", () => {
    const range: Rule = { protocol: "tcp", ports: "8000-9000", target: { tags: ["web"] } };
    const ping: Rule = { protocol: "icmp", ports: "0", target: { droplet_ids: [12] } };
    const firewalls = [
      firewall({ tags: ["a"], inbound: [range] }),
      firewall({ tags: ["a"], inbound: [ping] }),
    ];
    const droplets = [droplet(10, { tags: ["a"] }), droplet(11, { tags: ["web"] }), droplet(12)];
    expect(rules(firewalls, droplets).slice(0, 3)).toEqual([
      "-A IN -d 198.18.0.10 -s 198.18.0.11 -p tcp --dport 8000:9000 -j RETURN",
      "-A IN -d 198.18.0.10 -s 198.18.0.12 -p icmp -j RETURN",
      "-A IN -d 198.18.0.10 -j DROP",
    ]);
  });

  it("recognise addresses", () => {
    expect(["192.0.2.1", "192.0.2.0/24", "::/0"].every(isAddress)).toBe(true);
    expect(["192.0.2", "192.0.2.0/33", "192.0.2.0/", "::/129", "any"].some(isAddress)).toBe(false);
  });
});

describe("a droplet's disk before its first boot", () => {
  const keys = [{ id: 1, name: "k", fingerprint: "", publicKey: "ssh-ed25519 AAAA someone" }];
  const files = firstFiles(droplet(10, { keys, userData: "#cloud-config\n{}\n" }), {
    hosts: { "edge.example.com": "198.18.0.1" },
    hostsTemplate: "127.0.0.1 localhost",
    resolvConf: "search example.com\nnameserver 127.0.0.53\nnameserver 192.0.2.53\n",
  });

  it("provides cloud-init with keys, hostname and unchanged user data", () => {
    expect(parse(files["var/lib/cloud/seed/nocloud/meta-data"] ?? "")).toEqual({
      "instance-id": "10",
      "local-hostname": "droplet-10",
      "public-keys": ["ssh-ed25519 AAAA someone"],
    });
    expect(files["var/lib/cloud/seed/nocloud/user-data"]).toBe("#cloud-config\n{}\n");
  });

  it("has names that survive cloud-init's /etc/hosts, and reachable name servers", () => {
    expect(files["etc/cloud/templates/hosts.debian.tmpl"]).toBe(
      "127.0.0.1 localhost\n198.18.0.1 edge.example.com\n",
    );
    expect(files["etc/droplet/resolv.conf"]).toBe("search example.com\nnameserver 192.0.2.53\n");
    expect(resolvers("nameserver ::1\n")).toMatch(/^nameserver \d/);
    expect(volumeLines([{ name: "data", loop: 3 }])).toBe("data 3\n");
  });
});

describe("the metadata service", () => {
  it("responds to a droplet about itself, and to no other client", async () => {
    const world = new World();
    const here = { ip: "127.0.0.1", gateway: "127.0.0.1", netmask: "255.0.0.0", privateIp: "10.114.0.2" };
    const { port, close } = await listen(metadataServer(world), { host: "127.0.0.1" });
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return response.ok ? response.text() : response.status;
    };
    expect(await ask("/metadata/v1/id")).toBe(404);
    world.droplets.set(10, droplet(10, { address: here }));
    expect(await ask("/metadata/v1/id")).toBe("10");
    expect(await ask("/metadata/v1/user-data")).toBe("#cloud-config\n");
    expect(await ask("/metadata/v1/")).toContain("hostname\nuser-data\n");
    expect(await ask("/metadata/v1/interfaces/private/0/ipv4/address")).toBe("10.114.0.2");
    expect(JSON.parse(String(await ask("/metadata/v1.json")))).toMatchObject({
      droplet_id: 10,
      region: "fra1",
    });
    expect(await ask("/metadata/v1/nothing")).toBe(404);
    await close();
  });
});

describe("names on this machine", () => {
  it("are valid for the bridge and the packet filter, whatever the stand-in's name", () => {
    const names = machineNames("a-rather-long-name-for-a-stand-in");
    expect(names.bridge.length).toBeLessThanOrEqual(15);
    expect(names.inbound.length).toBeLessThanOrEqual(28);
  });
});
