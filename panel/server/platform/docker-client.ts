/** The calls of the Docker client that operate/opencode makes, over the panel's socket: a droplet's panel has no client. */
import { PLATFORM_LABEL, PROJECT_LABEL } from "../../../config/naming/names.ts";
import type { RunDocker } from "../../../operate/docker/containers.ts";
import type { Engine } from "../../../operate/docker/engine.ts";
import type { LogLine } from "../../../operate/docker/types.ts";
import type { ExecResult } from "../../../toolchain/lib/exec.ts";

const success = (stdout: string, stderr = ""): ExecResult => ({ code: 0, stdout, stderr });

/**
 * Makes the client.
 * @param signal ends a series of calls: the next one throws its reason
 */
export function dockerOver(engine: Engine, signal?: AbortSignal): RunDocker {
  return async ([verb = "", ...args], timeoutMs, onLine) => {
    signal?.throwIfAborted();
    if (verb === "ps") return success((await engine.ids(...labelsIn(args))).join("\n"));
    if (verb === "container") return success(JSON.stringify(await inspectAll(engine, args.slice(1))));
    if (verb === "logs") return logs(engine, args.at(-1) ?? "", Number(args[args.indexOf("--tail") + 1]));
    if (verb === "exec") return exec(engine, args, timeoutMs, onLine);
    throw new Error(`docker ${verb} can't be run over the socket`);
  };
}

/** The values of `--filter label=<label>=<value>`: the stack's prefix, and a project. */
function labelsIn(args: readonly string[]): [prefix: string, project: string | undefined] {
  const find = (label: string) => {
    const start = `label=${label}=`;
    return args.find((arg) => arg.startsWith(start))?.slice(start.length);
  };
  return [find(PLATFORM_LABEL) ?? "", find(PROJECT_LABEL)];
}

/** Leaves out containers that no longer exist. */
async function inspectAll(engine: Engine, ids: readonly string[]) {
  return (await Promise.all(ids.map((id) => engine.inspect(id)))).filter((found) => found !== undefined);
}

async function logs(engine: Engine, name: string, tail: number): Promise<ExecResult> {
  const lines: LogLine[] = [];
  for await (const line of engine.logs(name, { follow: false, tail })) lines.push(line);
  const textOf = (wanted: LogLine["stream"]) =>
    lines.flatMap(({ stream, text }) => (stream === wanted ? [`${text}\n`] : [])).join("");
  return success(textOf("stdout"), textOf("stderr"));
}

/** A container that does not run is a result, as the client's. */
async function exec(
  engine: Engine,
  [name = "", ...command]: readonly string[],
  timeoutMs: number | undefined,
  onLine: Parameters<RunDocker>[2],
): Promise<ExecResult> {
  try {
    return await engine.exec(name, command, timeoutMs, onLine);
  } catch (error) {
    const stderr = (error as { reason?: string }).reason ?? (error as Error).message;
    return { code: 1, stdout: "", stderr };
  }
}
