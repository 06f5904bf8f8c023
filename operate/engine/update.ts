import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  ConcurrentUpdateError,
  LocalWorkspace,
  PulumiCommand,
  Stack,
} from "@pulumi/pulumi/automation/index.js";
import { fail } from "../../config/errors.ts";
import { PROJECT_TYPE } from "../../config/naming/urns.ts";
import type { Deployment } from "../state/checkpoint.ts";
import { describeLock, judgeLock, readLocks } from "../state/lock.ts";
import { peekState } from "../state/state.ts";
import { beforeVerb } from "./before.ts";
import { PROJECT, root } from "./checkout.ts";
import { prepareStack } from "./prepare.ts";
import { pulumiBinary } from "./pulumi.ts";
import type { Session } from "./session.ts";
import { cleaner } from "./update-errors.ts";
import { UpdateProgress } from "./update-progress.ts";
import type { RunUpdate, UpdateEvent, UpdateOutcome } from "./update-types.ts";

/** Steps that a project takes, where the stack has none yet that tells. */
const STEPS_OF_PROJECT = 5;

export interface UpdateParts {
  /** How many entries projects.yaml has: for the estimate of how many steps there are. */
  readonly countEntries: () => number;
  /** Whether this process is in the stack's own container of the panel, which an update must not replace under it. */
  readonly isContainer?: boolean;
  /** Values that must not be in a message, whoever it comes from. */
  readonly secretValues: () => Iterable<string>;
}

/**
 * Makes the function that runs one `pulumi up` of a stack. What an engine that was killed has left is put right before. It goes on with other
 * projects when one fails, and looks at what is really there first (`--refresh`), since containers are started and stopped by Docker alone.
 */
export function makeUpdate(session: Session, parts: UpdateParts): RunUpdate {
  return async (hear, signal) => {
    const holder = heldBy(session);
    if (holder) return { state: "busy", by: holder };
    await prepareStack(session);
    await beforeVerb(session, "up", {
      say: (text) => hear({ kind: "message", data: { severity: "info", text } }),
    });
    if (signal.aborted) return { state: "interrupted" };
    const progress = new UpdateProgress(expectSteps(await peekState(session), parts.countEntries()));
    const stack = await openStack(session);
    const clean = cleaner(root, tmpdir(), parts.secretValues);
    const spared = parts.isContainer ? [urnOfPanel(session)] : [];
    return runUp(stack, { progress, hear, signal, clean, spared });
  };
}

/** The container of components/panel/panel.ts. */
const urnOfPanel = ({ stack }: Session): string =>
  `urn:pulumi:${stack}::${PROJECT}::opencode:platform:Panel$docker:index/container:Container::panel`;

/** Who updates the stack now, where its locks can be seen. */
function heldBy({ backend: { folder }, stack }: Session): string | undefined {
  const held = folder && readLocks(folder, PROJECT, stack).find((lock) => judgeLock(lock) === "held");
  return held ? sentence(describeLock(held)) : undefined;
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Every resource is looked at and then compared; a new project has as many as one that is there. */
export function expectSteps(deployment: Deployment | undefined, entries: number): number {
  const resources = (deployment?.resources ?? []).filter(
    ({ type, id }) => id !== undefined && !type.startsWith("pulumi:"),
  );
  const isOfProject = ({ urn }: { urn: string }) => urn.includes(`${PROJECT_TYPE}$`);
  const projects = (deployment?.resources ?? []).filter(({ type }) => type === PROJECT_TYPE).length;
  const each = projects > 0 ? resources.filter(isOfProject).length / projects : STEPS_OF_PROJECT;
  return Math.round(2 * resources.length + Math.max(entries - projects, 0) * each);
}

async function openStack({ reference, variables }: Session): Promise<Stack> {
  const binary = await pulumiBinary();
  const folder = dirname(dirname(binary));
  if (binary !== join(folder, "bin", "pulumi"))
    fail("environment", "PULUMI_BIN", "is not a file bin/pulumi, which the Automation API asks for");
  const workspace = await LocalWorkspace.create({
    workDir: root,
    pulumiCommand: await PulumiCommand.get({ root: folder, skipVersionCheck: true }),
    // One that is undefined is taken out of the engine's environment.
    envVars: { ...variables } as Record<string, string>,
  });
  // Each command names the stack; selecting it would change what a person's own `pulumi` takes. Outputs have secrets in them.
  workspace.selectStack = async () => {};
  workspace.stackOutputs = async () => ({});
  return Stack.select(reference, workspace);
}

interface Run {
  readonly progress: UpdateProgress;
  readonly hear: (event: UpdateEvent) => void;
  readonly signal: AbortSignal;
  readonly clean: (text: string) => string;
  /** URNs that are left alone. */
  readonly spared: readonly string[];
}

async function runUp(stack: Stack, { progress, hear, signal, clean, spared }: Run): Promise<UpdateOutcome> {
  const cancel = cancelOnce(signal);
  // The engine sends its events over a connection of this machine's own: nothing of them is on disk, where secrets would be in plain.
  const onEvent = (event: unknown) => {
    for (const each of progress.apply(event)) hear(withoutSecrets(each, clean));
  };
  try {
    await stack.up({
      refresh: true,
      continueOnError: true,
      ...(spared.length > 0 ? { exclude: [...spared] } : {}),
      color: "never",
      userAgent: "opencode-platform-panel",
      showSecrets: false,
      onEvent,
      signal: cancel.signal,
    });
    return { state: "succeeded" };
  } catch (error) {
    if (error instanceof ConcurrentUpdateError) return { state: "busy", by: "Somebody else" };
    if (signal.aborted) return { state: "interrupted" };
    return progress.outcome(saidBy(error), clean);
  } finally {
    cancel.release();
  }
}

function withoutSecrets(event: UpdateEvent, clean: (text: string) => string): UpdateEvent {
  if (event.kind !== "message") return event;
  return { kind: "message", data: { ...event.data, text: clean(event.data.text) } };
}

/**
 * A signal that cancels the engine as Ctrl-C does. A second Ctrl-C would end it at once, and a terminal has sent the first to the whole
 * group of processes already: then there is nothing more to send.
 */
function cancelOnce(signal: AbortSignal): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  let isTold = false;
  const fromTerminal = () => {
    isTold = Boolean(process.stdin.isTTY);
  };
  const abort = () => {
    if (!isTold) controller.abort();
  };
  process.prependListener("SIGINT", fromTerminal);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const release = () => {
    process.off("SIGINT", fromTerminal);
    signal.removeEventListener("abort", abort);
  };
  return { signal: controller.signal, release };
}

/** Where the engine has told no error by an event: what it has printed. */
function saidBy(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const errors = text.match(/^error: .*/gm) ?? [];
  return errors.join("\n") || "The engine ended before it could say why";
}
