import { join } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import type { Names } from "../../config/naming/names.ts";
import type { Urls } from "../../config/naming/urls.ts";
import type { Project } from "../../config/projects/project.ts";
import { terminalCommand } from "../../opencode/api/index.ts";
import { portUrls } from "../proxy/previews.ts";

/** The platform's folder: the checkout, or the package that a team's repository has. */
const HOME = join(import.meta.dirname, "../..");

/** What a person needs to reach a project: an element of the stack's output `projects`. */
export interface ProjectAccess {
  url: string;
  /** The command that opens the project in a terminal. */
  attach: string;
  container: string;
  /** opencode's release. */
  opencode: string;
  state: "running" | "stopped";
  /** URL of each of its ports, by the port's name or number. Absent without ports. */
  ports?: Readonly<Record<string, string>>;
  /** Public half of the deploy key, to be added to the repository; for `git: { auth: ssh }` alone. */
  deployKey?: pulumi.Input<string>;
}

export const projectAccess = (
  { names, urls }: { names: Names; urls: Urls },
  { name, state, ports, opencode }: Pick<Project, "name" | "state" | "ports" | "opencode">,
  deployKey?: pulumi.Input<string>,
): ProjectAccess => ({
  url: urls.browser(name),
  attach: terminalCommand(urls.terminal(name), opencode.version, HOME),
  container: names.project(name),
  opencode: opencode.version,
  state,
  ...(ports.length > 0 ? { ports: portUrls(name, ports, urls) } : {}),
  ...(deployKey ? { deployKey } : {}),
});
