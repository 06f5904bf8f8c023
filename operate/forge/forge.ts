import { retry, Transient } from "../http/retry.ts";
import { UncertainError } from "./http.ts";

/** A comment or issue written by this pipeline. */
export interface Written {
  readonly id: number;
  readonly url: string;
  readonly body: string;
}

/**
 * The parts of GitHub and GitLab that are used. Lists only have what the pipeline itself wrote, oldest
 * first.
 */
export interface Forge {
  readonly name: "GitHub" | "GitLab";
  /** Size limit of a comment or issue, in bytes, with a margin. */
  readonly limit: number;
  /** Number of the pull or merge request of this run. */
  readonly change: number | undefined;
  comments(change: number): AsyncIterable<Written>;
  addComment(change: number, body: string): Promise<Written>;
  editComment(change: number, id: number, body: string): Promise<Written>;
  openIssues(): AsyncIterable<Written>;
  addIssue(title: string, body: string): Promise<Written>;
  editIssue(id: number, title: string, body: string): Promise<Written>;
  closeIssue(id: number, comment: string): Promise<void>;
}

/** An invisible marker to find a comment or issue again: its kind, stack and content. */
export interface Marker {
  readonly kind: "preview" | "drift" | "refresh";
  readonly stack: string;
  /** Unchanged while there is nothing new to report. */
  readonly about?: string;
}

const opening = ({ kind, stack }: Marker): string => `<!-- opencode-platform ${kind} ${stack} `;
const marked = (marker: Marker, body: string): string =>
  `${opening(marker)}${marker.about ?? ""}-->\n${body}`;

/** Creates or updates the one comment of its kind. */
export async function putComment(
  forge: Forge,
  change: number,
  marker: Marker,
  body: string,
): Promise<Written> {
  const text = marked(marker, body);
  return retryIfUncertain(async () => {
    const found = await first(forge.comments(change), marker);
    if (!found) return forge.addComment(change, text);
    return found.body === text ? found : forge.editComment(change, found.id, text);
  });
}

/** What happened to the one issue of its kind. */
export type Outcome = "opened" | "updated" | "unchanged" | "closed" | "none";

/** Opens or updates the one issue of its kind; leaves it alone if it is unchanged. */
export async function putIssue(
  forge: Forge,
  marker: Marker,
  title: string,
  body: string,
): Promise<{ outcome: Outcome; url: string }> {
  const text = marked(marker, body);
  return retryIfUncertain(async () => {
    const found = await first(forge.openIssues(), marker);
    if (!found) return { outcome: "opened", url: (await forge.addIssue(title, text)).url };
    if (found.body.startsWith(marked(marker, ""))) return { outcome: "unchanged", url: found.url };
    return { outcome: "updated", url: (await forge.editIssue(found.id, title, text)).url };
  });
}

/** Closes the issue of its kind, if it is open. */
export async function resolveIssue(
  forge: Forge,
  marker: Marker,
  comment: string,
): Promise<{ outcome: Outcome; url?: string }> {
  const found = await first(forge.openIssues(), marker);
  if (!found) return { outcome: "none" };
  await forge.closeIssue(found.id, comment);
  return { outcome: "closed", url: found.url };
}

async function first(written: AsyncIterable<Written>, marker: Marker): Promise<Written | undefined> {
  for await (const one of written) if (one.body.startsWith(opening(marker))) return one;
  return undefined;
}

const RETRIES = 2;

/** Looks again and repeats a write whose outcome is unknown, without creating a duplicate. */
const retryIfUncertain = <T>(write: () => Promise<T>): Promise<T> =>
  retry(
    () =>
      write().catch((error: unknown) => {
        throw error instanceof UncertainError ? new Transient(error) : error;
      }),
    { retries: RETRIES, pause: (number) => 1000 * (number + 1) },
  );
