/** What `destroy` says where something is protected. */
import { expect, it } from "vitest";
import { refuseIfProtected } from "../../../operate/droplet/protection.ts";
import type { Session } from "../../../operate/engine/session.ts";
import type { Resource } from "../../../operate/state/checkpoint.ts";
import { complaints } from "../../support/complaints.ts";

const session = { stack: "prod", reference: "prod", isLocal: false } as Session;
const kept = (type: string, name: string, isProtected = true): Resource => ({
  urn: `urn:pulumi:prod::p::${type}::${name}`,
  type,
  inputs: {},
  outputs: {},
  isProtected,
  isDoomed: false,
});
const VOLUME = kept("digitalocean:index/volume:Volume", "workspaces");
const PASSWORD = kept("random:index/randomPassword:RandomPassword", "backup-password");
const said = (resources: readonly Resource[], flags: string[] = []) =>
  complaints(() => refuseIfProtected(session, { resources, pending: [] }, new Set(flags)));

it("names what would be lost: workspaces, and the password of backups, of which a copy is kept first", () => {
  expect(said([VOLUME])[0]).toContain(
    "stack prod: its workspaces are protected (volume workspaces), so nothing has been removed",
  );
  expect(said([VOLUME])[0]).not.toContain("backupPassword");
  const [both = ""] = said([VOLUME, PASSWORD]);
  expect(both).toContain(
    "its workspaces and the password of its backups are protected (volume workspaces, randompassword backup-password)",
  );
  expect(both).toContain("npm run pulumi -- stack output backupPassword --show-secrets --stack prod");
  expect(said([PASSWORD])[0]).toContain("stack prod: the password of its backups is protected");
});

it("lets a stack go that has nothing protected, or whose protected parts are left out", () => {
  expect(said([{ ...VOLUME, isProtected: false }])).toEqual([]);
  expect(said([VOLUME], ["--exclude-protected"])).toEqual([]);
});
