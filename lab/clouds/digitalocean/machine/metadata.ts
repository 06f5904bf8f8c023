/** The metadata service of droplets, as far as user data and tests use it. */
import { createServer, type Server } from "node:http";
import type { Droplet, World } from "../world.ts";

/** Responds to a droplet by its source address. */
export function metadataServer(world: World): Server {
  return createServer((request, response) => {
    const ip = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const droplet = [...world.droplets.values()].find(({ address }) => address?.ip === ip);
    const path = new URL(request.url ?? "/", "http://metadata").pathname;
    const json = path === "/metadata/v1.json";
    const text =
      droplet &&
      (json ? JSON.stringify({ droplet_id: droplet.id, ...document(droplet) }) : answer(droplet, path));
    response.writeHead(text === undefined ? 404 : 200, {
      "content-type": json ? "application/json" : "text/plain; charset=utf-8",
    });
    response.end(text ?? "not found\n");
  });
}

function answer(droplet: Droplet, path: string): string | undefined {
  const name = /^\/metadata\/v1\/?(.*?)\/?$/.exec(path)?.[1];
  if (name === undefined) return undefined;
  return walk(document(droplet), name ? name.split("/") : []);
}

/** Looks a path up in the document: text as is, lists one item per line, objects as their keys. */
function walk(value: unknown, names: readonly string[]): string | undefined {
  const [name, ...rest] = names;
  if (name !== undefined) {
    const members = value as Record<string, unknown> | undefined;
    const key = name === "address" ? "ip_address" : name.replaceAll("-", "_");
    return typeof members === "object" ? walk(members[key], rest) : undefined;
  }
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null) return String(value);
  if (!Array.isArray(value))
    return Object.entries(value)
      .map(([key, member]) => {
        const shown = key === "ip_address" ? "address" : key.replaceAll("_", "-");
        return typeof member === "object" ? `${shown}/` : shown;
      })
      .join("\n");
  return value.every((member) => typeof member === "string")
    ? value.join("\n")
    : value.map((_, index) => `${index}/`).join("\n");
}

function document(droplet: Droplet) {
  const { address } = droplet;
  const nic = (ip: string | undefined, type: string) => ({
    ipv4: { ip_address: ip, netmask: address?.netmask, gateway: address?.gateway },
    type,
  });
  return {
    id: droplet.id,
    hostname: droplet.name,
    user_data: droplet.userData,
    vendor_data: "",
    public_keys: droplet.keys.map(({ publicKey }) => publicKey),
    region: droplet.region,
    interfaces: {
      public: [nic(address?.ip, "public")],
      private: [nic(address?.privateIp, "private")],
    },
    tags: droplet.tags,
    features: { dhcp_enabled: false },
  };
}
