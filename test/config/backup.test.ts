/** Where and when backups are made: the stack's setting, its secrets, and what an entry says. */
import { describe, expect, it } from "vitest";
import { readStorage } from "../../config/projects/storage.ts";
import { describeTarget, regionOf, spacesRegion } from "../../config/stack/backup-target.ts";
import { parseSettings, settingKey } from "../../config/stack/settings.ts";
import { tokensPresent } from "../../config/stack/tokens.ts";
import { complaints } from "../support/complaints.ts";

const KEY = { backupKeyId: "DO00EXAMPLE", backupKeySecret: "abc/def+ghi" };
const BUCKET = "s3:fra1.digitaloceanspaces.com/acme/prod";
type Raw = Record<string, unknown>;
const asText = (raw: Raw) =>
  Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
const local = (raw: Raw) => parseSettings(asText(raw));
const said = (raw: Raw) => complaints(() => local(raw));
const to = (target: string, more: Raw = KEY) => local({ backup: { to: target }, ...more }).backup?.to;
const set = (path: string, value: string) =>
  `npm run pulumi -- config set --path 'opencode-platform:backup.${path}' ${value}`;
const FORMS = "s3:<host>/<bucket>, sftp:<user>@<host>/<path>, an absolute directory of the host, or spaces";

it("is off where nobody says otherwise", () => {
  expect(local({})).not.toHaveProperty("backup");
});

it("has defaults for all but the place", () => {
  expect(local({ backup: { to: "/mnt/backup/" } }).backup).toEqual({
    to: { kind: "directory", path: "/mnt/backup" },
    everyMs: 86_400_000,
    keep: { daily: 7, weekly: 4, monthly: 6 },
    exclude: [],
  });
  const all = { to: "/b", every: "6h", keep: { daily: 1, monthly: 0 }, exclude: ["dist", "/home/.ollama"] };
  expect(local({ backup: all }).backup).toMatchObject({
    everyMs: 6 * 3_600_000,
    keep: { daily: 1, weekly: 4, monthly: 0 },
    exclude: ["dist", "/home/.ollama"],
  });
});

describe("a place", () => {
  it("is a bucket, another machine or a directory", () => {
    expect(to(BUCKET)).toEqual({
      kind: "s3",
      url: "https://fra1.digitaloceanspaces.com",
      bucket: "acme",
      path: "prod",
    });
    expect(to("s3:http://10.0.0.7:9000/acme")).toEqual({
      kind: "s3",
      url: "http://10.0.0.7:9000",
      bucket: "acme",
      path: "",
    });
    expect(to("s3:https://minio.example:9000/acme/a/b/")).toMatchObject({
      url: "https://minio.example:9000",
      path: "a/b",
    });
    const ssh = { backupKnownHosts: "[box.example]:2222 ssh-ed25519 AAAAC3Nz" };
    const target = { kind: "sftp", user: "me", host: "box.example", port: 2222, path: "/srv/backup" };
    expect(complaints(() => to("sftp:me@box.example:2222/srv/backup", ssh))).toEqual([
      `${settingKey("backupSshKey")}: is missing: sftp logs in with a key — npm run pulumi -- config set --secret opencode-platform:backupSshKey < <file of the key>`,
    ]);
    expect(describeTarget({ ...target, kind: "sftp" })).toBe("me@box.example:2222/srv/backup");
    expect(describeTarget({ kind: "s3", url: "https://h", bucket: "b", path: "" })).toBe("h/b");
  });

  it.each([
    ["s3:", undefined],
    ["s3:host", undefined],
    ["s3:host/UPPER", undefined],
    ["s3:host:99999/bucket", undefined],
    ["sftp:host/path", undefined],
    ["sftp:me@host:relative", undefined],
    ["relative/path", undefined],
    ["/", undefined],
    ["/with space", undefined],
    ["b2:bucket", undefined],
  ])("is refused: %s", (target) => {
    expect(said({ backup: { to: target }, ...KEY })).toEqual([
      `opencode-platform:backup.to: "${target}" is not a place for backups: ${FORMS} — ${set("to", "s3:<host>/<bucket>")}`,
    ]);
  });

  it("never has credentials in it, and those are not quoted", () => {
    for (const target of [
      "s3:https://AKIA:hunter2@host/bucket",
      "s3:AKIA:hunter2@host/bucket",
      "sftp:me:hunter2@host/path",
      "rest:https://me:hunter2@host/path",
      "b2:me:hunter2@bucket",
      "https://hunter2@host/bucket",
      "s3:AKIA:half/hunter2@host/bucket",
    ]) {
      const [line = "", ...others] = said({ backup: { to: target }, ...KEY });
      expect(line).toContain("opencode-platform:backup.to: has credentials in plain text — revoke them");
      expect([line.includes("hunter2"), others]).toEqual([false, []]);
      const [whole = ""] = said({ backup: target, ...KEY });
      expect([whole.includes("is not a map"), whole.includes("hunter2")]).toEqual([true, false]);
    }
    // A name alone is none, nor is an @ in a path.
    expect(said({ backup: { to: "sftp:me@host:relative" } })[0]).toContain("sftp:me@host:relative");
    expect(to("/mnt/a@b")).toEqual({ kind: "directory", path: "/mnt/a@b" });
  });

  it("needs its keys, which are not quoted", () => {
    expect(said({ backup: { to: BUCKET } })).toEqual(
      ["backupKeyId", "backupKeySecret"].map(
        (name) =>
          `${settingKey(name)}: is missing: a bucket is reached with a key — npm run pulumi -- config set --secret opencode-platform:${name}`,
      ),
    );
    expect(
      said({
        backup: { to: BUCKET },
        backupKeyId: "has a space",
        backupKeySecret: "x",
        backupPassword: "short",
      }),
    ).toEqual([
      `${settingKey("backupPassword")}: is not a password of 16 characters or more, on one line — npm run pulumi -- config set --secret opencode-platform:backupPassword`,
      `${settingKey("backupKeyId")}: is not a key: it has no spaces and is on one line — npm run pulumi -- config set --secret opencode-platform:backupKeyId`,
      `${settingKey("backupKeySecret")}: is not a key: it has no spaces and is on one line — npm run pulumi -- config set --secret opencode-platform:backupKeySecret`,
    ]);
    const hidden = new Set(["backupKeyId", "backupKeySecret"].map(settingKey));
    const context = { stack: "local", tokens: { digitalocean: false, cloudflare: false }, hidden };
    expect(complaints(() => parseSettings(asText({ backup: { to: BUCKET } }), context))).toEqual([]);
  });

  it("of sftp needs the server's own keys", () => {
    const line = (host: string) =>
      said({ backup: { to: "sftp:me@box/x" }, backupKnownHosts: `${host} ssh-ed25519 AAAAC3Nz` }).slice(1);
    for (const host of ["box", "other,box", "|1|abc=|def=", "*.example"])
      expect([host, line(host)]).toEqual([host, []]);
    expect(line("other")).toEqual([
      'opencode-platform:backupKnownHosts: has no line for box — compare the output of ssh-keyscan box with what its operator publishes, then npm run pulumi -- config set opencode-platform:backupKnownHosts "<a line of it>"',
    ]);
    expect(said({ backup: { to: "sftp:me@box/x" } })[1]).toContain(
      "backupKnownHosts: is missing: nobody is there to compare the key that box shows",
    );
    expect(said({ backupKnownHosts: "nonsense" })[0]).toContain(
      "backupKnownHosts: is not a line of known_hosts",
    );
  });

  it("of a laptop is no bucket of a stack's", () => {
    expect(said({ backup: { to: "spaces" } })).toEqual([
      `opencode-platform:backup.to: is spaces, which is for droplet stacks — ${set("to", "<absolute directory>")}`,
    ]);
  });
});

it("says what is wrong with the rest, each with its place and command", () => {
  const backup = { to: "/b", every: "2d", keep: { daily: -1, yearly: 3 }, exclude: ["/etc", "ok"], tos: 1 };
  expect(said({ backup })).toEqual([
    "opencode-platform:backup.tos: is not a key here; did you mean to? — npm run pulumi -- config rm --path 'opencode-platform:backup.tos'",
    `opencode-platform:backup.every: "2d" is not a duration (e.g. 24h, 6h; h is the largest unit) — ${set("every", "48h")}`,
    "opencode-platform:backup.keep.yearly: is not a key here; there are daily, weekly, monthly — npm run pulumi -- config rm --path 'opencode-platform:backup.keep.yearly'",
    `opencode-platform:backup.keep.daily: -1 is not a number of backups: a whole number from 0 to 1000 — ${set("keep.daily", "7")}`,
    "opencode-platform:backup.exclude[0]: \"/etc\" does not begin in a project: write /workspace/…, /home/… or /services/… — npm run pulumi -- config rm --path 'opencode-platform:backup.exclude[0]'",
  ]);
  expect(said({ backup: { to: "/b", every: "30m" } })[0]).toContain('"30m" is too short: 1h or more');
  expect(said({ backup: { to: "/b", keep: { daily: 0, weekly: 0, monthly: 0 } } })[0]).toContain(
    "keeps no backup",
  );
  expect(said({ backup: "daily" })[0]).toContain(
    'opencode-platform:backup: "daily" is not a map: it has the keys to, every, keep, exclude',
  );
  expect(said({ backup: {} })[0]).toBe(
    `opencode-platform:backup.to: is missing: ${FORMS} — ${set("to", "s3:<host>/<bucket>")}`,
  );
});

it("knows the region of a bucket where its server's name says it", () => {
  expect(regionOf("https://fra1.digitaloceanspaces.com")).toBe("fra1");
  expect(regionOf("https://s3.eu-central-1.amazonaws.com")).toBe("eu-central-1");
  expect(regionOf("http://10.0.0.7:9000")).toBeUndefined();
  expect([spacesRegion("fra1"), spacesRegion("nyc1")]).toEqual(["fra1", "nyc3"]);
});

it("knows whether whoever updates has a key of Spaces", () => {
  const none = () => false;
  expect(tokensPresent(none, {}).spaces).toBe(false);
  expect(tokensPresent(none, { SPACES_ACCESS_KEY_ID: "a", SPACES_SECRET_ACCESS_KEY: "b" }).spaces).toBe(true);
  expect(tokensPresent((key) => key.startsWith("digitalocean:spaces"), {}).spaces).toBe(true);
});

it("is nothing of a project that says nothing", () => {
  expect(readStorage({})).toEqual({});
  expect(readStorage({ backup: {} })).toEqual({});
  expect(readStorage({ backup: "never", checkpoints: 0 })).toEqual({
    storage: { backup: "never", checkpoints: 0 },
  });
  expect(readStorage({ backup: { exclude: ["dist"] } })).toEqual({ storage: { exclude: ["dist"] } });
});
