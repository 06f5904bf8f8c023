/** Which backups of a name somebody may have: those of an earlier project of that name hold other people's sessions and log-ins, and are for admins. */
import { BEFORE_RESTORE } from "../../../operate/storage/answers.ts";
import type { Backup } from "../../../operate/storage/client.ts";
import { momentOf } from "../../../operate/storage/moment.ts";
import { personNow } from "../access/authority.ts";
import type { PanelServices } from "../parts.ts";
import type { Person } from "../platform/types.ts";
import { answeredOr } from "./copies.ts";
import { HttpProblem } from "./problem.ts";

/** Those that a person is shown. */
export const shownTo = <Item extends Pick<Backup, "isEarlier">>(
  isAdmin: boolean,
  backups: readonly Item[],
): Item[] => backups.filter(({ isEarlier }) => isAdmin || !isEarlier);

/**
 * What the storage program is asked to restore: for an admin what they say; for others the id of the one that they mean, chosen as it does among those that
 * are not of an earlier project.
 * @throws HttpProblem 403 if there is none, 409 and 503 if nobody can say
 */
export async function wantedBackup(
  parts: Pick<PanelServices, "authority" | "storage">,
  person: Person,
  name: string,
  at: string,
): Promise<string> {
  if (personNow(person, parts.authority()).admin) return at;
  const all = answeredOr(await parts.storage.backups(name), `The backups of ${name} can't be listed`);
  const id = chosen(shownTo(false, all), at)?.id;
  if (id !== undefined) return id;
  const which = at === "latest" ? "no backup" : `no backup ${at}`;
  throw new HttpProblem(
    403,
    `${name} has ${which} of its own. What there is of an earlier project of this name, only an admin can restore.`,
  );
}

/** @param backups newest first @param at an id or the beginning of one, `latest`, or a time, of which a day alone means its end */
function chosen(backups: readonly Backup[], at: string): Backup | undefined {
  if (at === "latest") return backups.find(({ reason }) => reason !== BEFORE_RESTORE) ?? backups[0];
  const named = backups.filter(({ id }) => at.length >= 4 && (id.startsWith(at) || at.startsWith(id)));
  if (named.length > 0) return named.length === 1 ? named[0] : undefined;
  const time = momentOf(at);
  return backups.find((backup) => Date.parse(backup.at) <= time);
}
