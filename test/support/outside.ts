import { docker } from "./docker.ts";
import { must } from "./run.ts";

/** A machine beside this one, in addresses that stand for the internet, a cloud's metadata service and a private network. */
export interface Outside {
  /** Documentation's (RFC 5737), so of no private range. */
  readonly internet: string;
  readonly metadata: string;
  readonly lan: string;
  /** Ports on which it answers at each of them. */
  readonly ports: readonly [number, number];
  close(): Promise<void>;
}

const LINK = "oce2e0";
const [INTERNET, METADATA, LAN, HERE] = ["198.51.100.7", "169.254.169.254", "10.203.0.2", "10.203.0.1"];
const PORTS = [8091, 8092] as const;
const SERVER = `for (const port of ${JSON.stringify(PORTS)})
  require("node:http").createServer((_, response) => response.end("reached")).listen(port, "0.0.0.0");`;

/** Runs a command as root, by sudo where this is somebody else. */
const asRoot = (...args: string[]) => {
  const [program = "", ...rest] = process.getuid?.() === 0 ? args : ["sudo", "-n", ...args];
  return must(program, rest);
};

/**
 * A container without a network of Docker's, which would be kept from other networks of Docker's, and a link to it that this machine forwards to
 * as to any other.
 * @param image has Node
 */
export async function startOutside(image: string, name: string): Promise<Outside> {
  const container = await docker.createContainer({
    name,
    Image: image,
    Entrypoint: ["node", "-e", SERVER],
    HostConfig: { NetworkMode: "none", AutoRemove: true },
  });
  await container.start();
  const close = async () => {
    // The link goes with the container's network namespace.
    await container.remove({ force: true });
    await asRoot("sh", "-c", `ip link delete ${LINK} 2>/dev/null || true`);
  };
  try {
    const { Pid } = (await container.inspect()).State;
    const within = (...args: string[]) => asRoot("nsenter", "-t", String(Pid), "-n", "ip", ...args);
    await asRoot("sh", "-c", `ip link delete ${LINK} 2>/dev/null || true`);
    await asRoot("ip", "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", String(Pid));
    await asRoot("ip", "address", "add", `${HERE}/30`, "dev", LINK);
    await asRoot("ip", "link", "set", LINK, "up");
    await within("address", "add", `${LAN}/30`, "dev", "eth0");
    for (const address of [INTERNET, METADATA])
      await within("address", "add", `${address}/32`, "dev", "eth0");
    await within("link", "set", "eth0", "up");
    await within("route", "add", "default", "via", HERE);
    for (const address of [INTERNET, METADATA])
      await asRoot("ip", "route", "replace", `${address}/32`, "via", LAN, "dev", LINK);
  } catch (error) {
    await close();
    throw error;
  }
  return { internet: INTERNET, metadata: METADATA, lan: LAN, ports: PORTS, close };
}

/** Gives a container, and this machine on its bridge, an address of IPv6: `<net>::2` and `<net>::1`. It goes with the container. */
export async function addIPv6(container: string, bridge: string, net: string): Promise<void> {
  const { Pid } = (await docker.getContainer(container).inspect()).State;
  const within = (...args: string[]) => asRoot("nsenter", "-t", String(Pid), "-n", ...args);
  await asRoot("sysctl", "-qw", `net.ipv6.conf.${bridge}.disable_ipv6=0`);
  await asRoot("ip", "-6", "address", "replace", `${net}::1/64`, "dev", bridge, "nodad");
  await within("sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=0");
  await within("ip", "-6", "address", "replace", `${net}::2/64`, "dev", "eth0", "nodad");
}
