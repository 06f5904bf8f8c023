import Docker from "dockerode";
import { PLATFORM_LABEL } from "../../config/naming/names.ts";
import { must, type Ran, run } from "./run.ts";

/** The daemon for all tests. */
export const docker = new Docker();

/** Runs a command in a container. Default: as its user. */
export function execIn(container: string, command: readonly string[], user?: string): Promise<Ran> {
  return run("docker", ["exec", ...(user ? ["--user", user] : []), container, ...command]);
}

/** Runs a shell command in a container. */
export const shellIn = (container: string, line: string): Promise<Ran> =>
  execIn(container, ["bash", "-c", line]);

/** Ids of a stack's containers, running or stopped, by name. */
export async function containerIds(prefix: string): Promise<Record<string, string>> {
  const found = await docker.listContainers({
    all: true,
    filters: { label: [`${PLATFORM_LABEL}=${prefix}`] },
  });
  return Object.fromEntries(found.map(({ Names, Id }) => [Names[0]?.slice(1) ?? "", Id]).sort());
}

/** Status and last output of a container's health check. */
export async function health(container: string): Promise<{ status: string; line: string }> {
  const { State } = await docker.getContainer(container).inspect();
  return {
    status: State.Health?.Status ?? State.Status,
    line: State.Health?.Log.at(-1)?.Output.trim() ?? "",
  };
}

/** A container's whole output. */
export async function logsOf(container: string): Promise<string> {
  return (await must("docker", ["logs", container])).output;
}

/** Removes everything of a stack from the daemon: containers, its network, its images. */
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

/** This machine's address for containers on any bridge network. */
export async function hostAddress(): Promise<string> {
  const { IPAM } = await docker.getNetwork("bridge").inspect();
  const { Gateway, Subnet } = IPAM?.Config?.[0] ?? {};
  // Docker 20.10 reports the gateway only once a container has used the network; it is the subnet's first
  // address.
  const address = Gateway ?? Subnet?.replace(/\.0\/\d+$/, ".1");
  if (!address) throw new Error("Docker's bridge network has no gateway");
  return address;
}

function ignoreMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}
