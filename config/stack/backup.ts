/** Where and when projects are backed up: the structured setting `backup`, and what it needs beside it. */
import { posix } from "node:path";
import type { Problem } from "../errors.ts";
import { checkPattern } from "../projects/backup-patterns.ts";
import { closest, show } from "../text/show.ts";
import { LOCAL_STACK, pulumiCommand, setCommand, setSecretCommand, settingKey } from "./commands.ts";
import { isMap, type Parsed, parseMap } from "./company/parsed.ts";
import { durationMistake, parseDuration } from "./durations.ts";
import type { Parser } from "./reading.ts";

/** Where the repository is. */
export type BackupTarget =
  /** `url` is of the server, `path` in the bucket has no slash at its ends and may be empty. */
  | { readonly kind: "s3"; readonly url: string; readonly bucket: string; readonly path: string }
  | {
      readonly kind: "sftp";
      readonly user: string;
      readonly host: string;
      readonly port?: number;
      /** Absolute. */
      readonly path: string;
    }
  /** On the host. */
  | { readonly kind: "directory"; readonly path: string }
  /** A bucket that the stack makes. */
  | { readonly kind: "spaces" };

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

const FORMS = "s3:<host>/<bucket>, sftp:<user>@<host>/<path>, an absolute directory of the host, or spaces";
const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** What needs no quoting in a shell, in Docker's syntax or in restic's. */
const PATH = /^\/[\w.+@%=-][\w./+@%=-]*$/;

const at = (...path: string[]): string => settingKey(["backup", ...path].join("."));
const setPath = (path: string, value: string, stack: string): string =>
  pulumiCommand(`config set --path '${path}' ${value}`, stack);
const removePath = (path: string, stack: string): string =>
  pulumiCommand(`config rm --path '${path}'`, stack);

/** Reads `backup`, which is JSON in Pulumi's config. */
export function parseBackup(text: string, stack: string): Parsed<BackupSettings> {
  const map = parseMap(text);
  if (!map) {
    const what = `${text.includes("@") && !text.startsWith("sftp:") ? "its value" : show(text)} is not a map: it has the keys ${KEYS.join(", ")}`;
    const fix = `${pulumiCommand(`config rm ${at()}`, stack)}, then ${setPath(at("to"), "s3:<host>/<bucket>", stack)}`;
    return { problems: [{ where: at(), what, fix }] };
  }
  const problems = unknownKeys(map, KEYS, [], stack);
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

function unknownKeys(
  map: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: readonly string[],
  stack: string,
): Problem[] {
  return Object.keys(map)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const guess = closest(key, known);
      const what = `is not a key here; ${guess ? `did you mean ${guess}?` : `there are ${known.join(", ")}`}`;
      return { where: at(...path, key), what, fix: removePath(at(...path, key), stack) };
    });
}

function readTarget(value: unknown, stack: string): Parsed<BackupTarget> {
  const refuse = (what: string, fix = setPath(at("to"), "s3:<host>/<bucket>", stack)): Parsed<never> => ({
    problems: [{ where: at("to"), what, fix }],
  });
  if (value === undefined) return refuse(`is missing: ${FORMS}`);
  const text = typeof value === "string" ? value.trim() : "";
  if (text === "spaces") {
    if (stack === LOCAL_STACK)
      return refuse(
        "is spaces, which is for droplet stacks",
        setPath(at("to"), "<absolute directory>", stack),
      );
    return { value: { kind: "spaces" }, problems: [] };
  }
  // Whoever writes a key or a password here has it in plain text in the stack's file: it is not quoted.
  if (/^(s3|sftp):(\/\/|https?:\/\/)?[^/@]*:[^/@]*@/.test(text))
    return refuse(
      "has credentials in plain text",
      `revoke them at their issuer, then set backupKeyId, backupKeySecret or backupSshKey (docs/backup.md)`,
    );
  const target = text.startsWith("s3:") ? s3(text) : text.startsWith("sftp:") ? sftp(text) : directory(text);
  if (!target) return refuse(`${show(value)} is not a place for backups: ${FORMS}`);
  if (target.kind === "directory" && stack !== LOCAL_STACK && isBelow(target.path, "/workspaces"))
    return refuse(
      `${show(text)} is on the volume that is backed up, and is lost with it`,
      setPath(at("to"), "spaces", stack),
    );
  return { value: target, problems: [] };
}

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** `s3:host[:port]/bucket[/path]`, over https unless it says `s3:http://`. */
function s3(text: string): BackupTarget | undefined {
  const [, scheme = "https", host = "", port, bucket = "", path = ""] =
    /^s3:(?:(https?):\/\/)?([^/:]+)(:\d{1,5})?\/([^/]+)\/?(.*?)\/*$/.exec(text) ?? [];
  const isPath = path === "" || /^[\w.+@=-]+(\/[\w.+@=-]+)*$/.test(path);
  if (!HOST.test(host) || !BUCKET.test(bucket) || !isPath || !isPort(port)) return undefined;
  return { kind: "s3", url: `${scheme}://${host}${port ?? ""}`, bucket, path };
}

function sftp(text: string): BackupTarget | undefined {
  const [, user = "", host = "", port, path = ""] =
    /^sftp:(?:\/\/)?([\w.-]+)@([^/:]+)(:\d{1,5})?(\/.*)$/.exec(text) ?? [];
  if (!HOST.test(host) || !PATH.test(path) || !isPort(port)) return undefined;
  const clean = posix.normalize(path).replace(/\/$/, "");
  return { kind: "sftp", user, host, ...(port ? { port: Number(port.slice(1)) } : {}), path: clean };
}

const isPort = (text: string | undefined): boolean =>
  text === undefined || (Number(text.slice(1)) > 0 && Number(text.slice(1)) <= 65_535);

function directory(text: string): BackupTarget | undefined {
  if (!PATH.test(text)) return undefined;
  const path = posix.normalize(text).replace(/\/$/, "");
  return path === "" ? undefined : { kind: "directory", path };
}

function readEvery(value: unknown, stack: string): Parsed<number> {
  const text = value === undefined ? DEFAULT_EVERY : typeof value === "string" ? value.trim() : "";
  const seconds = parseDuration(text);
  const refuse = (what: string, instead: string): Parsed<never> => ({
    problems: [{ where: at("every"), what, fix: setPath(at("every"), instead, stack) }],
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
    return { problems: [{ where: at("keep"), what, fix: setPath(at("keep", "daily"), "7", stack) }] };
  }
  const problems = unknownKeys(value, KINDS, ["keep"], stack);
  const keep = Object.fromEntries(KINDS.map((kind) => [kind, value[kind] ?? DEFAULT_KEEP[kind]]));
  for (const kind of KINDS) {
    const count = keep[kind];
    if (Number.isInteger(count) && Number(count) >= 0 && Number(count) <= MOST_KEPT) continue;
    const what = `${show(count)} is not a number of backups: a whole number from 0 to ${MOST_KEPT}`;
    problems.push({
      where: at("keep", kind),
      what,
      fix: setPath(at("keep", kind), String(DEFAULT_KEEP[kind]), stack),
    });
  }
  if (problems.length === 0 && KINDS.every((kind) => keep[kind] === 0))
    problems.push({
      where: at("keep"),
      what: "keeps no backup",
      fix: setPath(at("keep", "daily"), "7", stack),
    });
  return problems.length > 0 ? { problems } : { value: keep as unknown as BackupSettings["keep"], problems };
}

function readExclude(value: unknown, stack: string): Parsed<readonly string[]> {
  if (value === undefined) return { value: [], problems: [] };
  const where = at("exclude");
  const fix = setPath(`${where}[0]`, "dist", stack);
  if (!Array.isArray(value))
    return { problems: [{ where, what: `${show(value)} is not a list of patterns`, fix }] };
  const problems = value.flatMap((pattern, index): Problem[] => {
    const what = checkPattern(pattern);
    return what ? [{ where: `${where}[${index}]`, what, fix: removePath(`${where}[${index}]`, stack) }] : [];
  });
  return problems.length > 0 ? { problems } : { value, problems };
}

/** The region that a bucket's server is of, where its name says so: others are asked. */
export function regionOf(url: string): string | undefined {
  const { hostname } = new URL(url);
  const [, spaces, amazon] =
    /^(?:([a-z]+\d)\.digitaloceanspaces\.com|s3[.-]([a-z0-9-]+)\.amazonaws\.com)$/.exec(hostname) ?? [];
  return spaces ?? amazon;
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

/** As people are shown it; there are no credentials in it. */
export function describeTarget(target: BackupTarget, spaces = "a bucket of Spaces"): string {
  if (target.kind === "s3")
    return `${target.url.replace(/^https:\/\//, "")}/${[target.bucket, target.path].filter(Boolean).join("/")}`;
  if (target.kind === "sftp")
    return `${target.user}@${target.host}${target.port ? `:${target.port}` : ""}${target.path}`;
  return target.kind === "directory" ? target.path : spaces;
}

/** The region of Spaces for a droplet's: most have it, the others take the nearest one. https://docs.digitalocean.com/platform/regional-availability/, autumn 2026. */
export const spacesRegion = (region: string): string => NEAREST_SPACES[region] ?? region;
const NEAREST_SPACES: Readonly<Record<string, string>> = { nyc1: "nyc3", nyc2: "nyc3", mkc1: "nyc3" };
