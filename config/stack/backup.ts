/** Where and when projects are backed up: the structured setting `backup`, and what it needs beside it. */
import type { Problem } from "../errors.ts";
import { checkPattern } from "../projects/backup-patterns.ts";
import { show } from "../text/show.ts";
import { type BackupTarget, parseTarget, TARGET_FORMS } from "./backup-target.ts";
import {
  LOCAL_STACK,
  removeCommand,
  removePathCommand,
  setCommand,
  setPathCommand,
  setSecretCommand,
  settingKey,
} from "./commands.ts";
import { durationMistake, parseDuration } from "./durations.ts";
import type { Parser } from "./reading.ts";
import { isMap, type Parsed, parseMap, unknownKeys } from "./structured.ts";

/** The setting, typed. */
export interface BackupSettings {
  readonly to: BackupTarget;
  /** Milliseconds. */
  readonly everyMs: number;
  /** How many of each kind are kept of a project. */
  readonly keep: { readonly daily: number; readonly weekly: number; readonly monthly: number };
  /** Patterns beside the default ones. */
  readonly exclude: readonly string[];
}

export const DEFAULT_EVERY = "24h";
export const DEFAULT_KEEP = { daily: 7, weekly: 4, monthly: 6 } as const;
const KEYS = ["to", "every", "keep", "exclude"];
const KINDS = ["daily", "weekly", "monthly"] as const;
const SHORTEST = { text: "1h", seconds: 3600 };
const LONGEST = { text: "720h", seconds: 720 * 3600 };
const MOST_KEPT = 1000;

const at = (...path: string[]): string => settingKey(["backup", ...path].join("."));

/** Reads `backup`, which is JSON in Pulumi's config. */
export function parseBackup(text: string, stack: string): Parsed<BackupSettings> {
  const map = parseMap(text);
  if (!map) {
    const what = `${hasCredentials(text) ? "its value" : show(text)} is not a map: it has the keys ${KEYS.join(", ")}`;
    const fix = `${removeCommand(at(), stack)}, then ${setPathCommand(at("to"), "s3:<host>/<bucket>", stack)}`;
    return { problems: [{ where: at(), what, fix }] };
  }
  const problems = unknownKeys(map, KEYS, at, stack);
  const take = <T>({ value, problems: found }: Parsed<T>): T | undefined => {
    problems.push(...found);
    return value;
  };
  const to = take(readTarget(map.to, stack));
  const everyMs = take(readEvery(map.every, stack));
  const keep = take(readKeep(map.keep, stack));
  const exclude = take(readExclude(map.exclude, stack));
  if (problems.length > 0 || !to || everyMs === undefined || !keep || !exclude) return { problems };
  return { value: { to, everyMs, keep, exclude }, problems };
}

function readTarget(value: unknown, stack: string): Parsed<BackupTarget> {
  const refuse = (
    what: string,
    fix = setPathCommand(at("to"), "s3:<host>/<bucket>", stack),
  ): Parsed<never> => ({
    problems: [{ where: at("to"), what, fix }],
  });
  if (value === undefined) return refuse(`is missing: ${TARGET_FORMS}`);
  const text = typeof value === "string" ? value.trim() : "";
  if (text === "spaces") {
    if (stack === LOCAL_STACK)
      return refuse(
        "is spaces, which is for droplet stacks",
        setPathCommand(at("to"), "<absolute directory>", stack),
      );
    return { value: { kind: "spaces" }, problems: [] };
  }
  const target = parseTarget(text);
  if (!target && hasCredentials(text))
    return refuse(
      "has credentials in plain text",
      `revoke them at their issuer, then set backupKeyId, backupKeySecret or backupSshKey (docs/backup.md)`,
    );
  if (!target) return refuse(`${show(value)} is not a place for backups: ${TARGET_FORMS}`);
  if (target.kind === "directory" && stack !== LOCAL_STACK && isBelow(target.path, "/workspaces"))
    return refuse(
      `${show(text)} is on the volume that is backed up, and is lost with it`,
      setPathCommand(at("to"), "spaces", stack),
    );
  return { value: target, problems: [] };
}

/** Whether a text that is no place has a key or a password in it, whatever its scheme: whoever writes one has it in plain text in the stack's file, and it is not quoted. */
const hasCredentials = (text: string): boolean => /:[^@]*@/.test(text.replace(/^"?sftp:(\/\/)?/, ""));

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function readEvery(value: unknown, stack: string): Parsed<number> {
  const text = value === undefined ? DEFAULT_EVERY : typeof value === "string" ? value.trim() : "";
  const seconds = parseDuration(text);
  const refuse = (what: string, instead: string): Parsed<never> => ({
    problems: [{ where: at("every"), what, fix: setPathCommand(at("every"), instead, stack) }],
  });
  if (seconds === undefined) {
    const { mistake, instead } = durationMistake(
      typeof value === "string" ? text : String(value),
      "24h, 6h",
      LONGEST.seconds,
    );
    return refuse(mistake, instead ?? DEFAULT_EVERY);
  }
  if (seconds < SHORTEST.seconds)
    return refuse(`${show(text)} is too short: ${SHORTEST.text} or more`, SHORTEST.text);
  if (seconds > LONGEST.seconds)
    return refuse(`${show(text)} is too long: at most ${LONGEST.text}`, LONGEST.text);
  return { value: seconds * 1000, problems: [] };
}

function readKeep(value: unknown, stack: string): Parsed<BackupSettings["keep"]> {
  if (value === undefined) return { value: DEFAULT_KEEP, problems: [] };
  if (!isMap(value)) {
    const what = `${show(value)} is not a map: it has the keys ${KINDS.join(", ")}`;
    return { problems: [{ where: at("keep"), what, fix: setPathCommand(at("keep", "daily"), "7", stack) }] };
  }
  const problems = unknownKeys(value, KINDS, (key) => at("keep", key), stack);
  const keep = Object.fromEntries(KINDS.map((kind) => [kind, value[kind] ?? DEFAULT_KEEP[kind]]));
  for (const kind of KINDS) {
    const count = keep[kind];
    if (Number.isInteger(count) && Number(count) >= 0 && Number(count) <= MOST_KEPT) continue;
    const what = `${show(count)} is not a number of backups: a whole number from 0 to ${MOST_KEPT}`;
    problems.push({
      where: at("keep", kind),
      what,
      fix: setPathCommand(at("keep", kind), String(DEFAULT_KEEP[kind]), stack),
    });
  }
  if (problems.length === 0 && KINDS.every((kind) => keep[kind] === 0))
    problems.push({
      where: at("keep"),
      what: "keeps no backup",
      fix: setPathCommand(at("keep", "daily"), "7", stack),
    });
  return problems.length > 0 ? { problems } : { value: keep as unknown as BackupSettings["keep"], problems };
}

function readExclude(value: unknown, stack: string): Parsed<readonly string[]> {
  if (value === undefined) return { value: [], problems: [] };
  const where = at("exclude");
  const fix = setPathCommand(`${where}[0]`, "dist", stack);
  if (!Array.isArray(value))
    return { problems: [{ where, what: `${show(value)} is not a list of patterns`, fix }] };
  const problems = value.flatMap((pattern, index): Problem[] => {
    const what = checkPattern(pattern);
    return what
      ? [{ where: `${where}[${index}]`, what, fix: removePathCommand(`${where}[${index}]`, stack) }]
      : [];
  });
  return problems.length > 0 ? { problems } : { value, problems };
}

/** A password that backups are encrypted with. It is never quoted. */
export const parseBackupPassword: Parser<string> = (text) =>
  /^[^\r\n]{16,500}$/.test(text)
    ? text
    : { mistake: "is not a password of 16 characters or more, on one line" };

/** Half of a key of S3. It is never quoted. */
export const parseKeyPart: Parser<string> = (text) =>
  /^[\x21-\x7e]{3,200}$/.test(text) ? text : { mistake: "is not a key: it has no spaces and is on one line" };

/** Lines of known_hosts, or a list of them. */
export const parseKnownHosts: Parser<readonly string[]> = (text) => {
  const lines = linesOf(text);
  const line = /^(@cert-authority )?\S+ (ssh-|ecdsa-|sk-)\S+ AAAA\S+( .*)?$/;
  if (lines.length > 0 && lines.every((each) => line.test(each))) return lines;
  return { mistake: "is not a line of known_hosts: <host> ssh-ed25519 AAAA… (ssh-keyscan prints one)" };
};

function linesOf(text: string): string[] {
  let items: unknown = text;
  try {
    items = JSON.parse(text);
  } catch {
    // Plain lines.
  }
  return (Array.isArray(items) ? items.map(String) : text.split(/\r?\n/))
    .map((each) => each.trim())
    .filter(Boolean);
}

export interface BackupGiven {
  readonly keyId: boolean;
  readonly keySecret: boolean;
  readonly sshKey: boolean;
  /** Absent where it is not set, or cannot be read. */
  readonly knownHosts?: readonly string[] | undefined;
  readonly hasKnownHosts: boolean;
  /** Whether whoever runs the update has a key of Spaces; unknown is not checked. */
  readonly spaces?: boolean | undefined;
}

/** What a place needs beside its name. */
export function checkBackupNeeds({ to }: BackupSettings, given: BackupGiven, stack: string): Problem[] {
  const missing = (name: string, why: string): Problem => ({
    where: settingKey(name),
    what: `is missing: ${why}`,
    fix: setSecretCommand(settingKey(name), stack),
  });
  if (to.kind === "s3")
    return [
      ...(given.keyId ? [] : [missing("backupKeyId", "a bucket is reached with a key")]),
      ...(given.keySecret ? [] : [missing("backupKeySecret", "a bucket is reached with a key")]),
    ];
  if (to.kind === "spaces" && given.spaces === false)
    return [
      {
        where: "digitalocean:spacesAccessId",
        what: "is required (or SPACES_ACCESS_KEY_ID and SPACES_SECRET_ACCESS_KEY in the environment): the bucket is made with a key of Spaces",
        fix: `${setSecretCommand("digitalocean:spacesAccessId", stack)} and ${setSecretCommand("digitalocean:spacesSecretKey", stack)}`,
      },
    ];
  return to.kind === "sftp" ? sftpNeeds(to, given, missing, stack) : [];
}

function sftpNeeds(
  { host, port }: Extract<BackupTarget, { kind: "sftp" }>,
  { sshKey, hasKnownHosts, knownHosts }: BackupGiven,
  missing: (name: string, why: string) => Problem,
  stack: string,
): Problem[] {
  const problems = sshKey
    ? []
    : [
        {
          ...missing("backupSshKey", "sftp logs in with a key"),
          fix: `${setSecretCommand(settingKey("backupSshKey"), stack)} < <file of the key>`,
        },
      ];
  const name = port && port !== 22 ? `[${host}]:${port}` : host;
  const where = settingKey("backupKnownHosts");
  const scan = `ssh-keyscan ${port ? `-p ${port} ` : ""}${host}`;
  const fix = `compare the output of ${scan} with what its operator publishes, then ${setCommand(where, "<a line of it>", stack)}`;
  if (!hasKnownHosts)
    problems.push({ where, what: `is missing: nobody is there to compare the key that ${host} shows`, fix });
  // A hashed line does not say whose it is.
  const names = knownHosts?.map((line) => line.replace(/^@\S+ /, "").split(" ")[0] ?? "");
  if (
    names?.every(
      (each) => !each.startsWith("|") && !each.split(",").some((one) => one === name || one.includes("*")),
    )
  )
    problems.push({ where, what: `has no line for ${name}`, fix });
  return problems;
}
