/** Wakes a project before something is done in its container: Docker runs no command in a paused one. */
import { fail } from "../../config/errors.ts";
import { makeNames } from "../../config/naming/names.ts";
import { projectContainer, type RunDocker } from "../docker/containers.ts";
import { type Keeper, makeKeeper } from "./client.ts";

/** A stack's host, and what wakes its projects. */
export interface Sleepers {
  readonly run: RunDocker;
  /** The stack's prefix of names. */
  readonly prefix: string;
  /** Default: the stack's own. */
  readonly keeper?: Pick<Keeper, "wake">;
}

/**
 * Ends once a project is awake, or has nothing that could be woken: what is stopped, or not there, is for the caller to find out.
 * @throws UserError if its container stays paused
 */
export async function wakeFirst({ run, prefix, keeper }: Sleepers, project: string): Promise<void> {
  const names = makeNames(prefix);
  const answer = await (keeper ?? makeKeeper(run, names.keeper)).wake(project);
  if (answer.kind === "answered") return;
  // Without a keeper nothing sleeps; and what an admin has paused is the admin's to continue.
  if ((await projectContainer(run, prefix, project))?.status !== "paused") return;
  fail(
    "conflict",
    project,
    `is paused and can't be woken: ${answer.reason}`,
    `docker unpause ${names.project(project)}, on its host`,
  );
}
