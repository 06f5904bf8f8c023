/**
 * An SSH server for `git.auth: ssh`: admits holders of an authorized key, and only runs `git upload-pack` and
 * `git receive-pack`, like git hosts. The protocol is implemented in Node (ssh2), so no daemon needs to be
 * installed.
 *
 * Not covered: OpenSSH's own settings (MaxStartups, algorithms' policy), shells, agents, forwarding.
 */
import { spawn } from "node:child_process";
import { timingSafeEqual } from "node:crypto";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import ssh2 from "ssh2";
import type { Listening } from "../clouds/http.ts";

export interface SshServer extends Listening {
  /** A known_hosts line for this server at `host`. */
  knownHost(host: string): string;
  /** Authorizes a key, as a line of authorized_keys. */
  authorize(publicKey: string): void;
  /** Clients that were accepted, and that were rejected with an unauthorized key. */
  readonly accepted: number;
  readonly refused: number;
}

/** Serves the bare repositories under `root` as `ssh://git@<host>:<port>/<name>.git`. */
export async function startSsh(root: string, { port = 0, host = "0.0.0.0" } = {}): Promise<SshServer> {
  const hostKey = ssh2.utils.generateKeyPairSync("ed25519");
  const authorized: Buffer[] = [];
  const count = { accepted: 0, refused: 0 };
  const clients = new Set<ssh2.Connection>();
  const server = new ssh2.Server({ hostKeys: [hostKey.private] }, (client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    client.on("error", () => client.end());
    client.on("authentication", (context) => {
      if (context.method !== "publickey" || context.username !== "git") return context.reject(["publickey"]);
      if (!isAuthorized(authorized, context)) {
        count.refused++;
        return context.reject(["publickey"]);
      }
      if (context.signature) count.accepted++;
      return context.accept();
    });
    client.on("session", (accept) => serveSession(accept(), root));
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const listening = (server.address() as AddressInfo).port;
  return {
    port: listening,
    knownHost: (at) => `[${at}]:${listening} ${hostKey.public}`,
    authorize: (line) => authorized.push(parseKey(line).getPublicSSH()),
    get accepted() {
      return count.accepted;
    },
    get refused() {
      return count.refused;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of clients) client.end();
      }),
  };
}

function parseKey(text: string | Buffer): ssh2.ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return Array.isArray(key) ? (key[0] as ssh2.ParsedKey) : key;
}

/** Without a signature, the client only asks whether the key is acceptable. */
function isAuthorized(authorized: readonly Buffer[], context: ssh2.PublicKeyAuthContext): boolean {
  const { data, algo } = context.key;
  const known = authorized.some((key) => key.length === data.length && timingSafeEqual(key, data));
  if (!known || !context.signature || !context.blob) return known;
  return (
    parseKey(`${algo} ${data.toString("base64")}`).verify(
      context.blob,
      context.signature,
      context.hashAlgo,
    ) === true
  );
}

function serveSession(session: ssh2.Session, root: string): void {
  // git sends its protocol version this way.
  session.on("env", (accept) => accept?.());
  session.on("exec", (accept, reject, { command }) => {
    const [, service, name] = /^git-(upload-pack|receive-pack) '\/?([\w-]+\.git)'$/.exec(command) ?? [];
    if (!service || !name) return reject();
    const stream = accept();
    const child = spawn("git", ["-c", "safe.directory=*", service, join(root, name)]);
    stream.pipe(child.stdin);
    child.stdin.on("error", () => undefined);
    child.stdout.pipe(stream, { end: false });
    child.stderr.pipe(stream.stderr, { end: false });
    child.on("close", (code) => {
      stream.exit(code ?? 1);
      stream.end();
    });
  });
}
