/** The keeper of a platform, as its scripts ask it. */
import { ASK } from "../../operate/keeper/client.ts";
import { execIn } from "./docker.ts";
import type { Platform } from "./platform.ts";
import { must, run } from "./run.ts";
import { waitFor } from "./wait.ts";

export interface Kept {
  readonly project: string;
  readonly state: string;
  readonly since: string;
  /** Why it is awake, or sick. */
  readonly reason?: string;
}

export interface AskedKeeper {
  readonly code: number | null;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Asks it. */
export async function askKeeper(platform: Platform, ...words: string[]): Promise<AskedKeeper> {
  const { code, stdout, output } = await execIn(platform.names.keeper, [ASK, ...words]);
  try {
    return { code, value: JSON.parse(stdout) };
  } catch {
    throw new Error(`ask ${words.join(" ")} ended with ${code}: ${output}`);
  }
}

/** A project as its keeper sees it. */
export async function keptOf(platform: Platform, project: string): Promise<Kept | undefined> {
  const { value } = await askKeeper(platform, "projects");
  return (value as unknown as readonly Kept[]).find((each) => each.project === project);
}

/** A project's state. */
export const stateOf = async (platform: Platform, project: string): Promise<string | undefined> =>
  (await keptOf(platform, project))?.state;

export const inState = (platform: Platform, project: string, state: string): Promise<true> =>
  waitFor<true>(`${project} to be ${state}`, async () => {
    const seen = await stateOf(platform, project);
    return seen === state ? { done: true as const } : { seen };
  });

/** Puts a project to sleep, once it may: one that has just started has not said yet what it does. */
export const putToSleep = (platform: Platform, project: string): Promise<AskedKeeper["value"]> =>
  waitFor<AskedKeeper["value"]>(`${project} to fall asleep`, async () => {
    const { code, value } = await askKeeper(platform, "sleep", project);
    return code === 0 ? { done: value } : { seen: value };
  });

/** The same, without waiting: Docker's client would wait for ever for a program whose container is killed (20.10). */
export const beginSleep = (platform: Platform, project: string) =>
  must("docker", ["exec", "--detach", platform.names.keeper, ASK, "sleep", project]);

/** Moves the clock by which the keeper measures `sleep.after`. */
export const moveClock = (platform: Platform, ms: number) =>
  execIn(platform.names.keeper, ["sh", "-c", `echo ${ms} > /tmp/ahead`]);

/** Ends it as the kernel would; Docker starts it again. */
export async function killKeeper(platform: Platform): Promise<void> {
  const { keeper } = platform.names;
  const { stdout } = await run("docker", ["top", keeper, "-o", "pid,args"]);
  const pid = /^\s*(\d+)\s+.*main\.mjs/m.exec(stdout)?.[1];
  // Detached, as above.
  if (pid) await must("docker", ["exec", "--detach", keeper, "kill", "-9", pid]);
}
