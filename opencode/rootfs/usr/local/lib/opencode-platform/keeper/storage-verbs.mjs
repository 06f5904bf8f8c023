// What a panel that runs no updates may ask the storage program: of one project at a time, and nothing that makes files somebody else's or a backup end
// before its time. Pure.
const ASK = "/usr/local/lib/opencode-platform/storage/ask";

/** Longest argument, in characters. */
const LONGEST = 2000;

const isProject = (value) => typeof value === "string" && /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/.test(value);
/** An id, a label, or a time. */
const isId = (value) => typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9:.+-]{0,63}$/.test(value);
const isLabel = (value) => typeof value === "string" && /^[a-z0-9-]{1,40}$/.test(value);
const isReason = (value) => typeof value === "string" && /^[a-z0-9-]{1,40}$/.test(value);
/** A project's own user, and the group of all of them: those of config/naming/uids.ts, which a test compares. */
const isUid = (value) => Number.isInteger(value) && value >= 0x7800_0000 && value < 0x8000_0000;
const isGid = (value) => value === 1000;
/** A path in a workspace or home, which leads nowhere else. */
const isPath = (value) =>
  typeof value === "string" &&
  value.length > 0 &&
  value.length <= 1000 &&
  !/^-|^\/(?!workspace\/|home\/opencode\/)|\p{Cc}/u.test(value) &&
  !value.split("/").includes("..");
const isOwner = (value) => holds(value, { name: isProject, uid: isUid, gid: isGid });

/** What each verb takes; with a question mark what may be left out. */
const VERBS = {
  status: {},
  checkpoints: { project: isProject },
  checkpoint: { project: isProject, "label?": isLabel, "reason?": isReason },
  rollback: { project: isProject, id: isId },
  drop: { project: isProject, id: isId },
  fork: {
    from: isProject,
    to: isProject,
    uid: isUid,
    gid: isGid,
    withLogins: (value) => typeof value === "boolean",
  },
  backup: { project: isProject, "reason?": isReason },
  backups: { project: isProject },
  restore: { project: isProject, "at?": isId, "into?": isOwner, "path?": isPath },
  // Less would let it end the last backup of a project.
  forget: { project: isProject, keepDays: (value) => value === 30 },
};

/** Whether an object has all that it must have, and nothing else. */
function holds(given, shape) {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  const known = Object.keys(shape).map((key) => key.replace("?", ""));
  return (
    Object.keys(given).every((key) => known.includes(key)) &&
    Object.entries(shape).every(([key, isValid]) =>
      key.endsWith("?") && given[key.slice(0, -1)] === undefined
        ? true
        : isValid(given[key.replace("?", "")]),
    )
  );
}

/** @param {readonly string[]} words of a command */
export function isStorageVerb([program, verb = "", argument = "", ...rest]) {
  if (program !== ASK || rest.length > 0 || argument.length > LONGEST || !Object.hasOwn(VERBS, verb))
    return false;
  try {
    return holds(JSON.parse(argument), VERBS[verb]);
  } catch {
    return false;
  }
}
