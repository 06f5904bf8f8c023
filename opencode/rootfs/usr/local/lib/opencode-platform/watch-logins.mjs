// Log-ins that wait for their provider's answer: opencode listens for it meanwhile, and somebody is at the provider's page, of which nothing is seen here.
import { isOpencodes, listeners } from "./login.mjs";

/** A log-in waits for a few minutes; some of opencode's listeners stay for ever. Milliseconds. */
const LONGEST_MS = 15 * 60_000;

/** @param {{proc?: string, program?: string, now?: () => number}} [options] @returns how many wait, whenever it is called */
export function watchLogins({ proc, program, now = Date.now } = {}) {
  /** By socket: since when it is known, and whether it is opencode's. @type {Map<string, {since: number, isOwn: boolean}>} */
  const known = new Map();
  return () => {
    const inodes = [...listeners(proc)].map(({ inode }) => inode);
    for (const inode of known.keys()) if (!inodes.includes(inode)) known.delete(inode);
    for (const inode of inodes)
      if (!known.has(inode))
        known.set(inode, { since: now(), isOwn: isOpencodes([inode], { proc, program }) });
    return [...known.values()].filter(({ since, isOwn }) => isOwn && now() - since < LONGEST_MS).length;
  };
}
