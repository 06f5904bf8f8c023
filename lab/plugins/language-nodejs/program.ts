/** Runs a program like the official language host: through `@pulumi/pulumi/cmd/run`. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The engine's parameters of a run. */
export interface ProgramRun {
  readonly engineAddress: string;
  readonly monitorAddress: string;
  readonly organization: string;
  readonly project: string;
  readonly stack: string;
  readonly rootDirectory: string;
  readonly programDirectory: string;
  readonly entryPoint: string;
  readonly dryRun: boolean;
  readonly parallel: number;
  readonly args: readonly string[];
  readonly config: ReadonlyMap<string, string>;
  readonly secretKeys: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Result of a run: empty on success; `bail` if the program has already shown its errors. */
export interface ProgramResult {
  readonly error: string;
  readonly bail: boolean;
}

/** The exit code of a program that has already shown its errors. */
const ALREADY_SHOWN = 32;
const KILL_AFTER_MS = 5000;

/** The arguments for `cmd/run`. */
export function argumentsOf(run: ProgramRun): string[] {
  const options: readonly [string, string][] = [
    ["monitor", run.monitorAddress],
    ["engine", run.engineAddress],
    ["organization", run.organization],
    ["project", run.project],
    ["root-directory", run.rootDirectory],
    ["stack", run.stack],
    ["pwd", run.programDirectory],
    ["parallel", String(run.parallel)],
  ];
  const given = options.filter(([, value]) => value !== "").flatMap(([name, value]) => [`--${name}`, value]);
  return [...given, ...(run.dryRun ? ["--dry-run"] : []), run.entryPoint, ...run.args];
}

/** The stack's configuration as the SDK reads it: `<namespace>:config:<name>`. */
export function configOf(config: ReadonlyMap<string, string>): Record<string, string> {
  const entries = [...config].map(([key, value]): [string, string] => {
    const colon = key.indexOf(":");
    const namespace = key.slice(0, colon);
    const name = key.slice(colon + 1).replace(/^config:/, "");
    return [`${namespace}:config:${name}`, value];
  });
  return Object.fromEntries(entries);
}

/** Environment variables for the program. */
export function environmentOf(run: ProgramRun): Record<string, string> {
  const env: Record<string, string> = {
    PULUMI_CONFIG: JSON.stringify(configOf(run.config)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(run.secretKeys),
  };
  if (run.options.typescript !== false) env.PULUMI_NODEJS_TYPESCRIPT = "true";
  if (typeof run.options.tsconfig === "string") env.PULUMI_NODEJS_TSCONFIG_PATH = run.options.tsconfig;
  return env;
}

/** Node's own arguments from the project's `nodeargs`. */
export function nodeArgumentsOf(options: Readonly<Record<string, unknown>>): string[] {
  const { nodeargs } = options;
  return typeof nodeargs === "string" ? nodeargs.split(/\s+/).filter((word) => word !== "") : [];
}

function locateRunner(programDirectory: string): string | undefined {
  try {
    return createRequire(join(programDirectory, "package.json")).resolve("@pulumi/pulumi/cmd/run");
  } catch {
    return undefined;
  }
}

/** Runs the program to its end, or stops it when the signal is aborted. */
export function runProgram(run: ProgramRun, signal: AbortSignal): Promise<ProgramResult> {
  if (process.env.PULUMI_OTEL_EXPORTER_OTLP_ENDPOINT) {
    const error = "The stand-in language host does not support traces: remove --otel-traces.";
    return Promise.resolve({ error, bail: false });
  }
  const runner = locateRunner(run.programDirectory);
  if (runner === undefined) {
    const error = "It looks like the Pulumi SDK has not been installed. Have you run npm install?";
    return Promise.resolve({ error, bail: false });
  }
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...nodeArgumentsOf(run.options), runner, ...argumentsOf(run)], {
      env: { ...process.env, ...environmentOf(run) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.pipe(process.stdout, { end: false });
    child.stderr.pipe(process.stderr, { end: false });
    const stop = (): void => {
      child.kill("SIGINT");
      setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS).unref();
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", (error) =>
      resolve({ error: `could not run the program: ${error.message}`, bail: false }),
    );
    child.on("close", (code, killed) => {
      signal.removeEventListener("abort", stop);
      resolve(resultOf(code, killed));
    });
  });
}

/** The result for the engine at the program's end. */
export function resultOf(code: number | null, killed: NodeJS.Signals | null): ProgramResult {
  if (killed !== null) return { error: `Program was stopped by ${killed}`, bail: false };
  if (code === 0) return { error: "", bail: false };
  if (code === ALREADY_SHOWN) return { error: "", bail: true };
  return { error: `Program exited with non-zero exit code: ${code}`, bail: false };
}
