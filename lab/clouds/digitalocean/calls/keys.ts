import { createHash } from "node:crypto";
import { type Call, type Calls, created, done, ok } from "../call.ts";
import { unprocessable } from "../errors.ts";
import { keyView, page } from "../views.ts";
import { type Key, must } from "../world.ts";

interface KeyBody {
  name: string;
  public_key: string;
}

/** The account's SSH keys, identified by number or fingerprint. */
export const keyCalls: Calls = {
  sshKeys_list: ({ world, url }) => ok(page("ssh_keys", [...world.keys.values()].map(keyView), url)),

  sshKeys_create({ world, body }) {
    const { name, public_key } = body as KeyBody;
    const publicKey = public_key.trim();
    const fingerprint = fingerprintOf(publicKey);
    if (!name.trim()) throw unprocessable("Name can't be blank");
    if (!fingerprint)
      throw unprocessable("Key invalid, key should be of the format `ssh-rsa/dss/ed25519 <key> <comment>`");
    if ([...world.keys.values()].some((key) => key.fingerprint === fingerprint))
      throw unprocessable("SSH Key is already in use on your account");
    const key: Key = { id: world.number(), name, fingerprint, publicKey };
    world.keys.set(key.id, key);
    return created({ ssh_key: keyView(key) });
  },

  sshKeys_get: (call) => ok({ ssh_key: keyView(keyOf(call)) }),

  sshKeys_update(call) {
    const key = keyOf(call);
    key.name = (call.body as Partial<KeyBody>).name ?? key.name;
    return ok({ ssh_key: keyView(key) });
  },

  sshKeys_delete(call) {
    call.world.keys.delete(keyOf(call).id);
    return done;
  },
};

const keyOf = ({ world, param }: Call): Key =>
  must(findKey([...world.keys.values()], param("ssh_key_identifier")));

/** A key by its number or fingerprint. */
export const findKey = (keys: readonly Key[], wanted: string | number): Key | undefined =>
  keys.find(({ id, fingerprint }) => String(id) === String(wanted) || fingerprint === wanted);

/** MD5 fingerprint of a public key with colons, as in the API; `undefined` if invalid. */
function fingerprintOf(publicKey: string): string | undefined {
  const [type, data] = publicKey.split(/\s+/);
  if (!type || !data || !/^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-|sk-)/.test(type)) return undefined;
  const bytes = Buffer.from(data, "base64");
  if (bytes.length < 32 || !bytes.subarray(4).toString("latin1").startsWith(type)) return undefined;
  return createHash("md5").update(bytes).digest("hex").match(/../g)?.join(":");
}
