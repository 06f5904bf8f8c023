// What restic says when something fails, as a person can act on it. Never with the credentials: restic prints none.

import { Refused } from "../errors.mjs";

/** A failure with what a person can do, and of which kind it is for this program. */
export class Told extends Refused {
  /** @param {string} what @param {string} [fix] @param {string} [kind] */
  constructor(what, fix, kind) {
    super(what, fix);
    this.kind = kind;
  }
}

const KEY_FIX =
  "set opencode-platform:backupKeyId and backupKeySecret to a key that may read and write there, then run an update";

/** The first that fits. `passes`: restic is right to try again for a while. */
const KINDS = [
  {
    kind: "password",
    fits: /wrong password or no key found/i,
    what: "the repository has another password",
    fix: "set opencode-platform:backupPassword to the one that it was made with, or name another path in opencode-platform:backup",
  },
  {
    kind: "locked",
    fits: /unable to create lock|already locked/i,
    what: "the repository is locked by somebody else",
    fix: "wait until that has ended; if nothing runs, restic unlock --remove-all there (docs/backup.md)",
  },
  {
    kind: "full",
    fits: /no space left on device|disk quota exceeded|QuotaExceeded|StorageFull|InsufficientStorage|insufficient storage|EntityTooLarge|507 /i,
    what: "there is no room left where backups are kept",
    fix: "enlarge it, or lower keep in opencode-platform:backup: what is no longer kept is removed by the next weekly check, or by `check` at once",
  },
  {
    kind: "refused",
    fits: /access ?denied|SignatureDoesNotMatch|InvalidAccessKeyId|AccountProblem|access key id you provided|signature we calculated|invalid access key|403 forbidden/i,
    what: "the key is refused",
    fix: KEY_FIX,
  },
  {
    kind: "refused",
    fits: /permission denied \(|no supported authentication methods|too many authentication failures/i,
    what: "the server refuses the key",
    fix: "give the public half of opencode-platform:backupSshKey to that user there",
  },
  {
    kind: "hostkey",
    fits: /host key verification failed|remote host identification has changed/i,
    what: "the server shows another host key than those of backupKnownHosts",
    fix: "compare it with what its operator says, then set opencode-platform:backupKnownHosts",
  },
  {
    kind: "bucket",
    fits: /NoSuchBucket|bucket does not exist/i,
    what: "the bucket does not exist",
    fix: "create it, or correct `to` in opencode-platform:backup",
  },
  {
    kind: "unreachable",
    fits: /no such host|connection refused|connection reset|network is unreachable|no route to host|i\/o timeout|timed out|dial tcp|temporary failure in name resolution|could not resolve hostname|TLS handshake|x509:|502 |503 |504 /i,
    what: "the server does not answer",
    fix: "look at whether it runs, and at the name and port of `to` in opencode-platform:backup",
    passes: true,
  },
  {
    kind: "absent",
    // And nothing less: restic asks "Is there a repository …?" after whatever has gone wrong, and a new one is made where there is none.
    fits: /config file: l?stat: (the specified key does not exist|file does not exist)|config file: .*\/config: no such file or directory|config file: <config\/> does not exist/i,
    what: "there is no repository",
  },
  {
    kind: "broken",
    fits: /ciphertext verification failed|hash mismatch|invalid data returned|does not match id|pack [0-9a-f]+.*(?:not found|missing|damaged|contains errors)|not found in (?:the )?(?:index|repository)|does not exist in index|error for tree|tree [0-9a-f]+.*not found|id [0-9a-f]+ not found|repository contains errors|number of expected pack|unexpected EOF|could not be (?:decrypted|read)|load\(<(?:data|index|snapshot)/i,
    what: "the repository is broken",
    fix: "find out what is missing with restic check, and see docs/backup.md; until then take a snapshot of the volume",
  },
];

/**
 * What a line or the whole of restic's errors is about.
 * @param {string} text
 * @returns {{kind: string, what: string, fix?: string, passes?: boolean} | undefined}
 */
export const kindOf = (text) => KINDS.find(({ fits }) => fits.test(text));

/** Kinds as the status of a check has them: `broken` alone says that something is wrong with what is kept. */
const CHECK_KINDS = {
  broken: "broken",
  full: "full",
  locked: "locked",
  unreachable: "unreachable",
  password: "key",
  refused: "key",
};
/** @param {string | undefined} kind @returns {"broken" | "full" | "locked" | "unreachable" | "key" | "other"} */
export const checkKind = (kind) => CHECK_KINDS[kind ?? ""] ?? "other";

/** The line that says most: the fatal one, else the last. */
function sentenceOf(text) {
  const lines = text
    .split("\n")
    .map((line) => line.replace(/^(Fatal: |error: )+/i, "").trim())
    .filter((line) => line && !/^(using|repository .* opened|created new cache|subprocess ssh)/i.test(line));
  const fatal = /^Fatal: (.+)$/m.exec(text)?.[1];
  return (fatal ?? lines.at(-1) ?? "").slice(0, 300);
}

/**
 * A failure of restic in words.
 * @param {string} text its standard error
 * @param {{code: number | null, signal: string | null, doing: string}} how it ended, and what it was to do
 */
export function inWords(text, { code, signal, doing }) {
  if (signal)
    return new Told(
      `${doing}: restic was killed (${signal})`,
      signal === "SIGKILL" ? "run it again: what was transferred is not transferred twice" : undefined,
      "killed",
    );
  const found = kindOf(text);
  const said = sentenceOf(text);
  if (!found) return new Told(`${doing}: ${said || `restic ended with ${code}`}`, undefined, "other");
  const detail = said && !said.toLowerCase().includes(found.what) ? ` (${said})` : "";
  return new Told(`${doing}: ${found.what}${detail}`, found.fix, found.kind);
}
