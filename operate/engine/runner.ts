/**
 * The one way in which the engine previews or changes a stack: Pulumi's Automation API. The engine sends its events over a connection of
 * this machine's own: nothing of them is on disk, where the secrets in them would be in plain.
 */
import type { EngineEvent, PulumiCommand, Stack } from "@pulumi/pulumi/automation/index.js";
import { fail } from "../../config/errors.ts";
import { loadLazily } from "../../config/lazy-modules.ts";
import { PULUMI_OLDEST } from "../../config/versions.ts";
import { type ExecResult, exec } from "../../toolchain/lib/exec.ts";
import { isCompatible } from "../../toolchain/parts/pulumi.ts";
import { root } from "./checkout.ts";
import { pulumiProgram } from "./pulumi.ts";
import type { Session } from "./session.ts";

export type EngineVerb = "up" | "preview" | "refresh" | "destroy";

export interface EngineOptions {
  /** Whether it is read first what really exists. Default: no. */
  readonly refresh?: boolean;
  /** Whether the other resources are still changed when one fails. `up` and `destroy` only. Default: no. */
  readonly continueOnError?: boolean;
  /** Whether the engine prints each property that changes. Default: no. */
  readonly diff?: boolean;
  /** URNs of the only resources that are touched. Default: all. */
  readonly targets?: readonly string[];
  /** URNs of resources that are left alone. Default: none. */
  readonly excluded?: readonly string[];
  /** Variables for the program, besides the session's. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Appends what the engine prints to this file. */
  readonly logFile?: string;
  /** Cancels the engine in order, as one Ctrl-C does. */
  readonly signal?: AbortSignal;
  /** Receives every event of the engine, in JSON; events.ts reads them. */
  readonly onEvent?: (event: unknown) => void;
}

/** What the engine printed, and how it ended. */
export interface EngineResult extends ExecResult {
  /** Another process updates the stack, so that nothing has been done. */
  readonly isBusy: boolean;
}

/**
 * Runs the engine to its end; a run that fails is a result, too. `prepareCommand` must have been called before.
 * @throws UserError where there is no usable CLI
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
    if (verb === "up") await stack.up({ ...shared, continueOnError, showSecrets: false });
    else if (verb === "destroy") await stack.destroy({ ...shared, continueOnError, showSecrets: false });
    else if (verb === "refresh") await stack.refresh({ ...shared, showSecrets: false });
    else await stack.preview(shared);
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
  }
  const result = command.result ?? { code: null, stdout: "", stderr: "" };
  return { ...result, isBusy: result.code !== 0 && isBusy(result.stderr) };
}

/** As the backends of a folder or a bucket, and Pulumi's service, report that the stack is locked. */
const isBusy = (stderr: string): boolean =>
  /the stack is currently locked by|Another update is currently in progress/.test(stderr);

/** That the engine did not succeed. */
class EngineFailure extends Error {}

/**
 * The CLI as the Automation API calls it. Its own takes only `<folder>/bin/pulumi`, and puts that folder before the PATH on which the
 * toolchain's commands come first. This one takes any path, writes the log, and lets the engine end in order with this process.
 */
class EngineCommand {
  readonly command: string;
  readonly version: { toString(): string };
  readonly #options: EngineOptions;
  /** How the last command has ended. */
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

/** An older engine writes its events, with the secrets in them, to a file: it is refused. */
async function makeCommand(options: EngineOptions): Promise<EngineCommand> {
  const { path, version } = await pulumiProgram();
  if (!isCompatible(version))
    fail(
      "environment",
      path,
      `${version === "unknown" ? "is not a Pulumi CLI" : `is Pulumi ${version}`}; ${PULUMI_OLDEST} or a later 3.x is needed`,
      process.env.PULUMI_BIN ? "unset PULUMI_BIN, or let it name such a CLI" : "npm start",
    );
  return new EngineCommand(path, version, options);
}

async function openStack(
  { reference, variables }: Session,
  command: EngineCommand,
  options: EngineOptions,
): Promise<Stack> {
  // It takes a quarter of a second to load: only those who run the engine pay for it.
  loadLazily();
  const { LocalWorkspace, Stack } = await import("@pulumi/pulumi/automation/index.js");
  const workspace = await LocalWorkspace.create({
    workDir: root,
    pulumiCommand: command as unknown as PulumiCommand,
    // One that is undefined is removed from the engine's environment.
    envVars: { ...variables, ...options.variables } as Record<string, string>,
  });
  // Each command names the stack; selecting it would change what a person's own `pulumi` takes. Outputs have secrets in them.
  workspace.selectStack = async () => {};
  workspace.stackOutputs = async () => ({});
  const stack = await Stack.select(reference, workspace);
  // Another run of the CLI, for a summary that nobody reads.
  stack.info = async () => undefined;
  return stack;
}
