import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cleanEnv, type Platform } from "./platform.ts";
import { waitFor } from "./wait.ts";

/** A running update for the test to disturb. */
export interface Underway {
  /** Process of the engine. */
  readonly pid: number;
  /** Waits for the command's end; returns its code and output. */
  ended(): Promise<{ code: number | null; output: string }>;
}

/** Starts `pulumi up` and returns once the engine has the stack's lock. */
export async function startUpdate(platform: Platform): Promise<Underway> {
  const args = ["run", "--silent", "pulumi", "--", "up", "--yes", "--non-interactive", "--skip-preview"];
  const child = spawn("npm", args, { cwd: platform.fixture.root, env: cleanEnv() });
  const ended = collect(child);
  const pid = await waitFor<number>(
    "the engine to take the lock",
    () => {
      const [lock] = locks(platform);
      if (child.exitCode !== null) throw new Error("the update has ended already");
      return lock ? { done: lock.pid } : { seen: "no lock" };
    },
    { every: 20 },
  );
  return { pid, ended: () => ended };
}

function collect(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

/** Locks on the stack. */
export function locks(platform: Platform): { pid: number }[] {
  const folder = platform.path(".state", ".pulumi", "locks", "organization", "opencode-platform", "local");
  if (!existsSync(folder)) return [];
  // Each has a file of attributes next to it.
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as { pid: number }];
    } catch {
      return [];
    }
  });
}

/** Pending operations in the state. */
export function pendingOperations(platform: Platform): unknown[] {
  const file = platform.path(".state", ".pulumi", "stacks", "opencode-platform", "local.json");
  const state = JSON.parse(readFileSync(file, "utf8")) as {
    checkpoint: { latest?: { pending_operations?: unknown[] } };
  };
  return state.checkpoint.latest?.pending_operations ?? [];
}
