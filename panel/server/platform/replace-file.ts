import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** Mode of a file that was not there. */
const PRIVATE = 0o600;

/**
 * Puts a text in a file's place in one step: whoever reads sees the old or the new one, after a power cut too. Mode and owner are kept.
 * `lastLook` is called right before that and may throw; nothing is changed and nothing left over then.
 */
export function replaceFile(file: string, text: string, lastLook: () => void = () => {}): void {
  // Always the same name: what a crash has left is replaced by the next. Two writers at once exclude each other before they come here.
  const unfinished = `${file}.tmp`;
  const before = statSync(file, { throwIfNoEntry: false });
  try {
    rmSync(unfinished, { force: true });
    writeThrough(unfinished, text, before);
    lastLook();
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  syncDirectory(dirname(file));
}

function writeThrough(
  file: string,
  text: string,
  before: { mode: number; uid: number; gid: number } | undefined,
): void {
  const handle = openSync(file, "wx", PRIVATE);
  try {
    writeFileSync(handle, text);
    if (before) {
      keepOwner(handle, before);
      fchmodSync(handle, before.mode & 0o7777);
    }
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Only root may give a file away; for others it is theirs already, or becomes theirs. */
function keepOwner(handle: number, { uid, gid }: { uid: number; gid: number }): void {
  if (process.getuid?.() === uid && process.getgid?.() === gid) return;
  try {
    fchownSync(handle, uid, gid);
  } catch {
    // not root
  }
}

/** Makes the rename itself durable, where the file system lets a directory be synced. */
function syncDirectory(path: string): void {
  try {
    const handle = openSync(path, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    // not on this file system
  }
}
