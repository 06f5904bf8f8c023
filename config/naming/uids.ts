/** The user ids that projects' processes and files have on their host. */
import { createHash } from "node:crypto";

/**
 * A range that nobody gives out: useradd ends at 60000, subordinate ids begin at 100000, directory services' at 200000 (SSSD up to 2000200000), and
 * systemd leaves it unused (UIDS-GIDS.md). Docker's last is 2^31 - 1.
 */
export const PROJECT_UIDS = { first: 0x7800_0000, count: 0x0800_0000 } as const;

/**
 * A project's own user id. It follows from the name, so that nothing has to be kept: an update of one project needs to know no other, a project that
 * is put back finds its files, and so does one that is restored on another host. Two of 50 names meet once in 100,000 files, which `check` refuses.
 */
export function projectUid(name: string): number {
  const digest = createHash("sha256").update(`opencode-platform/uid/${name}`).digest();
  return PROJECT_UIDS.first + (digest.readUInt32BE(0) % PROJECT_UIDS.count);
}
