import { setTimeout as sleep } from "node:timers/promises";
import { mustExec } from "../../../toolchain/lib/exec.ts";

/** The fields of `docker inspect` that the figures use. */
export interface Inspected {
  readonly Name: string;
  readonly Config: {
    readonly Hostname: string;
    readonly Image: string;
    readonly Env: readonly string[] | null;
    readonly Cmd: readonly string[] | null;
    readonly Entrypoint: readonly string[] | null;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck?: {
      readonly Test: readonly string[];
      readonly Interval?: number;
      readonly Timeout?: number;
      readonly StartPeriod?: number;
      readonly Retries?: number;
    };
  };
  readonly HostConfig: {
    readonly Binds: readonly string[] | null;
    readonly NetworkMode: string;
    readonly RestartPolicy: { readonly Name: string };
    readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
    readonly CapAdd: readonly string[] | null;
    readonly CapDrop: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly ReadonlyRootfs: boolean;
    readonly Init?: boolean | null;
    readonly Memory: number;
    readonly MemorySwap: number;
    readonly CpuPeriod: number;
    readonly CpuQuota: number;
    readonly PidsLimit: number | null;
  };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
}

/** Runs the Docker client. If a signal ends it, the figures still clean up. */
export const docker = (...args: readonly string[]): Promise<string> =>
  mustExec("docker", args, { stopsGracefully: true });

export async function inspect(...names: readonly string[]): Promise<Inspected[]> {
  return JSON.parse(await docker("container", "inspect", ...names)) as Inspected[];
}

/** Ids of the containers or networks whose label has this value. */
export async function labelled(kind: "container" | "network", label: string): Promise<string[]> {
  const args = kind === "container" ? ["ps", "-aq"] : ["network", "ls", "-q"];
  const ids = await docker(...args, "--filter", `label=${label}`);
  return ids.split("\n").filter(Boolean);
}

/** A container's address on a network. */
export async function addressOf(name: string, network: string): Promise<string> {
  const [container] = await inspect(name);
  return container?.NetworkSettings.Networks[network]?.IPAddress ?? "";
}

/** Waits until Docker reports all of these containers as healthy. */
export async function untilContainersHealthy(names: readonly string[], patienceMs = 300_000): Promise<void> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    const states = await docker("inspect", "--format", "{{.State.Health.Status}}", ...names);
    if (
      states
        .trim()
        .split("\n")
        .every((state) => state === "healthy")
    )
      return;
    await sleep(500);
  }
  throw new Error(`${names.join(", ")}: not healthy after ${patienceMs / 1000} s`);
}

/** Memory of containers in bytes, as in `docker stats`: without reclaimable page cache. */
export async function memoryOf(...names: readonly string[]): Promise<number[]> {
  const text = await docker("stats", "--no-stream", "--format", "{{.MemUsage}}", ...names);
  return text.trim().split("\n").map(parseMemory);
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** The first size of a line such as `24.31MiB / 256MiB`, in bytes. */
export function parseMemory(text: string): number {
  const [, amount = "", unit = ""] = /^\s*([\d.]+)\s*([KMG]i?B|B)/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new Error(`docker stats: "${text}" is not a size`);
  return Number(amount) * factor;
}

/** This machine's address for containers on any bridge: the first of Docker's own. */
export async function hostGateway(): Promise<string> {
  const subnet = await docker(
    "network",
    "inspect",
    "--format",
    "{{(index .IPAM.Config 0).Subnet}}",
    "bridge",
  );
  return subnet.trim().replace(/\.0\/\d+$/, ".1");
}
