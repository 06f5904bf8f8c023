/** `npm run devcontainer -- <project>`: an entry's devcontainer.json, read, built where there is something to build, and written down. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CheckedConfiguration } from "../../config/check.ts";
import { fail } from "../../config/errors.ts";
import { makeNames } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import { secretCommand, secretKeys } from "../../config/stack/secrets.ts";
import { docker } from "../../toolchain/lib/docker.ts";
import { readConfig } from "../clouds/open.ts";
import { root } from "../engine/checkout.ts";
import type { Session } from "../engine/session.ts";
import { devcontainerCli } from "./cli.ts";
import { withDocker } from "./docker-host.ts";
import { writeLock } from "./lock-file.ts";
import { type Resolution, resolveDevcontainer } from "./resolve.ts";

export interface EntryOptions {
  /** Whether the image that was written down is built, and nothing is written. */
  readonly isLocked: boolean;
  /** Receives each line of a build. */
  readonly onLine: (line: string) => void;
}

/**
 * Reads an entry's devcontainer.json and writes down what it says.
 * @returns also the file that was written, relative to projects.yaml
 * @throws UserError as resolveDevcontainer and withDocker do
 */
export async function resolveEntry(
  session: Session,
  project: Project,
  { settings }: Pick<CheckedConfiguration, "settings">,
  { isLocked, onLine }: EntryOptions,
): Promise<Resolution & { readonly file: string | undefined }> {
  if (isLocked && !project.devcontainer?.lock)
    fail("config", project.name, "has nothing that was written down", "leave out --locked");
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), "devcontainer-")));
  try {
    const token = await tokenOf(session, project);
    const resolution = await withDocker(session, settings, temporary, (env) =>
      resolveDevcontainer({
        project,
        names: makeNames(settings.namePrefix),
        cli: devcontainerCli(env, temporary),
        docker: (args, ...how) => docker(args, env, ...how),
        temporary,
        token,
        isLocked,
        onLine,
      }),
    );
    const { lock, asked } = resolution;
    const file = isLocked ? undefined : writeLock(root, session.stack, project.name, asked, lock);
    return { ...resolution, file };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** The value of the secret that the entry's git authenticates with. */
async function tokenOf(session: Session, { name, git }: Project): Promise<string | undefined> {
  if (git.auth !== "token") return undefined;
  const { secret } = git;
  const config = await readConfig(session);
  const value = secretKeys(name, secret)
    .map((key) => config[key])
    .find(Boolean);
  return value ?? fail("config", name, `${secret} has no value`, secretCommand(secret, name, session.stack));
}
