import { join } from "node:path";
import type { types } from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { BACKUP_DIR, type Names } from "../../config/naming/names.ts";
import type { BackupSettings } from "../../config/stack/backup.ts";
import { type CompanyProxy, proxyVariables } from "../../config/stack/company/proxy.ts";
import type { Settings } from "../../config/stack/settings.ts";
import { shellQuote } from "../../config/text/shell.ts";
import type { Host } from "../host/host.ts";
import { Password } from "../host/lean.ts";
import {
  BACKUP_DIRECTORY,
  BACKUP_FILES_DIR,
  backupConfig,
  credentialsFile,
  type MadeBucket,
} from "./backup-files.ts";
import { backupTimerScript, noBackupTimerScript } from "./backup-timer.ts";

/** Keys and password as the stack has them. */
export type BackupSecrets = Pick<
  Settings,
  "backupPassword" | "backupKeyId" | "backupKeySecret" | "backupSshKey" | "backupKnownHosts"
>;

export interface BackupArgs {
  host: Host;
  names: Names;
  settings: BackupSettings;
  secrets: BackupSecrets;
  proxy: CompanyProxy | undefined;
  /** The bucket that the stack makes, with `to: spaces`. */
  bucket?:
    | {
        readonly url: pulumi.Output<string>;
        readonly bucket: pulumi.Output<string>;
        readonly keyId: pulumi.Output<string>;
        readonly keySecret: pulumi.Output<string>;
      }
    | undefined;
  /** Whether an update may not remove the password. */
  protect: boolean;
  /** Whether the host has systemd, and asks; else the program asks itself. */
  hasTimer: boolean;
}

/** Said once, with the password's first file: an update shows it. */
const ADVICE =
  "Backups are encrypted with a password. Without it nobody reads them, so keep a copy apart from the stack: npm run pulumi -- stack output backupPassword --show-secrets";

/**
 * What the storage program needs to make backups: its settings and secrets, in files of the host that only root can read, and a timer. A password is always made: it stays what
 * it is in the state, so that a stack that gets one of its own can go back, and earlier backups can be read.
 */
export class Backup extends pulumi.ComponentResource {
  /** For the storage container. */
  readonly mounts: types.input.ContainerVolume[];
  readonly envs: pulumi.Input<string>[];
  readonly dependsOn: pulumi.Resource[];
  /** What backups are encrypted with. A secret. */
  readonly password: pulumi.Output<string>;

  private readonly args: BackupArgs;

  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("opencode:platform:Backup", name, {}, opts);
    this.args = args;
    const { host, names, settings, secrets, proxy } = args;
    const made = new Password(
      "backup-password",
      { length: 40, special: false },
      { parent: this, protect: args.protect, retainOnDelete: true },
    );
    this.password = pulumi.secret(secrets.backupPassword ?? made.result);
    const config = this.config();
    this.dependsOn = [
      this.file("config.json", config),
      this.file("password", pulumi.interpolate`${this.password}\n`, ADVICE),
      ...this.keys(),
    ];
    this.mounts = [
      { hostPath: this.directory, containerPath: BACKUP_FILES_DIR, readOnly: true },
      ...(settings.to.kind === "directory"
        ? [{ hostPath: settings.to.path, containerPath: BACKUP_DIRECTORY }]
        : []),
    ];
    // The program reads its settings when it starts: other settings are another container. None of this is a secret.
    this.envs = [
      pulumi.interpolate`OPENCODE_PLATFORM_BACKUP=${config.apply((text) => text.trim())}`,
      ...Object.entries(proxyVariables(proxy)).map(([key, value]) => `${key}=${value}`),
    ];
    if (args.hasTimer)
      host.run(
        "backup-timer",
        { create: backupTimerScript(names), delete: noBackupTimerScript() },
        { parent: this },
      );
    this.registerOutputs({});
  }

  private get directory(): string {
    return join(this.args.host.runtimeDir, BACKUP_DIR);
  }

  private config(): pulumi.Output<string> {
    const { settings, bucket, hasTimer } = this.args;
    const schedule = hasTimer ? "timer" : "own";
    const render = (made?: MadeBucket) => backupConfig({ settings, made, schedule });
    if (!bucket) return pulumi.output(render());
    return pulumi.all([bucket.url, bucket.bucket]).apply(([url, name]) => render({ url, bucket: name }));
  }

  /** What the place asks for. */
  private keys(): pulumi.Resource[] {
    const { settings, secrets, bucket } = this.args;
    const { backupKeyId, backupKeySecret, backupSshKey, backupKnownHosts } = secrets;
    if (settings.to.kind === "sftp")
      return [
        this.file("ssh_key", pulumi.secret(backupSshKey?.privateKey ?? "")),
        this.file("known_hosts", `${backupKnownHosts?.join("\n") ?? ""}\n`),
      ];
    if (settings.to.kind === "directory") return [];
    const credentials = pulumi
      .all([bucket?.keyId ?? backupKeyId ?? "", bucket?.keySecret ?? backupKeySecret ?? ""])
      .apply(([id, secret]) => credentialsFile(id, secret));
    return [this.file("credentials", pulumi.secret(credentials))];
  }

  /** Whole or not at all, and root's alone: whoever runs the update locally. @param said shown when it is written */
  private file(name: string, content: pulumi.Input<string>, said?: string): pulumi.Resource {
    const path = shellQuote(join(this.directory, name));
    const unfinished = shellQuote(join(this.directory, `${name}.new`));
    const directory = shellQuote(this.directory);
    return this.args.host.run(
      `backup-${name.replace(/\W/g, "-")}`,
      {
        create: `umask 077 && mkdir -p ${directory} && cat > ${unfinished} && chmod 0400 ${unfinished} && mv -f ${unfinished} ${path}${said ? ` && echo ${shellQuote(said)} >&2` : ""}`,
        delete: `rm -f ${path}`,
        stdin: content,
        ...(said ? { logging: "stderr" as const } : {}),
      },
      { parent: this },
    );
  }
}
