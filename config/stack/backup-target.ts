/** Places for backups: how they are written, and what is known of them. */
import { posix } from "node:path";

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

/** How a place is written. */
export const TARGET_FORMS =
  "s3:<host>/<bucket>, sftp:<user>@<host>/<path>, an absolute directory of the host, or spaces";
const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** What needs no quoting in a shell, in Docker's syntax or in restic's. */
const PATH = /^\/[\w.+@%=-][\w./+@%=-]*$/;

/** What a text names; undefined for what is no place. */
export const parseTarget = (text: string): BackupTarget | undefined =>
  text.startsWith("s3:") ? s3(text) : text.startsWith("sftp:") ? sftp(text) : directory(text);

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

/** The region that a bucket's server is of, where its name says so: others are asked. */
export function regionOf(url: string): string | undefined {
  const { hostname } = new URL(url);
  const [, spaces, amazon] =
    /^(?:([a-z]+\d)\.digitaloceanspaces\.com|s3[.-]([a-z0-9-]+)\.amazonaws\.com)$/.exec(hostname) ?? [];
  return spaces ?? amazon;
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
