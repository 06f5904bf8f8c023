/** What a host needs so that sleeping projects give their memory back, and that none takes the others' disk. */
import { statfsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SUBVOLUME } from "../../components/host/space.ts";
import type { SshAccess } from "../../components/host/ssh-files.ts";
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { PROJECT_NAME_PATTERN } from "../../config/projects/field-schemas.ts";
import type { Project } from "../../config/projects/project.ts";
import { onDroplet } from "../droplet/access.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { type Finding, failed, note, ok } from "./finding.ts";

const GIB_IN_KIB = 2 ** 20;
/** statfs's number of btrfs (linux/magic.h). */
const BTRFS = 0x9123683e;
const DOCS = "docs/sleep.md";

type Sleeper = Pick<Project, "name" | "state" | "sleep" | "resources">;

/** A host's swap, in KiB. */
export interface Swap {
  readonly total: number;
  readonly used: number;
}

/** Reads /proc/swaps. */
export function parseSwaps(text: string): Swap {
  const rows = text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/).slice(2, 4).map(Number));
  const sum = (column: 0 | 1) => rows.reduce((all, row) => all + (row[column] || 0), 0);
  return { total: sum(0), used: sum(1) };
}

/**
 * @param zswap what /sys/module/zswap/parameters/enabled says; undefined where the kernel has none
 * @param fix what brings swap to the host
 */
export function swapFinding(
  { total, used }: Swap,
  zswap: string | undefined,
  projects: readonly Sleeper[],
  fix: string,
): Finding {
  const isOn = zswap?.trim() === "Y";
  const state = zswap === undefined ? "" : `, zswap ${isOn ? "on" : "off"}`;
  const gib = (kib: number) => (kib / GIB_IN_KIB).toFixed(1);
  if (total > 0) return ok(`swap: ${gib(used)} of ${gib(total)} GiB used${state}`);
  const sleeps = projects.some((project) => project.sleep !== "never" && project.state === "running");
  if (!sleeps) return ok("swap: none");
  return note("swap: none, so projects that sleep are paused and keep their memory", fix);
}

/** Swap of this machine; nothing where it is no Linux, whose Docker runs elsewhere. */
export async function checkLocalSwap(projects: readonly Sleeper[]): Promise<Finding[]> {
  const [swaps, zswap] = await Promise.all(
    ["/proc/swaps", "/sys/module/zswap/parameters/enabled"].map((path) =>
      readFile(path, "utf8").catch(() => undefined),
    ),
  );
  if (swaps === undefined) return [];
  const fix = `a swap file takes them: ${DOCS}`;
  return [swapFinding(parseSwaps(swaps), zswap, projects, fix)];
}

/** Says which projects' `resources.disk` has no effect on this machine. */
export function checkLocalDisks(
  projects: readonly Sleeper[],
  workspaces: string,
  { isRoot = process.getuid?.() === 0, isBtrfs = isOnBtrfs } = {},
): Finding[] {
  const limited = projects.filter(({ resources }) => resources.disk !== undefined).map(({ name }) => name);
  if (limited.length === 0 || (isRoot && isBtrfs(workspaces))) return [];
  const why = isRoot ? `${workspaces} is not on btrfs` : "only root can hold a project to it";
  return [note(`resources.disk of ${limited.join(", ")} has no effect here: ${why}`, DOCS)];
}

function isOnBtrfs(path: string): boolean {
  for (let there = path; ; there = dirname(there)) {
    try {
      return statfsSync(there).type === BTRFS;
    } catch {
      if (dirname(there) === there) return false;
    }
  }
}

/** Prints what the droplet's finding are read from, a word and a value on each line. */
export const LOOK = `${SUBVOLUME}
root=${DROPLET_WORKSPACES_DIR}
awk 'NR > 1 { all += $3; used += $4 } END { printf "swap %d %d\\n", all, used }' /proc/swaps
[ ! -e /sys/module/zswap/parameters/enabled ] || echo "zswap $(cat /sys/module/zswap/parameters/enabled)"
echo "filesystem $(stat -f -c %T $root)"
echo "timer $(systemctl is-active opencode-space.timer)"
if btrfs qgroup show $root > /dev/null 2>&1; then
  mode=$(cat "/sys/fs/btrfs/$(findmnt -no UUID $root)/qgroups/mode" 2> /dev/null) || mode=qgroup
  echo "quotas \${mode:-qgroup}"
  [ "$(cat "/sys/fs/btrfs/$(findmnt -no UUID $root)/qgroups/inconsistent" 2> /dev/null)" != 1 ] || echo inconsistent 1
  for path in "$root"/*; do sub "$path" || [ ! -d "$path" ] || echo "plain \${path##*/}"; done
fi`;

/** Looks at a droplet's swap, and at what limits its projects' disks. */
export async function checkDropletSleep(
  session: Session,
  access: SshAccess,
  projects: readonly Sleeper[],
): Promise<Finding[]> {
  const { code, stdout } = await onDroplet(session, access, LOOK);
  if (code !== 0) return [];
  return dropletSleepFindings(stdout, projects, commandFor(session, "up"));
}

/** Reads what LOOK prints. @param up the update that brings what is missing */
export function dropletSleepFindings(output: string, projects: readonly Sleeper[], up: string): Finding[] {
  const lines = output.split("\n").map((line) => line.split(" "));
  const valuesOf = (word: string) => lines.find(([first]) => first === word)?.slice(1);
  const [total = 0, used = 0] = (valuesOf("swap") ?? []).map(Number);
  const zswap = valuesOf("zswap")?.[0];
  const swap = swapFinding({ total, used }, zswap, projects, `set swapSize to more than 0, then ${up}`);
  const isOff = total > 0 && zswap === "N";
  return [
    isOff ? note(swap.text, `${up}, or systemctl restart opencode-zswap on the droplet`) : swap,
    ...diskFindings(valuesOf, lines, projects, up),
  ];
}

function diskFindings(
  valuesOf: (word: string) => string[] | undefined,
  lines: readonly (readonly string[])[],
  projects: readonly Sleeper[],
  up: string,
): Finding[] {
  const filesystem = valuesOf("filesystem")?.[0] ?? "";
  if (filesystem === "") return [];
  if (filesystem !== "btrfs")
    return [note("disk limits: none, since the volume is not btrfs: one project can fill it", DOCS)];
  const mode = valuesOf("quotas")?.[0];
  if (mode === undefined) {
    const fix = `on the droplet: btrfs quota enable ${DROPLET_WORKSPACES_DIR}, then ${up} --refresh`;
    return [failed("disk limits: not in force, since quotas are off", fix)];
  }
  const known = new Set(projects.map(({ name }) => name));
  const plain = lines.flatMap(([word, name = ""]) =>
    word === "plain" && PROJECT_NAME_PATTERN.test(name) && known.has(name) ? [name] : [],
  );
  const kind = mode === "squota" ? "simple quotas" : "quotas";
  return [
    valuesOf("inconsistent")
      ? note(
          `disk limits: ${kind} that are being counted anew`,
          `on the droplet: btrfs quota rescan -w ${DROPLET_WORKSPACES_DIR}`,
        )
      : ok(`disk limits: in force (${kind})`),
    ...(plain.length > 0
      ? [note(`disk limits: not for ${plain.join(", ")}, whose directories are no subvolumes`, DOCS)]
      : []),
    ...(valuesOf("timer")?.[0] === "active"
      ? []
      : [
          failed(
            "disk limits: nobody looks at how full disks are",
            `${up}, or systemctl start opencode-space.timer`,
          ),
        ]),
  ];
}
