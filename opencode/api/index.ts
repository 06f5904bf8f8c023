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

export type { Answer, Call } from "./calls.ts";
export { isOlder, majorOf, UnexpectedAnswer } from "./calls.ts";
export type { OpencodeApi, OpencodeConfig, Session } from "./types.ts";
export { unsupportedHealth } from "./unsupported.ts";

/** The supported majors of opencode. */
const MAJORS: readonly OpencodeApi[] = [v1];

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

/** The API of the release that all projects run. */
export const projectApi: OpencodeApi = v1;

/** The command that opens a project in a terminal. @param isBehindAccess as in `config/naming/urls.ts` */
export const terminalCommand = (target: {
  readonly url: string;
  readonly isBehindAccess: boolean;
}): string =>
  target.isBehindAccess
    ? `opencode-platform ${target.url}`
    : [projectApi.terminal.executable, ...projectApi.terminal.args(target.url)].join(" ");

/** Whether an error means that a server responds, but not like the expected release. */
export const isUnexpectedAnswer = (error: unknown): error is UnexpectedAnswer =>
  error instanceof UnexpectedAnswer;
