import Docker from "dockerode";
import { PLATFORM_LABEL } from "../../config/naming/names.ts";
import { must, type Ran, run } from "./run.ts";

/** The daemon that everything of the tests runs on. */
export const docker = new Docker();

/** Runs a command in a container, as its user unless told otherwise. */
export function execIn(container: string, command: readonly string[], user?: string): Promise<Ran> {
  return run("docker", ["exec", ...(user ? ["--user", user] : []), container, ...command]);
}

/** Runs a line of shell in a container. */
export const shellIn = (container: string, line: string): Promise<Ran> =>
  execIn(container, ["bash", "-c", line]);

/** Ids of all containers of a stack, running or not, by name. */
export async function containerIds(prefix: string): Promise<Record<string, string>> {
  const found = await docker.listContainers({
    all: true,
    filters: { label: [`${PLATFORM_LABEL}=${prefix}`] },
  });
  return Object.fromEntries(found.map(({ Names, Id }) => [Names[0]?.slice(1) ?? "", Id]).sort());
}

/** What the health check of a container said last, and how it is. */
export async function health(container: string): Promise<{ status: string; line: string }> {
  const { State } = await docker.getContainer(container).inspect();
  return {
    status: State.Health?.Status ?? State.Status,
    line: State.Health?.Log.at(-1)?.Output.trim() ?? "",
  };
}

/** All that a container has written. */
export async function logsOf(container: string): Promise<string> {
  return (await must("docker", ["logs", container])).output;
}

/** Removes whatever a stack has left on the daemon: containers, its network, its images. */
export async function removeAll(prefix: string): Promise<void> {
  const filters = { label: [`${PLATFORM_LABEL}=${prefix}`] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(Id).remove({ force: true, v: true }).catch(ignoreMissing);
  }
  for (const { Id } of await docker.listNetworks({ filters })) {
    await docker.getNetwork(Id).remove().catch(ignoreMissing);
  }
}

/** What a stack has on the daemon: names of containers, networks and images. */
export async function leftOn(prefix: string): Promise<string[]> {
  const filters = { label: [`${PLATFORM_LABEL}=${prefix}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const networks = await docker.listNetworks({ filters });
  const images = await docker.listImages({ filters: { reference: [`${prefix}-platform/*`] } });
  return [
    ...containers.map(({ Names }) => `container ${Names[0]}`),
    ...networks.map(({ Name }) => `network ${Name}`),
    ...images.map(({ RepoTags }) => `image ${RepoTags?.[0]}`),
  ];
}

/** Address of this machine that containers on any bridge network reach. */
export async function hostAddress(): Promise<string> {
  const { IPAM } = await docker.getNetwork("bridge").inspect();
  const { Gateway, Subnet } = IPAM?.Config?.[0] ?? {};
  // Docker 20.10 tells the gateway only once a container has used the network; it is the subnet's first address.
  const address = Gateway ?? Subnet?.replace(/\.0\/\d+$/, ".1");
  if (!address) throw new Error("Docker's bridge network has no gateway");
  return address;
}

function ignoreMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}
