/** Projects' users on a host that can give each its own. */
import { PROJECT_UIDS, projectUid } from "../../config/naming/uids.ts";
import { readOptional } from "../../config/text/read-optional.ts";
import { shellQuote } from "../../config/text/shell.ts";

/** A user on a host, by ids alone. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The image's user, whose group all projects have. */
export const IMAGE_USER: User = { uid: 1000, gid: 1000 };

/** A project's user. The group stays the image's, which may read the project's files in /run/opencode. */
export const projectUser = ({ gid }: User, project: string): User => ({ uid: projectUid(project), gid });

/** Whether a machine's root can give files to projects' users. @param uidMap /proc/self/uid_map: a container may know fewer ids; a Mac has no such file */
export const mapsProjectUids = (uidMap: string): boolean =>
  uidMap.split("\n").some((range) => {
    const [begin = 0, , length = 0] = range.trim().split(/\s+/).map(Number);
    return begin <= PROJECT_UIDS.first && begin + length >= PROJECT_UIDS.first + PROJECT_UIDS.count;
  });

/**
 * The users of the stack `local`: the person's own. Where that person is root, 1000 (the first person of most Linux systems), and each project has one of its own if
 * the machine can give it one.
 */
export function localUsers({
  uid = process.getuid?.() ?? 1000,
  gid = process.getgid?.() ?? 1000,
  uidMap = readOptional("/proc/self/uid_map") ?? "",
} = {}): { readonly user: User; readonly userOf: (project: string) => User } {
  const isRoot = uid === 0;
  const user = isRoot ? IMAGE_USER : { uid, gid };
  const givesUsers = isRoot && mapsProjectUids(uidMap);
  return { user, userOf: (project) => (givesUsers ? projectUser(user, project) : user) };
}

/**
 * Shell command that makes a directory and gives it to a user. One that is another's (releases up to 0.1 had one user for all projects) changes
 * hands with all that is in it, itself last: a command that was cut off does all of it again. chown goes from folder to folder, so that no
 * link can be put in one's place meanwhile, and follows none but the directory itself, where an admin may have put one.
 */
export function makeOwnedDirectory(path: string, { uid, gid }: User): string {
  const directory = shellQuote(path);
  const isTheirs = `find -H ${directory} -maxdepth 0 -uid ${uid}`;
  const giveContents = `find -H ${directory} -mindepth 1 -maxdepth 1 -exec chown -hRP ${uid}:${gid} {} +`;
  return `mkdir -p ${directory} && { [ -n "$(${isTheirs})" ] || { ${giveContents} && chown ${uid}:${gid} ${directory}; }; }`;
}

/** /etc/passwd of a container whose user is not the image's: ssh and others refuse to work for a user without a line there. */
export const passwdFile = ({ uid, gid }: User): string => `root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
opencode:x:${uid}:${gid}::/home/opencode:/bin/bash
`;
