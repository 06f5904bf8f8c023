/** Where this machine keeps the workspaces of the stack `local`. Reads, and writes nothing. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, isAbsolute, join, resolve } from "node:path";
import { LEGACY_WORKSPACES_DIR, WORKSPACES_RECORD } from "../naming/names.ts";
import type { Settings } from "./settings.ts";

export interface LocalWorkspaces {
  /** Absolute path. */
  readonly path: string;
  /**
   * `setting`: as `workspacesDir` says; `recorded`: as an update of this checkout has written down; `legacy`: in the checkout, where releases
   * up to 0.2 put them; `default`: in the person's data directory, under a name of this checkout alone.
   */
  readonly kind: "setting" | "recorded" | "legacy" | "default";
}

/**
 * The directory of a checkout's workspaces. By default it is outside of the checkout, so that no editor that has the checkout open looks into a
 * repository whose configuration an agent can write.
 * @param env of which XDG_DATA_HOME counts. Default: this process's
 */
export function localWorkspaces(
  { workspacesDir }: Pick<Settings, "workspacesDir">,
  checkout: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): LocalWorkspaces {
  if (workspacesDir !== undefined) return { path: resolve(checkout, workspacesDir), kind: "setting" };
  const recorded = readRecord(join(checkout, WORKSPACES_RECORD));
  if (recorded) return { path: recorded, kind: "recorded" };
  const legacy = join(checkout, LEGACY_WORKSPACES_DIR);
  if (hasFiles(legacy)) return { path: legacy, kind: "legacy" };
  return { path: defaultWorkspaces(checkout, env), kind: "default" };
}

/** Where a checkout's workspaces are if nothing says otherwise. */
export function defaultWorkspaces(
  checkout: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const real = realpathSync(checkout);
  const name = basename(real).replace(/[^\w.-]+/g, "-");
  const key = createHash("sha256").update(real).digest("hex").slice(0, 10);
  return join(dataHome(env), "opencode-platform", "workspaces", `${name}-${key}`);
}

/** XDG's rule: a relative path is ignored. */
function dataHome({ XDG_DATA_HOME = "" }: Readonly<Record<string, string | undefined>>): string {
  return isAbsolute(XDG_DATA_HOME) ? XDG_DATA_HOME : join(homedir(), ".local", "share");
}

function readRecord(file: string): string | undefined {
  try {
    const path = readFileSync(file, "utf8").trim();
    return isAbsolute(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function hasFiles(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}
