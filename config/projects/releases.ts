/** The release of opencode that a project runs: what an entry may say, and which release that is. */
import { readFileSync } from "node:fs";
import { type Binary, OPENCODE_RELEASES, type Releases } from "../opencode-releases.ts";
import { LOCAL_STACK } from "../stack/commands.ts";
import { closest, show } from "../text/show.ts";
import type { Path } from "../text/yaml.ts";
import { OPENCODE, OPENCODE_2 } from "../versions.ts";
import { mapOf } from "./rough.ts";
import type { HostContext, Violation } from "./violation.ts";

/** The newest pinned release of each major. */
export const NEWEST: Readonly<Record<string, string>> = { 1: OPENCODE, 2: OPENCODE_2 };

/** Names a file with more releases, for tests of this repository: they run where no registry has upstream's. */
export const LAB_RELEASES_VARIABLE = "OPENCODE_PLATFORM_LAB_RELEASES";

/**
 * The releases that a stack's projects can run: those that this version of the platform pins.
 * @param env only on this machine's stack, whose tests may add releases
 */
export function releasesOf(stack: string, env: Readonly<Record<string, string | undefined>>): Releases {
  const lab = stack === LOCAL_STACK ? env[LAB_RELEASES_VARIABLE] : undefined;
  const pinned = Object.entries(OPENCODE_RELEASES).map(([version, binaries]) => [
    version,
    Object.fromEntries(Object.entries(binaries).map(([processor, integrity]) => [processor, { integrity }])),
  ]);
  return {
    ...Object.fromEntries(pinned),
    ...(lab ? (JSON.parse(readFileSync(lab, "utf8")) as Releases) : {}),
  };
}

/** The exact release that an entry asks for. Default: the newest pinned 1.x. */
export function releaseNamed(version: string | number | undefined): string {
  const text = String(version ?? 1);
  return (Object.hasOwn(NEWEST, text) && NEWEST[text]) || text;
}

/** Whether a release has a program for a host's processor, as Node names it. */
const runsOn = (binaries: Readonly<Record<string, Binary>>, processor: string): boolean =>
  Object.keys(binaries).some((each) => each === processor || each.startsWith(`${processor}-`));

/** The broken rules of `opencode.version`. */
export function checkRelease(opencode: unknown, path: Path, context: HostContext): Violation[] {
  const { version } = mapOf(opencode);
  if (typeof version !== "string" && typeof version !== "number") return [];
  const { releases = releasesOf(context.stack, {}), processor } = context;
  const release = releaseNamed(version);
  const binaries = Object.hasOwn(releases, release) ? releases[release] : undefined;
  const at = [...path, "version"];
  if (!binaries) {
    const guess = closest(release, Object.keys(releases));
    const choices = `1 (${NEWEST[1]}), 2 (${NEWEST[2]}), or a release of config/opencode-releases.ts`;
    return [
      {
        path: at,
        what: `${show(version)} is not a release of opencode that this version of the platform pins${guess ? `; did you mean ${guess}?` : ""}`,
        fix: `write ${choices}`,
      },
    ];
  }
  if (processor === undefined || runsOn(binaries, processor)) return [];
  const others = Object.keys(releases).filter((each) => runsOn(releases[each] ?? {}, processor));
  return [
    {
      path: at,
      what: `opencode ${release} is not pinned for the host's processor (${processor})`,
      fix: `write one of ${others.slice(0, 4).join(", ")}`,
    },
  ];
}
