import { capitalised } from "../../../config/text/show.ts";
import { type ExecResult, exec, lastLines } from "../../../toolchain/lib/exec.ts";
import type { Edit, Person } from "./types.ts";

/** git or the remote failed for a reason unrelated to the change. Its message has no URL. */
export class RepositoryError extends Error {
  override readonly name = "RepositoryError";
}

const TIMEOUT_MS = 60_000;

/** Committer of the panel's commits; the author is the person. */
export const COMMITTER = {
  GIT_COMMITTER_NAME: "opencode platform panel",
  GIT_COMMITTER_EMAIL: "panel@localhost",
};

interface GitOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** git in one checkout. It never prompts; it fails instead. */
export class Git {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Runs git. @throws RepositoryError if it fails */
  async runOrThrow(args: readonly string[], options: GitOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code === 0) return stdout;
    throw new RepositoryError(`git ${args[0]} failed: ${gitMessage(stderr, code)}`);
  }

  run(args: readonly string[], { env, input }: GitOptions = {}): Promise<ExecResult> {
    return exec("git", ["-c", "core.quotePath=false", ...args], {
      cwd: this.#root,
      timeoutMs: TIMEOUT_MS,
      ...(input === undefined ? {} : { input }),
      env: {
        GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
        ...process.env,
        ...env,
        GIT_TERMINAL_PROMPT: "0",
        LC_ALL: "C",
      },
    });
  }
}

/** Subject of a commit: `Add project web-shop`. */
export function subjectOf(edit: Edit | undefined, what: string): string {
  if (!edit) return capitalised(what);
  if (edit.kind === "add") return `Add project ${edit.entry.name}`;
  if (edit.kind === "remove") return `Remove project ${edit.name}`;
  if (edit.kind === "release") return `Set project ${edit.name} to opencode ${edit.version}`;
  const { state, ...others } = edit.values;
  if (Object.keys(others).length > 0 || state === undefined) return `Change project ${edit.name}`;
  return `${state === "stopped" ? "Stop" : "Start"} project ${edit.name}`;
}

/** git allows no angle brackets or line breaks in names. */
export function authorOf({ name, email }: Person): Record<string, string> {
  const strip = (text: string) => text.replace(/[<>\p{Cc}]/gu, "").trim();
  return { GIT_AUTHOR_NAME: strip(name ?? "") || strip(email) || "unknown", GIT_AUTHOR_EMAIL: strip(email) };
}

/** The last lines of git's output, with URLs redacted. */
export function gitMessage(output: string, code: number | null): string {
  if (code === null) return `timed out after ${TIMEOUT_MS / 1000} seconds`;
  const text = lastLines(output.trim(), 3).replace(/\b[a-z+]+:\/\/\S+|\S+@\S+:\S+/gi, "<address>");
  return text.replace(/\s+/g, " ") || `code ${code}`;
}
