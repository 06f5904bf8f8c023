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

/** Mode of a new file. */
const PRIVATE = 0o600;

/**
 * Replaces a file atomically, also across a power cut. Mode and owner are kept.
 * @param lastLook called right before the rename; if it throws, nothing is changed
 */
export function replaceFile(file: string, text: string, lastLook: () => void = () => {}): void {
  // A fixed name, so that the next call replaces a crash's leftover. Callers exclude concurrent writers.
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

/** Keeps the owner. Only root can change it; for other users the file becomes theirs. */
function keepOwner(handle: number, { uid, gid }: { uid: number; gid: number }): void {
  if (process.getuid?.() === uid && process.getgid?.() === gid) return;
  try {
    fchownSync(handle, uid, gid);
  } catch {
    // not root
  }
}

/** Makes the rename durable, if the file system can sync directories. */
function syncDirectory(path: string): void {
  try {
    const handle = openSync(path, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    // not supported by this file system
  }
}
