// Puts one restored file or folder into a project that runs, whose agent may change the tree meanwhile: each step on the way is opened without following
// a link, and everything is done relative to what was opened. Root writes here, so a link that leads elsewhere must lead nowhere.
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { posix } from "node:path";
import { Told } from "./errors.mjs";
import { DATABASE } from "./excludes.mjs";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
const FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** Names by which a project's container knows its parts. */
const PLACES = [
  ["workspace", "/workspace"],
  ["home", "/home/opencode"],
];

/**
 * What a person calls a path → the part, and the path in it. Relative ones begin in the workspace.
 * @param {string} written `src/app.ts`, `/workspace/src`, `~/.bashrc`, `/home/opencode/notes`
 * @returns {{part: "workspace" | "home", path: string}}
 */
export function readPath(written) {
  if (typeof written !== "string" || written === "" || written.length > 4096 || written.includes("\0"))
    throw new Told("path: the path of a file or folder is missing or invalid");
  const whole = written.replace(/^~(?=\/|$)/, "/home/opencode");
  const absolute = posix.normalize(whole.startsWith("/") ? whole : `/workspace/${whole}`).replace(/\/$/, "");
  const found = PLACES.find(([, place]) => absolute === place || absolute.startsWith(`${place}/`));
  if (!found)
    throw new Told(
      `${written} is not in the project`,
      "write a path below /workspace or /home/opencode; one without a slash at its beginning is of the workspace",
    );
  const path = absolute.slice(found[1].length + 1);
  if (path === "")
    throw new Told(`${written} is a whole part of the project`, "restore the project without path");
  if (
    found[0] === "home" &&
    (`${DATABASE}/opencode.db`.startsWith(`${path}/`) || path.startsWith(`${DATABASE}/opencode.db`))
  )
    throw new Told(
      `${written} has opencode's database, which is in use`,
      "restore the whole project, or another path",
    );
  return { part: found[0], path };
}

/** A path of something in an open folder. */
const within = (folder, name) => `/proc/self/fd/${folder}/${name}`;
/** What is at a path, or nothing. */
const lookAt = (path) => lstatSync(path, { throwIfNoEntry: false });

function open(folder, name, said) {
  try {
    return openSync(within(folder, name), FOLDER);
  } catch (error) {
    if (error.code === "ENOTDIR" || error.code === "ELOOP")
      throw new Told(
        `${said} is no folder there (a symbolic link is not followed)`,
        "name the path that it leads to, or move it away",
      );
    throw error;
  }
}

/** Copies into an open folder that nobody else can enter; owners as they were. */
function copyInto(from, folder, name, owner) {
  const to = within(folder, name);
  const found = lstatSync(from);
  const [uid, gid] = owner(found);
  if (found.isSymbolicLink()) {
    symlinkSync(readlinkSync(from), to);
    lchownSync(to, uid, gid);
    lutimesSync(to, found.atime, found.mtime);
  } else if (found.isDirectory()) {
    mkdirSync(to, { mode: 0o700 });
    const inner = openSync(to, FOLDER);
    try {
      for (const child of readdirSync(from)) copyInto(`${from}/${child}`, inner, child, owner);
    } finally {
      closeSync(inner);
    }
    finish(to, found, uid, gid);
  } else if (found.isFile()) {
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    finish(to, found, uid, gid);
  }
}

/** The owner last but for the mode, which a change of owner takes bits from. Nobody else can be there. */
function finish(path, { mode, atime, mtime }, uid, gid) {
  chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
  lutimesSync(path, atime, mtime);
}

/** Removes what is in an open folder, without following a link. */
function removeFrom(folder, name) {
  const path = within(folder, name);
  if (!lookAt(path)?.isDirectory()) return unlinkSync(path);
  const inner = openSync(path, FOLDER);
  try {
    for (const child of readdirSync(`/proc/self/fd/${inner}`)) removeFrom(inner, child);
  } finally {
    closeSync(inner);
  }
  rmdirSync(path);
}

/**
 * @param {string} from what was restored: a file, a link or a folder
 * @param {string} part the project's part, a folder
 * @param {string} path where it belongs there
 * @param {() => string} [unique] of the name under which it is prepared
 */
export function place(from, part, path, unique = () => `.restored-${process.pid}-${Date.now()}`) {
  const steps = path.split("/");
  const name = steps.pop() ?? "";
  const root = openSync(part, FOLDER);
  const opened = [root];
  const { uid, gid } = fstatSync(root);
  const source = lstatSync(from);
  // Whoever had the part when it was backed up has another number on another host.
  const owner = (found) => (found.uid === source.uid ? [uid, gid] : [found.uid, found.gid]);
  try {
    for (const [index, step] of steps.entries()) {
      const folder = opened.at(-1) ?? root;
      if (!lookAt(within(folder, step))) {
        mkdirSync(within(folder, step), { mode: 0o755 });
        const made = open(folder, step, steps.slice(0, index + 1).join("/"));
        fchownSync(made, uid, gid);
        opened.push(made);
      } else opened.push(open(folder, step, steps.slice(0, index + 1).join("/")));
    }
    const folder = opened.at(-1) ?? root;
    swap(from, folder, name, unique(), owner);
  } finally {
    for (const each of opened) closeSync(each);
  }
}

/** Prepared in a folder of root's beside its place, then renamed: whoever reads sees the one or the other. */
function swap(from, folder, name, prepared, owner) {
  mkdirSync(within(folder, prepared), { mode: 0o700 });
  const inner = openSync(within(folder, prepared), FOLDER);
  try {
    const { uid, mode } = fstatSync(inner);
    if (uid !== (process.getuid?.() ?? 0) || (mode & 0o077) !== 0)
      throw new Error(`${prepared} is somebody else's`);
    copyInto(from, inner, "new", owner);
    const [before, after] = [lookAt(within(folder, name)), lookAt(within(inner, "new"))];
    // A file takes a file's place in one step; anything else is moved away first.
    if (before && (before.isDirectory() || after?.isDirectory()))
      renameSync(within(folder, name), within(inner, "old"));
    renameSync(within(inner, "new"), within(folder, name));
  } finally {
    for (const child of readdirSync(`/proc/self/fd/${inner}`)) removeFrom(inner, child);
    closeSync(inner);
    rmdirSync(within(folder, prepared));
  }
}
