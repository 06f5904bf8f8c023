/** What removed projects have left behind on a stack's host: their workspaces and homes, which nothing but a person's explicit yes deletes. */
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../../config/errors.ts";
import { plainText } from "../../config/text/plain.ts";
import { shellQuote } from "../../config/text/shell.ts";
import type { ExecResult } from "../../toolchain/lib/exec.ts";
import { type ContainerState, listContainersBy, type RunDocker } from "../docker/containers.ts";
import { scriptOn } from "../engine/session.ts";
import { asideName, isLeftName, leftPaths, projectOfAside } from "./names.ts";
import type { WorkspacesPlace } from "./place.ts";
import {
  deleteScript,
  existsScript,
  measureScript,
  moveScript,
  namesScript,
  resetHomeScript,
} from "./scripts.ts";

/** Milliseconds for a look at names, and for a rename. */
const LOOK_MS = 30_000;
/** Milliseconds for measuring. What has not been measured by then is without a size. */
const MEASURE_MS = 20_000;
/** Milliseconds in which an update that has begun to remove containers has done so: a project's may take its whole grace period to end. */
const UNUSED_MS = 300_000;
/** Milliseconds for a deletion. */
const DELETE_MS = 600_000;

/** A workspace or home, or both, under one name. */
export interface Left {
  /** The project's name, or that of something set aside: `shop.removed-20261129T221757Z`. */
  readonly name: string;
  /** What both directories take on the disk. Undefined if measuring took too long. */
  readonly bytes?: number;
  /** When a file in the home was last written, in milliseconds since 1970. A project's agent can set it to any past time. */
  readonly lastUsed?: number;
}

/** Whether a project has a workspace or home. @throws UserError if the host is not responding */
export async function isLeft(place: WorkspacesPlace, name: string): Promise<boolean> {
  const result = await place.run(existsScript(place.directory, name), LOOK_MS);
  if (result.code === 1) return false;
  assertDone(place, `workspace of ${name}`, "could not be looked for", result);
  return true;
}

/** A project's workspace and home; undefined if it has neither. @throws UserError if the host is not responding */
export async function describeLeft(place: WorkspacesPlace, name: string): Promise<Left | undefined> {
  if (!(await isLeft(place, name))) return undefined;
  return (await measure(place, [name]))[0];
}

/** The names under which there is a workspace or home, in order. @throws UserError if the host is not responding */
export async function namesLeft(place: WorkspacesPlace): Promise<string[]> {
  const result = await place.run(namesScript(place.directory), LOOK_MS);
  assertDone(place, place.directory, "could not be listed", result);
  return [...new Set(result.stdout.split("\n"))].filter(isLeftName).sort();
}

/** All workspaces and homes but those of the given projects, by name. @throws UserError if the host is not responding */
export async function listLeft(place: WorkspacesPlace, projects: readonly string[]): Promise<Left[]> {
  const names = await namesLeft(place);
  return measure(
    place,
    names.filter((name) => !projects.includes(name)),
  );
}

/**
 * Sets aside what a removed project left behind, so that its name is free.
 * @returns its new name, and what puts it back
 * @throws UserError if a container could write to it; nothing is changed then
 */
export async function setAside(
  place: WorkspacesPlace,
  name: string,
): Promise<{ readonly aside: string; putBack(): Promise<void> }> {
  await assertUnused(place, name);
  const aside = asideName(name, new Date());
  await move(place, name, aside);
  return { aside, putBack: () => move(place, aside, name) };
}

/**
 * Deletes what a project left behind, or something set aside; nothing if there is nothing. Of a project it is set aside first, so that an interrupted
 * deletion leaves nothing under the project's name.
 * @throws UserError if a container could write to it, or this user is not allowed to delete all of it
 */
export async function purge(place: WorkspacesPlace, name: string): Promise<void> {
  if (!(await isLeft(place, name))) return;
  const isAside = projectOfAside(name) !== undefined;
  const target = isAside ? name : (await setAside(place, name)).aside;
  const result = await place.run(deleteScript(place.directory, target), DELETE_MS);
  const again = `npm run purge -- ${target}${place.stackFlag}`;
  if (result.code === null)
    fail("environment", `workspace of ${name}`, "is not deleted yet after ten minutes", again);
  assertDone(place, `workspace of ${name}`, "could not be deleted", result, again);
  const left = result.stdout.trim().split("\n").filter(Boolean);
  if (left.length === 0) return;
  fail(
    "environment",
    `workspace of ${name}`,
    `this user is not allowed to delete all of it on ${place.host}`,
    `sudo rm -rf ${left.map(shellQuote).join(" ")}`,
  );
}

/**
 * Sets aside a project's home (opencode's sessions and settings, the record of who has trusted its repository, whatever else was written there),
 * and gives it an empty one. Its checkout stays.
 * @returns the name under which the home is set aside
 * @throws UserError if the project is running or has no home; nothing is changed then
 */
export async function resetHome(place: WorkspacesPlace, name: string): Promise<string> {
  const { home } = leftPaths(place.directory, name);
  if (!(await isLeft(place, name)))
    fail("config", name, `has no workspace in ${place.directory} of ${place.host}`);
  await assertStopped(place, name);
  const aside = asideName(name, new Date());
  const result = await place.run(resetHomeScript(place.directory, name, aside), LOOK_MS);
  assertDone(place, home, `could not be reset${asItWas(result)}`, result);
  return aside;
}

async function move(place: WorkspacesPlace, from: string, to: string): Promise<void> {
  const result = await place.run(moveScript(place.directory, from, to), LOOK_MS);
  assertDone(place, `workspace of ${from}`, `could not be set aside${asItWas(result)}`, result);
}

/** The scripts end with 1 once they have undone what they did; of a host that fell silent nobody knows. */
const asItWas = ({ code }: ExecResult): string =>
  code === 1 ? ", and is as it was," : ", or nobody can tell,";

/** A time is an agent's to choose: one that is to come would be a lie, or of a clock that was ahead. */
async function measure(place: WorkspacesPlace, names: readonly string[]): Promise<Left[]> {
  if (names.length === 0) return [];
  const { stdout } = await place.run(measureScript(place.directory, names), MEASURE_MS);
  const measured = new Map(
    stdout.split("\n").flatMap((line) => {
      const [name = "", size, used] = line.split("\t");
      return used === undefined ? [] : [[name, { kib: Number(size), seconds: Number(used) }] as const];
    }),
  );
  return names.map((name) => {
    const { kib = Number.NaN, seconds = 0 } = measured.get(name) ?? {};
    return {
      name,
      ...(Number.isFinite(kib) ? { bytes: kib * 1024 } : {}),
      ...(seconds > 0 ? { lastUsed: Math.min(seconds * 1000, Date.now()) } : {}),
    };
  });
}

/** States of a container in which nothing of it runs, and nothing will without somebody's act. */
const STOPPED = ["created", "exited", "dead"];

/** @throws UserError if a project has a container, running or not: it could still write */
export async function assertUnused(place: WorkspacesPlace, name: string): Promise<void> {
  const [container] = await containersOf(place, name);
  if (container)
    fail(
      "conflict",
      `workspace of ${name}`,
      `is still used by the container ${container.name}`,
      "remove its entry from projects.yaml and apply that first, or wait until that is done",
    );
}

/** Waits until a project has no container; what may still use it then is for its deletion to say. */
export async function untilUnused(
  place: WorkspacesPlace,
  name: string,
  { withinMs = UNUSED_MS, everyMs = 1000 } = {},
): Promise<void> {
  const end = performance.now() + withinMs;
  while ((await containersOf(place, name)).length > 0 && performance.now() < end) await sleep(everyMs);
}

async function assertStopped(place: WorkspacesPlace, name: string): Promise<void> {
  const running = (await containersOf(place, name)).find(
    ({ service, status }) => !service && !STOPPED.includes(status),
  );
  if (running)
    fail(
      "conflict",
      name,
      running.status === "paused"
        ? "is asleep or paused, and goes on with its home as it is"
        : `is ${running.status}, and writes to its home`,
      "stop it first, in the panel or by `state: stopped` in its entry and an update",
    );
}

/** A project's containers. Where Docker does not say, nobody knows that there is none. @throws UserError */
async function containersOf(place: WorkspacesPlace, name: string): Promise<ContainerState[]> {
  const run: RunDocker = async (args, timeoutMs) => {
    const result = await place.docker(args, timeoutMs);
    assertDone(place, "docker", "is not responding, so the workspace may be in use", result);
    return result;
  };
  return listContainersBy(run, place.prefix, name);
}

/** Throws unless a command on the host has ended well. */
function assertDone(
  place: WorkspacesPlace,
  where: string,
  what: string,
  { code, stderr }: ExecResult,
  fix = scriptOn("doctor", place.stackFlag),
): void {
  if (code === 0) return;
  const said = plainText(stderr).trim().split("\n").at(-1) || "no answer";
  fail("environment", where, `${what} on ${place.host}: ${said}`, fix);
}
