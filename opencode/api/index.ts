/**
 * Everything that depends on opencode's release: how a server is started and called, where its page is, how a
 * terminal joins it, how it is configured. Only this folder and the image's scripts (`opencode/rootfs`) may
 * contain opencode's paths and flags; a test enforces that. A new major is another module beside `v1.ts` that
 * provides all of `OpencodeApi`, and another line in `MAJORS`.
 *
 * Everything here is pure and runs on Node only: a `Call` describes a request and reads its response; the
 * caller brings the connection (through the gateway, through Cloudflare Access, or to a container). `attach`
 * is compiled together with this folder.
 */
import { majorOf, UnexpectedAnswer } from "./calls.ts";
import type { OpencodeApi } from "./types.ts";
import { v1 } from "./v1.ts";
import { v2 } from "./v2.ts";

export type { Call } from "./calls.ts";
export { isOlder, majorOf, UnexpectedAnswer } from "./calls.ts";
export type { AgentRules, OpencodeApi, OpencodeConfig, Processor, Session } from "./types.ts";
export { unsupportedHealth } from "./unsupported.ts";

/** The supported majors of opencode, oldest first. */
export const MAJORS: readonly OpencodeApi[] = [v1, v2];

/**
 * The API of a release.
 * @param version a release of opencode, such as `1.18.0`
 * @throws Error for an unsupported major
 */
export function apiFor(version: string): OpencodeApi {
  const found = MAJORS.find(({ major }) => major === majorOf(version));
  if (!found)
    throw new Error(
      `opencode ${version} is not supported: use ${MAJORS.map(({ major }) => `${major}.x`).join(" or ")}`,
    );
  return found;
}

/** The port of a server inside its container, whatever its release. */
export const SERVER_PORT = v1.server.port;

/**
 * The command that opens a project in a terminal, in any directory. A client that needs a session is started by
 * the platform's own program, which finds one: people behind Access have that installed, and this machine has it
 * in the platform's folder.
 * @param isBehindAccess as in `config/naming/urls.ts`
 * @param version the project's release of opencode
 * @param folder the platform's folder
 */
export function terminalCommand(
  { url, isBehindAccess }: { readonly url: string; readonly isBehindAccess: boolean },
  version: string,
  folder: string,
): string {
  const { terminal } = apiFor(version);
  if (isBehindAccess) return `opencode-platform ${url}`;
  if (terminal.needsSession) return `npx --yes ${/^[\w./-]+$/.test(folder) ? folder : `"${folder}"`} ${url}`;
  return [terminal.executable, ...terminal.args(url)].join(" ");
}

/** Whether an error means that a server responds, but not like the expected release. */
export const isUnexpectedAnswer = (error: unknown): error is UnexpectedAnswer =>
  error instanceof UnexpectedAnswer;
