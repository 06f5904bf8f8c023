/** What going back to a project's earlier release of opencode means: the copy that is restored, and the sessions that are left behind. */
import { fail, UserError } from "../../config/errors.ts";
import { plainText } from "../../config/text/plain.ts";
import { apiFor, isUnexpectedAnswer, type Session as OpencodeSession } from "../../opencode/api/index.ts";
import type { RunDocker } from "../docker/containers.ts";
import { isRelease } from "./upgrade-log.ts";

/** Where the image's script `upgrade` keeps copies, in the container. */
const COPIES = "$HOME/.local/share/opencode-platform/copies";
/** Sessions that are looked at, newest first. */
const SESSIONS = 500;

/** A copy of a project's sessions, made before another release opened them. */
export interface Copy {
  readonly release: string;
  /** When it was made, in milliseconds since 1970. */
  readonly madeAt: number;
}

/** Parses the name of a copy: `20261129T131500Z_1.18.33`. Undefined for any other, since the project's agent can write there too. */
export function parseCopy(name: string): Copy | undefined {
  const [, date, time, release] = /^(\d{8})T(\d{6})Z_(\S+)$/.exec(name) ?? [];
  if (date === undefined || time === undefined || release === undefined) return undefined;
  if (!isRelease(release)) return undefined;
  const iso = `${date.replace(/(\d{4})(\d{2})/, "$1-$2-")}T${time.replace(/(\d{2})(\d{2})/, "$1:$2:")}Z`;
  const madeAt = Date.parse(iso);
  return Number.isNaN(madeAt) ? undefined : { release, madeAt };
}

/**
 * The copy that a project goes back to: the newest of another release than the one it runs.
 * @throws UserError if the project is not running, or has none
 */
export async function findCopy(run: RunDocker, container: string, version: string): Promise<Copy> {
  const { code, stdout, stderr } = await run(["exec", container, "bash", "-c", `ls "${COPIES}" 2>/dev/null`]);
  if (code !== 0 && stderr.trim())
    fail(
      "environment",
      container,
      `can't be looked into: ${plainText(stderr).trim()}`,
      "start the project first",
    );
  const copies = stdout.split("\n").flatMap((name) => parseCopy(name.trim()) ?? []);
  const copy = copies.filter(({ release }) => release !== version).at(-1);
  return (
    copy ??
    fail(
      "conflict",
      container,
      `has no copy of its sessions from another release than ${version}`,
      "set opencode.version in projects.yaml to go back without one",
    )
  );
}

/**
 * The sessions used since a time, which another release's database does not have; undefined while opencode does
 * not answer: going back has to be possible above all when the newer release does not work.
 */
export async function sessionsLeft(
  ...given: Parameters<typeof sessionsSince>
): Promise<readonly OpencodeSession[] | undefined> {
  try {
    return await sessionsSince(...given);
  } catch (error) {
    if (error instanceof UserError && error.kind === "environment") return undefined;
    throw error;
  }
}

/** The sessions used since a time. @throws UserError if opencode does not answer */
export async function sessionsSince(
  run: RunDocker,
  container: string,
  version: string,
  since: number,
): Promise<OpencodeSession[]> {
  const { path, read } = apiFor(version).sessions(SESSIONS);
  const script = `. /usr/local/lib/opencode-platform/server && ask '${path}'`;
  const { code, stdout, stderr } = await run(["exec", container, "bash", "-c", script]);
  if (code !== 0) fail("environment", container, `its sessions can't be read: ${plainText(stderr).trim()}`);
  try {
    const used = read({ status: 200, body: stdout }).filter(({ usedAt = 0 }) => usedAt > since);
    return used.map(({ id, title, ...rest }) => ({
      ...rest,
      id: plainText(id),
      ...(title === undefined ? {} : { title: plainText(title) }),
    }));
  } catch (error) {
    if (!isUnexpectedAnswer(error)) throw error;
    return fail("environment", container, error.message);
  }
}
