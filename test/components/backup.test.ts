/** What the storage container gets for backups: secrets in files alone, a timer on a droplet, a password that stays. */
import { readFileSync } from "node:fs";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import type { Host, HostCommandArgs } from "../../components/host/host.ts";
import { Backup, type BackupArgs } from "../../components/storage/backup.ts";
import { backupConfig } from "../../components/storage/backup-files.ts";
import { backupTimerScript } from "../../components/storage/backup-timer.ts";
import { BackupBucket } from "../../components/storage/spaces.ts";
import { cloudNames } from "../../config/naming/cloud-names.ts";
import { makeNames } from "../../config/naming/names.ts";
import type { BackupSettings } from "../../config/stack/backup.ts";
import type { BackupTarget } from "../../config/stack/backup-target.ts";

const made = new Map<string, Record<string, unknown>>();
/** Options of what the bucket's component declares, by type. */
const options = new Map<string, pulumi.CustomResourceOptions>();
const names = makeNames("oc");
const settingsOf = (to: BackupTarget): BackupSettings => ({
  to,
  everyMs: 86_400_000,
  keep: { daily: 7, weekly: 4, monthly: 6 },
  exclude: ["dist"],
});
const S3: BackupTarget = {
  kind: "s3",
  url: "https://fra1.digitaloceanspaces.com",
  bucket: "acme",
  path: "prod",
};
const resolved = <T>(output: pulumi.Input<T>): Promise<T> =>
  new Promise((resolve) => pulumi.output(output).apply((value) => resolve(value as T)));

/** A host that notes what is run, by name. */
function noting() {
  const ran = new Map<string, HostCommandArgs>();
  const host = {
    provider: new docker.Provider("test"),
    runtimeDir: "/srv/runtime",
    run: (name: string, args: HostCommandArgs) => {
      ran.set(name, args);
      return new pulumi.ComponentResource("test:index:Command", name);
    },
  } as unknown as Host;
  return { host, ran };
}
function backupOf(name: string, to: BackupTarget, more: Partial<BackupArgs> = {}) {
  const { host, ran } = noting();
  const secrets = {
    backupKeyId: "id",
    backupKeySecret: "hush",
    backupPassword: undefined,
    backupSshKey: undefined,
    backupKnownHosts: undefined,
  };
  const backup = new Backup(name, {
    host,
    names,
    settings: settingsOf(to),
    secrets,
    proxy: undefined,
    protect: true,
    hasTimer: false,
    ...more,
  });
  return { backup, ran };
}

let inBucket: ReturnType<typeof backupOf>;
let inDirectory: ReturnType<typeof backupOf>;
let bySsh: ReturnType<typeof backupOf>;
let inSpaces: ReturnType<typeof backupOf>;
let bucket: BackupBucket;
beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ name, type, inputs }) => {
      made.set(`${type.split(":").at(-1)} ${name}`, inputs);
      const outputs = {
        result: "made-password",
        hex: "0a1b2c3d",
        accessKey: "limited",
        secretKey: "limited-secret",
        // The bucket was made near an earlier droplet.
        ...(type.endsWith(":SpacesBucket") && { region: "ams3" }),
      };
      return { id: `${name}-id`, state: { ...(inputs as object), ...outputs } };
    },
    call: () => ({}),
  });
  inBucket = backupOf("bucket", S3, { hasTimer: true });
  inDirectory = backupOf("directory", { kind: "directory", path: "/mnt/backup" });
  const backupSshKey = { privateKey: "private\n", publicKey: "public" };
  bySsh = backupOf(
    "ssh",
    { kind: "sftp", user: "me", host: "box", port: 2222, path: "/srv" },
    {
      secrets: {
        backupKeyId: undefined,
        backupKeySecret: undefined,
        backupPassword: "a person's own password",
        backupSshKey,
        backupKnownHosts: ["box ssh-ed25519 AAAA"],
      },
      proxy: { https: "http://10.1.2.3:3128", no: [] },
    },
  );
  bucket = new BackupBucket(
    "backup-bucket",
    { cloud: cloudNames("oc", "prod"), region: "nyc1" },
    {
      transformations: [
        ({ type, opts }) => {
          options.set(type.split(":").at(-1) ?? "", opts);
          return undefined;
        },
      ],
    },
  );
  inSpaces = backupOf("spaces", { kind: "spaces" }, { bucket });
  await pulumi.runtime.disconnect();
});

const config = (text: unknown) => JSON.parse(String(text)) as Record<string, unknown>;

describe("what the container gets", () => {
  it("is files of the host's, each root's alone, with what is secret in no command", async () => {
    const { backup, ran } = inBucket;
    expect([...ran.keys()]).toEqual([
      "backup-config-json",
      "backup-password",
      "backup-credentials",
      "backup-timer",
    ]);
    for (const [name, { create }] of ran) {
      const text = await resolved(create);
      expect([name, /hush|made-password/.test(text)]).toEqual([name, false]);
      if (name !== "backup-timer") expect(text).toMatch(/^umask 077 && mkdir -p \S*\/srv\/runtime\/backup/);
    }
    expect(await resolved(ran.get("backup-password")?.stdin ?? "")).toBe("made-password\n");
    expect(await resolved(ran.get("backup-credentials")?.stdin ?? "")).toBe(
      "[default]\naws_access_key_id = id\naws_secret_access_key = hush\n",
    );
    expect(backup.mounts).toEqual([
      { hostPath: "/srv/runtime/backup", containerPath: "/run/storage/backup", readOnly: true },
    ]);
  });

  it("is known as secret to the engine, the password above all, which an update can't remove", async () => {
    const { backup, ran } = inBucket;
    for (const value of [
      backup.password,
      ran.get("backup-credentials")?.stdin,
      ran.get("backup-password")?.stdin,
    ])
      expect(await pulumi.isSecret(pulumi.output(value as pulumi.Input<string>))).toBe(true);
    expect(made.get("RandomPassword backup-password")).toMatchObject({ length: 40, special: false });
    const source = readFileSync(new URL("../../components/storage/backup.ts", import.meta.url), "utf8");
    expect(source).toContain("protect: args.protect, retainOnDelete: true");
  });

  it("says once how to show the password, when it is written", async () => {
    const { create, logging } = inBucket.ran.get("backup-password") ?? { create: "" };
    expect(await resolved(create)).toContain("npm run pulumi -- stack output backupPassword --show-secrets");
    expect(logging).toBe("stderr");
  });

  it("has no secret in its variables, which change with the settings", async () => {
    const [variable = ""] = await resolved(pulumi.all(inBucket.backup.envs));
    expect(config(variable.replace("OPENCODE_PLATFORM_BACKUP=", ""))).toMatchObject({
      to: "fra1.digitaloceanspaces.com/acme/prod",
      repository: "s3:https://fra1.digitaloceanspaces.com/acme/prod",
      region: "fra1",
      schedule: "timer",
      exclude: ["dist"],
      files: { password: "/run/storage/backup/password", credentials: "/run/storage/backup/credentials" },
    });
    expect(variable).not.toContain("hush");
    expect((await resolved(pulumi.all(bySsh.backup.envs))).slice(1)).toContain(
      "HTTPS_PROXY=http://10.1.2.3:3128",
    );
  });

  it("is the host's directory, or a key of ssh, with that place", async () => {
    expect(inDirectory.backup.mounts[1]).toEqual({ hostPath: "/mnt/backup", containerPath: "/backup" });
    expect([...inDirectory.ran.keys()]).toEqual(["backup-config-json", "backup-password"]);
    expect([...bySsh.ran.keys()].slice(2)).toEqual(["backup-ssh_key", "backup-known_hosts"]);
    expect(await resolved(bySsh.ran.get("backup-password")?.stdin ?? "")).toBe("a person's own password\n");
    expect(
      config(
        backupConfig({
          settings: settingsOf({ kind: "sftp", user: "me", host: "box", port: 2222, path: "/srv" }),
          schedule: "own",
        }),
      ),
    ).toMatchObject({
      repository: "sftp://me@box:2222//srv",
      sftp: { user: "me", host: "box", port: 2222 },
      schedule: "own",
    });
  });
});

describe("a bucket of the stack's", () => {
  it("is private, keeps what was deleted for a while, and has a key that reaches nothing else", () => {
    expect(made.get("SpacesBucket backup-bucket")).toMatchObject({
      name: "oc-prod-backups-0a1b2c3d",
      region: "nyc3",
      acl: "private",
      versioning: { enabled: true },
    });
    expect(made.get("SpacesKey backup-key")).toMatchObject({
      grants: [{ bucket: "oc-prod-backups-0a1b2c3d", permission: "readwrite" }],
    });
  });

  it("stays what it is when the droplet moves, and where it is when the stack no longer has it", () => {
    const { ignoreChanges, retainOnDelete, protect } = options.get("SpacesBucket") ?? {};
    expect([ignoreChanges, retainOnDelete, protect]).toEqual([["region", "name"], true, undefined]);
  });

  it("is what the program is told, where it is, with that key", async () => {
    expect(config(await resolved(inSpaces.ran.get("backup-config-json")?.stdin ?? ""))).toMatchObject({
      to: "ams3.digitaloceanspaces.com/oc-prod-backups-0a1b2c3d",
      repository: "s3:https://ams3.digitaloceanspaces.com/oc-prod-backups-0a1b2c3d",
    });
    expect(await resolved(inSpaces.ran.get("backup-credentials")?.stdin ?? "")).toContain("limited-secret");
    expect(await pulumi.isSecret(bucket.keySecret)).toBe(true);
  });
});

it("is asked for by the droplet each hour, at its own minute, also for what it has missed", () => {
  const script = backupTimerScript(names);
  for (const line of [
    "OnCalendar=hourly",
    "RandomizedDelaySec=30min",
    "FixedRandomDelay=true",
    "Persistent=true",
    "IOSchedulingClass=idle",
    "/usr/bin/docker exec oc-storage /usr/local/lib/opencode-platform/storage/ask backup",
  ])
    expect(script).toContain(line);
});
