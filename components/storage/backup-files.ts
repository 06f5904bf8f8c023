/** What the storage program is told of backups: its settings, without a secret, and each secret in a file of its own. */
import type { BackupSettings } from "../../config/stack/backup.ts";
import { type BackupTarget, describeTarget, regionOf } from "../../config/stack/backup-target.ts";

/** Where the program's container has them. */
export const BACKUP_FILES_DIR = "/run/storage/backup";
/** Where it has the host's directory, if that is the repository. */
export const BACKUP_DIRECTORY = "/backup";

/** A bucket that the stack has made. */
export interface MadeBucket {
  readonly url: string;
  readonly bucket: string;
}

export interface BackupConfigArgs {
  readonly settings: BackupSettings;
  /** For `spaces`. */
  readonly made?: MadeBucket | undefined;
  /** Who says when: the program itself, or the host's timer. */
  readonly schedule: "own" | "timer";
}

const inFiles = (name: string) => `${BACKUP_FILES_DIR}/${name}`;

/** The bucket's place, whoever has made it. */
const bucketOf = (to: BackupTarget, made: MadeBucket | undefined) =>
  to.kind === "s3" ? to : made && { ...made, path: "" };

/** The repository as restic takes it. */
function repositoryOf(to: BackupTarget, made: MadeBucket | undefined): string {
  if (to.kind === "directory") return BACKUP_DIRECTORY;
  // With a double slash the path begins at the server's root.
  if (to.kind === "sftp") return `sftp://${to.user}@${to.host}${to.port ? `:${to.port}` : ""}/${to.path}`;
  const bucket = bucketOf(to, made);
  return `s3:${[bucket?.url, bucket?.bucket, bucket?.path].filter(Boolean).join("/")}`;
}

/** `config.json`, as storage/backup/index.mjs reads it. */
export function backupConfig({ settings, made, schedule }: BackupConfigArgs): string {
  const { to, everyMs, keep, exclude } = settings;
  const bucket = bucketOf(to, made);
  const region = bucket && regionOf(bucket.url);
  return `${JSON.stringify({
    to: describeTarget(made && bucket ? { kind: "s3", ...bucket } : to),
    repository: repositoryOf(to, made),
    ...(region && { region }),
    ...(to.kind === "sftp" && { sftp: { user: to.user, host: to.host, ...(to.port && { port: to.port }) } }),
    everyMs,
    keep,
    exclude,
    schedule,
    files: {
      password: inFiles("password"),
      ...(bucket && { credentials: inFiles("credentials") }),
      ...(to.kind === "sftp" && { sshKey: inFiles("ssh_key"), knownHosts: inFiles("known_hosts") }),
    },
  })}\n`;
}

/** A key of S3 as AWS's tools read it. */
export const credentialsFile = (id: string, secret: string): string =>
  `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;
