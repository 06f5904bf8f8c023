/** Where a pipeline applies what the panel commits: the panel waits for it in place of an update. */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { parseRepo } from "../../../config/projects/repo.ts";
import { readOptional } from "../../../config/text/read-optional.ts";
import type { RunUpdate } from "../../../operate/engine/update-events.ts";
import type { Repository } from "./repository.ts";

/** What the last update has left for the panel (components/panel/panel.ts). */
const appliedSchema = z.object({
  /** The commit that it has applied. */
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  /** Public halves of projects' deploy keys, by project. */
  deployKeys: z.record(z.string(), z.string()).default({}),
});
export type Applied = z.output<typeof appliedSchema>;

/** Reads what the last update has left; undefined before the first, or for a file that is not whole. */
export function readApplied(file: string): Applied | undefined {
  try {
    return appliedSchema.parse(JSON.parse(readOptional(file) ?? ""));
  } catch {
    return undefined;
  }
}

/** Milliseconds between two looks at what is applied. */
const INTERVAL_MS = 2000;
/** Minutes until an operation fails: the time limit of the shipped pipelines' job, and that of the one before it in the queue. */
const PATIENCE_MINUTES = 180;

export interface PipelineParts {
  readonly repository: Pick<Repository, "head" | "includes">;
  /** The file that updates leave. */
  readonly file: string;
  /** Where people see the branch's pipelines; undefined if that is not known. */
  readonly page: string | undefined;
  /** Default: 2000. */
  readonly intervalMs?: number;
  /** Default: 180 minutes. */
  readonly patienceMs?: number;
}

/** Makes the function that waits until the checkout's commit is applied. A commit that follows from it counts. */
export function waitForPipeline({
  repository,
  file,
  page,
  intervalMs = INTERVAL_MS,
  patienceMs = PATIENCE_MINUTES * 60_000,
}: PipelineParts): RunUpdate {
  return async (onUpdateEvent, signal) => {
    const commit = await repository.head();
    const short = commit.slice(0, 8);
    const at = page ? `: ${page}` : "";
    const text = `Waiting for the pipeline to apply ${short}${at}`;
    onUpdateEvent({ kind: "message", data: { severity: "info", text } });
    const end = performance.now() + patienceMs;
    while (!signal.aborted) {
      const applied = readApplied(file);
      if (applied && (await repository.includes(applied.commit, commit))) return { state: "succeeded" };
      if (performance.now() > end) return failed(short, page, patienceMs);
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
    }
    return { state: "interrupted" };
  };
}

function failed(short: string, page: string | undefined, patienceMs: number) {
  const where = page ? ` Look at ${page}; docs/ci.md says how to switch it on.` : "";
  const reason = `The pipeline has not applied ${short} in ${Math.round(patienceMs / 60_000)} minutes. The change is on the branch, and its next update makes it.${where}`;
  return { state: "failed", reason, failureOf: () => reason } as const;
}

/** A forge's page of a branch's pipelines, by the address of its repository. @param remote an ssh address, as in `panel.git.remote` */
export function pipelinesPage(remote: string, branch: string): string | undefined {
  const source = parseRepo(remote);
  if ("mistake" in source || source.kind !== "ssh") return undefined;
  const { host } = source;
  const address = URL.canParse(remote)
    ? new URL(remote).pathname.slice(1)
    : remote.slice(remote.indexOf(":") + 1);
  const path = address.replace(/\.git$/, "");
  const named = encodeURIComponent(branch);
  if (host === "github.com") return `https://${host}/${path}/actions?query=branch%3A${named}`;
  return /(^|\.)gitlab\./.test(host) ? `https://${host}/${path}/-/pipelines?ref=${named}` : undefined;
}
