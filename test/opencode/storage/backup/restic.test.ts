/** How restic is called: what it is given and what not, what is done about a lock, and when its own patience is too long. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backupModule, fakeRestic } from "../../../support/storage/backup.ts";
import { removeFolder, temporaryFolder } from "../../../support/temporary.ts";

interface Restic {
  run(words: readonly string[], how: object): Promise<{ output: string; isWhole: boolean }>;
}
interface Kind {
  readonly kind: string;
}
const { makeRestic, optionsOf } = await backupModule<{
  makeRestic(options: object): Restic;
  optionsOf(config: object, log: string): string[];
}>("restic");
const { kindOf } = await backupModule<{ kindOf(text: string): Kind | undefined }>("errors");

let folder: string;
let repository: string;
let cache: string;
beforeEach(() => {
  folder = temporaryFolder();
  repository = join(folder, "repository");
  cache = join(folder, "cache");
  mkdirSync(cache);
  writeFileSync(join(folder, "password"), "secret");
});
afterEach(() => removeFolder(folder));

const make = (more: object = {}, program = fakeRestic) =>
  makeRestic({
    config: { repository, files: { password: join(folder, "password") } },
    folder: cache,
    program,
    ...more,
  });
const begin = () => make().run(["init"], { doing: "init" });
const says = (what: object) => writeFileSync(`${repository}.says.json`, JSON.stringify(what));

it("gets its secrets in files, in no argument and no variable", async () => {
  const program = ["sh", "-c", 'env; echo "arguments: $*"', "restic"];
  const files = { password: "/run/password", credentials: "/run/credentials" };
  const restic = makeRestic({
    config: { repository: "s3:https://host/bucket", region: "fra1", files },
    folder: cache,
    program,
  });
  process.env.AWS_SECRET_ACCESS_KEY = "leaks";
  const { output } = await restic.run(["snapshots"], { doing: "test" });
  delete process.env.AWS_SECRET_ACCESS_KEY;
  expect(output).toContain("RESTIC_PASSWORD_FILE=/run/password");
  expect(output).toContain("AWS_SHARED_CREDENTIALS_FILE=/run/credentials");
  expect(output).toContain("arguments: -o s3.region=fra1 snapshots");
  expect(output).not.toContain("leaks");
});

it("logs in by ssh with the key and the server's keys that it was given alone", () => {
  const files = { sshKey: "/run/key", knownHosts: "/run/hosts" };
  const [flag, option] = optionsOf(
    { sftp: { user: "me", host: "box.example", port: 2222 }, files },
    "/cache/ssh.log",
  );
  expect(flag).toBe("-o");
  expect(option).toMatch(
    /^sftp\.command=ssh -F none -E \/cache\/ssh.log -i \/run\/key .*StrictHostKeyChecking=yes .*UserKnownHostsFile=\/run\/hosts .*-p 2222 -l me box\.example -s sftp$/,
  );
});

describe("a lock", () => {
  const lock = (pid: number, host = hostname()) => {
    mkdirSync(join(repository, "locks"));
    writeFileSync(join(repository, "locks/1a2b"), JSON.stringify({ hostname: host, pid }));
  };
  const dead = async () => {
    says({ prune: { text: "", code: "SIGKILL" } });
    await make()
      .run(["prune"], { doing: "prune" })
      .catch(() => {});
    says({});
    const { readFileSync } = await import("node:fs");
    return (JSON.parse(readFileSync(join(cache, "running.json"), "utf8")) as number[]).at(-1) ?? 0;
  };

  it("that a killed one of ours has left is taken away", async () => {
    await begin();
    lock(await dead());
    await make().run(["prune"], { doing: "prune" });
    expect(existsSync(join(repository, "locks"))).toBe(false);
  });

  it.each([
    ["another machine's", 7, "elsewhere"],
    ["somebody else's on this one", 1, undefined],
  ])("%s stays, and is told", async (_, pid, host) => {
    await begin();
    await dead();
    lock(pid, host);
    await expect(make().run(["prune"], { doing: "prune" })).rejects.toMatchObject({
      kind: "locked",
      message: expect.stringContaining("prune: the repository is locked by somebody else"),
    });
    expect(existsSync(join(repository, "locks"))).toBe(true);
  });
});

describe("what restic tries again for a quarter of an hour", () => {
  it("is given up where it won't get better", async () => {
    await begin();
    says({
      prune: {
        text: "Load(<key/1>, 0, 0) returned error, retrying after 720ms: The Access Key Id you provided does not exist",
        hang: true,
      },
    });
    await expect(make().run(["prune"], { doing: "prune" })).rejects.toMatchObject({ kind: "refused" });
  });

  it("is waited for where it may, and not for ever", async () => {
    await begin();
    says({
      prune: {
        text: "Save(<data/1>) returned error, retrying after 1s: dial tcp 10.0.0.1:443: connect: connection refused",
        hang: true,
      },
    });
    await expect(make({ patienceMs: 200 }).run(["prune"], { doing: "prune" })).rejects.toMatchObject({
      kind: "unreachable",
    });
  });
});

it("runs one at a time", async () => {
  const program = ["sh", "-c", `mkdir ${folder}/busy && sleep 0.05 && rmdir ${folder}/busy`, "restic"];
  const restic = make({}, program);
  await Promise.all([1, 2, 3].map(() => restic.run(["check"], { doing: "check" })));
  expect(existsSync(join(folder, "busy"))).toBe(false);
});

it("is missed in a sentence", async () => {
  await expect(make({}, ["no-such-restic"]).run(["check"], { doing: "check" })).rejects.toThrow(
    "no-such-restic is not installed",
  );
});

it.each([
  ["password", "Fatal: wrong password or no key found"],
  [
    "locked",
    "unable to create lock in backend: repository is already locked exclusively by PID 17 on box by root",
  ],
  ["full", "Fatal: unable to save snapshot: write /backup/data/ab/abc-tmp: no space left on device"],
  ["full", "Save(<data/ab>) returned error, retrying after 1s: client.PutObject: QuotaExceeded"],
  [
    "refused",
    "Fatal: unable to open config file: Stat: The request signature we calculated does not match the signature you provided.",
  ],
  ["refused", "Fatal: create repository failed: client.BucketExists: Access Denied."],
  ["refused", "subprocess ssh: backup@box: Permission denied (publickey)."],
  ["hostkey", "subprocess ssh: Host key verification failed."],
  ["bucket", "Fatal: unable to open config file: Stat: The specified bucket does not exist"],
  ["absent", "Fatal: unable to open config file: Lstat: file does not exist"],
  [
    "absent",
    "Fatal: unable to open config file: stat /backup/config: no such file or directory\nIs there a repository at the following location?",
  ],
  [
    "absent",
    "Fatal: unable to open config file: Stat: The specified key does not exist.\nIs there a repository at the following location?",
  ],
  ["broken", "Fatal: repository contains errors"],
  ["broken", "Load(<index/1a>, 0, 0): ciphertext verification failed"],
  [
    "unreachable",
    'Fatal: unable to open config file: Stat: Get "https://x/": dial tcp: lookup x: no such host',
  ],
])("knows what is %s: %s", (kind, text) => {
  expect(kindOf(text)?.kind).toBe(kind);
});
