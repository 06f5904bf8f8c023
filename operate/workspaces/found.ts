/** Says which new entries of projects.yaml an update gives what an earlier project of their name left behind. */
import { checkConfiguration } from "../../config/check.ts";
import { UserError } from "../../config/errors.ts";
import { nameOfUrn, PROJECT_TYPE } from "../../config/naming/urns.ts";
import { root } from "../engine/checkout.ts";
import type { Session } from "../engine/session.ts";
import type { Resource } from "../state/checkpoint.ts";
import { namesLeft } from "./left.ts";
import { placeOf, type WorkspacesPlace } from "./place.ts";

/** A state, as far as it is looked at here. */
interface Known {
  readonly resources: readonly Pick<Resource, "urn" | "type">[];
}

/**
 * Notifies before an update, in one line. An entry that is put back finds its workspace, which is what it is for; but nobody is to be surprised.
 * @param deployment the state, undefined if there is none: its projects are no new ones
 */
export async function noteFound(
  session: Session,
  deployment: Known | undefined,
  notify: (line: string) => void,
): Promise<void> {
  try {
    const { projects } = checkConfiguration(root, session.stack);
    const added = newNames(projects, deployment);
    const place = added.length > 0 ? await placeOf(session) : undefined;
    const line = place && (await foundLine(place, added));
    if (line) notify(line);
  } catch (error) {
    // The update itself says what is wrong with a file or a host.
    if (!(error instanceof UserError)) throw error;
  }
}

/** The entries that a state does not have. */
export function newNames(
  entries: readonly { readonly name: string }[],
  deployment: Known | undefined,
): string[] {
  const resources = deployment?.resources ?? [];
  const known = new Set(
    resources.filter(({ type }) => type === PROJECT_TYPE).map(({ urn }) => nameOfUrn(urn)),
  );
  return entries.map(({ name }) => name).filter((name) => !known.has(name));
}

/** The line about those of some names that left something behind; undefined if none has. @throws UserError if the host is not responding */
export async function foundLine(
  place: WorkspacesPlace,
  names: readonly string[],
): Promise<string | undefined> {
  const left = await namesLeft(place);
  const found = names.filter((name) => left.includes(name));
  if (found.length === 0) return undefined;
  return `Found and used again, with sessions and settings: the workspaces of earlier projects ${found.join(", ")}. To begin anew with one, take its entry out, apply that, run npm run purge -- <name>${place.stackFlag}, and put it back.`;
}
