/**
 * Runs every preview and update of the engine, by Pulumi's Automation API. The engine sends its events over a
 * local connection: none of them is on disk, where their secrets would be in plain.
 */
import type { EngineEvent, PulumiCommand, Stack } from "@pulumi/pulumi/automation/index.js";
import { fail } from "../../config/errors.ts";
import { loadLazily } from "../../config/quick-sdk.ts";
import { PULUMI_OLDEST } from "../../config/versions.ts";
import { type ExecResult, exec } from "../../toolchain/lib/exec.ts";
import { isCompatible } from "../../toolchain/parts/pulumi.ts";
import { root } from "./checkout.ts";
import { programInProcess } from "./in-process.ts";
import { pulumiProgram } from "./pulumi.ts";
import type { Session } from "./session.ts";

// Before the Automation API is imported, and once: each call would add another pair of hooks.
loadLazily();

export type EngineVerb = "up" | "preview" | "refresh" | "destroy";

export interface EngineOptions {
  /** Whether to refresh the state first. Default: no. */
  readonly refresh?: boolean;
  /** Whether to continue with other resources when one fails. `up` and `destroy` only. Default: no. */
  readonly continueOnError?: boolean;
  /** Whether the engine prints each changed property. Default: no. */
  readonly diff?: boolean;
  /** URNs of the only resources to touch. Default: all. */
  readonly targets?: readonly string[];
  /** URNs of resources to exclude. Default: none. */
  readonly excluded?: readonly string[];
  /** Variables for the program, in addition to the session's. */
  readonly variables?: Readonly<Record<string, string>>;
  /**
   * Whether the program runs in this process, which saves a second; once in a process. `up` only.
   * Default: no.
   */
  readonly inProcess?: boolean;
  /** File to which the engine's output is appended. */
  readonly logFile?: string;
  /** Cancels the engine gracefully, as one Ctrl-C does. */
  readonly signal?: AbortSignal;
  /** Receives every event of the engine as JSON; events.ts parses them. */
  readonly onEvent?: (event: unknown) => void;
}

/** The engine's output and exit code. */
export interface EngineResult extends ExecResult {
  /** Whether another process is updating the stack, so that nothing was done. */
  readonly isBusy: boolean;
}

/**
 * Runs the engine to its end; a failed run is a result too. Call `prepareCommand` first.
 * @throws UserError without a usable CLI
 */
export async function runEngine(
  session: Session,
  verb: EngineVerb,
  options: EngineOptions = {},
): Promise<EngineResult> {
  const command = await makeCommand(options);
  const stack = await openStack(session, command, options);
  const shared = {
    color: "never",
    userAgent: "opencode-platform",
    ...(options.refresh && verb !== "refresh" ? { refresh: true } : {}),
    ...(options.diff ? { diff: true } : {}),
    ...(options.targets ? { target: [...options.targets] } : {}),
    ...(options.excluded?.length ? { exclude: [...options.excluded] } : {}),
    onEvent: (event: EngineEvent) => options.onEvent?.(event),
    ...(options.signal ? { signal: options.signal } : {}),
  } as const;
  const { continueOnError = false } = options;
  try {
    if (verb === "up") {
      const program = options.inProcess
        ? { program: programInProcess({ ...session.variables, ...options.variables }) }
        : {};
      await stack.up({ ...shared, ...program, continueOnError, showSecrets: false });
    } else if (verb === "destroy") await stack.destroy({ ...shared, continueOnError, showSecrets: false });
    else if (verb === "refresh") await stack.refresh({ ...shared, showSecrets: false });
    else await stack.preview(shared);
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
  }
  const result = command.result ?? { code: null, stdout: "", stderr: "" };
  return { ...result, isBusy: result.code !== 0 && isBusy(result.stderr) };
}

/** Whether the stack is locked, as folder and bucket backends and Pulumi Cloud report it. */
const isBusy = (stderr: string): boolean =>
  /the stack is currently locked by|Another update is currently in progress/.test(stderr);

/** The engine failed. */
class EngineFailure extends Error {}

/**
 * The Automation API's CLI. Pulumi's own class only accepts `<folder>/bin/pulumi` and puts that folder before
 * the
 * toolchain's in PATH. This one accepts any path, writes the log, and ends the engine gracefully with this
 * process.
 */
class EngineCommand {
  readonly command: string;
  readonly version: { toString(): string };
  readonly #options: EngineOptions;
  /** Result of the last command. */
  result: ExecResult | undefined;

  constructor(path: string, version: string, options: EngineOptions) {
    this.command = path;
    this.version = { toString: () => version };
    this.#options = options;
  }

  async run(
    args: readonly string[],
    cwd: string,
    variables: NodeJS.ProcessEnv,
    _onOutput?: unknown,
    _onError?: unknown,
    signal?: AbortSignal,
  ): Promise<ExecResult> {
    const { logFile } = this.#options;
    this.result = await exec(this.command, [...args, "--non-interactive"], {
      cwd,
      env: { ...process.env, ...variables, PULUMI_AUTOMATION_API: "true" },
      stopsGracefully: true,
      ...(logFile ? { logFile } : {}),
      ...(signal ? { signal } : {}),
    });
    if (this.result.code !== 0) throw new EngineFailure();
    return this.result;
  }
}

/** An older engine writes its events, with their secrets, to a file, so it is refused. */
async function makeCommand(options: EngineOptions): Promise<EngineCommand> {
  const { path, version } = await pulumiProgram();
  if (!isCompatible(version))
    fail(
      "environment",
      path,
      `${version === "unknown" ? "is not a Pulumi CLI" : `is Pulumi ${version}`}; ${PULUMI_OLDEST} or a later 3.x is needed`,
      process.env.PULUMI_BIN ? "unset PULUMI_BIN, or set it to such a CLI" : "npm start",
    );
  return new EngineCommand(path, version, options);
}

async function openStack(
  { reference, variables }: Session,
  command: EngineCommand,
  options: EngineOptions,
): Promise<Stack> {
  // Loading takes a quarter of a second, so only a run of the engine pays for it.
  const { LocalWorkspace, Stack } = await import("@pulumi/pulumi/automation/index.js");
  const workspace = await LocalWorkspace.create({
    workDir: root,
    pulumiCommand: command as unknown as PulumiCommand,
    // An undefined variable is removed from the engine's environment.
    envVars: { ...variables, ...options.variables } as Record<string, string>,
  });
  // Every command names the stack; selecting it would change the stack of the user's own `pulumi`. Outputs
  // contain secrets.
  workspace.selectStack = async () => {};
  workspace.stackOutputs = async () => ({});
  const stack = await Stack.select(reference, workspace);
  // Avoids another run of the CLI for an unused summary.
  stack.info = async () => undefined;
  return stack;
}
