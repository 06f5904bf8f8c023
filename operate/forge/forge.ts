import { retry, Transient } from "../http/retry.ts";
import { UncertainError } from "./http.ts";

/** A comment or an issue that this pipeline has written. */
export interface Written {
  readonly id: number;
  readonly url: string;
  readonly body: string;
}

/** What of GitHub and of GitLab is used. Lists have what the pipeline itself has written, oldest first, and nobody else's. */
export interface Forge {
  readonly name: "GitHub" | "GitLab";
  /** The longest comment or issue, in bytes, with some room. */
  readonly limit: number;
  /** Number of the pull or merge request that this run is for. */
  readonly change: number | undefined;
  comments(change: number): AsyncIterable<Written>;
  addComment(change: number, body: string): Promise<Written>;
  editComment(change: number, id: number, body: string): Promise<Written>;
  openIssues(): AsyncIterable<Written>;
  addIssue(title: string, body: string): Promise<Written>;
  editIssue(id: number, title: string, body: string): Promise<Written>;
  closeIssue(id: number, comment: string): Promise<void>;
}

/** What a person can't see in a comment or issue, and what it is found again by: kind, stack, and what it is about. */
export interface Marker {
  readonly kind: "preview" | "drift";
  readonly stack: string;
  /** The same as long as there is nothing new to tell. */
  readonly about?: string;
}

const opening = ({ kind, stack }: Marker): string => `<!-- opencode-platform ${kind} ${stack} `;
const marked = (marker: Marker, body: string): string =>
  `${opening(marker)}${marker.about ?? ""}-->\n${body}`;

/** Writes the one comment of its kind: anew, or over the one that is there. */
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

/** What has become of the one issue of its kind. */
export type Outcome = "opened" | "updated" | "unchanged" | "closed" | "none";

/** Opens the one issue of its kind, or brings it up to date; leaves it alone when it is about the same. */
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

/** Closes the issue of its kind, if one is open. */
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

/** Looks and writes again when it is unknown whether a write was carried out, so that nothing is ever there twice. */
const retryIfUncertain = <T>(write: () => Promise<T>): Promise<T> =>
  retry(
    () =>
      write().catch((error: unknown) => {
        throw error instanceof UncertainError ? new Transient(error) : error;
      }),
    { retries: RETRIES, pause: (number) => 1000 * (number + 1) },
  );
