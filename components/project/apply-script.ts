import { join } from "node:path";
import { shellQuote } from "../../config/text/shell.ts";

/** What has to be done on the host for one project, once its container is there. */
export interface ApplyArgs {
  /** Name of the project's container. */
  container: string;
  /** The provider starts a container that must run, and never stops one. */
  state: "running" | "stopped";
  /** Highest number of processes. The provider's container has no setting for it; Docker keeps it over restarts. */
  pids: number;
  /** Shell command that gives the container its weight for the disk; absent for an ordinary project. */
  weight?: string | undefined;
  /** Shell commands that make the project's directories and give them to its user: before the limit of processes, for which the container waits with all it does. */
  directories: readonly string[];
  /** Traefik's file for the project; the script takes its text from standard input, since the password is in it. */
  routePath: string;
  /** The keeper's file for the project, whose text is the last line of standard input; and the one that it writes beside the route while the project is asleep. */
  keeper?: { path: string; asleepPath: string } | undefined;
  /** The file that lists the project in the platform's index, where there is an index. */
  index?: { path: string; text: string } | undefined;
}

/** Where the index has a project. Releases up to 0.1 wrote `<name>.json`, which their own command removes at its end. */
export const indexPath = (indexDir: string, project: string): string =>
  join(indexDir, `${project}.entry.json`);

/**
 * The shell script for one project, and the one for its end. It touches nothing of another project, and nothing of this one that is as it
 * should be: Traefik reads every file anew that is written.
 */
export function applyScript(args: ApplyArgs): { create: string; delete: string } {
  const { container, state, pids, weight, directories, routePath, keeper, index } = args;
  const files = [routePath, ...(keeper ? [keeper.asleepPath] : []), ...(index ? [index.path] : [])].map(
    shellQuote,
  );
  const lines = [
    "set -eu",
    // `set -e` overlooks what fails inside of them.
    ...directories.map((make) => `{ ${make}; } || exit`),
    `docker update --pids-limit ${pids} ${container} >/dev/null`,
    ...(weight ? [weight] : []),
    ...(state === "stopped" ? [...awaken(container), `docker stop -t 10 ${container} >/dev/null`] : []),
    // Written beside its place and renamed, so that nobody reads half a file.
    `put() { if cmp -s "$1.new" "$1"; then rm -f "$1.new"; else mv -f "$1.new" "$1"; fi; }`,
    ...(keeper
      ? [
          "text=$(cat)",
          `(umask 077; printf '%s\\n' "$text" | sed '$d' > ${shellQuote(`${routePath}.new`)})`,
          `(umask 077; printf '%s\\n' "$text" | sed -n '$p' > ${shellQuote(`${keeper.path}.new`)})`,
          `put ${shellQuote(keeper.path)}`,
        ]
      : [`(umask 077; cat > ${shellQuote(`${routePath}.new`)})`]),
    `put ${shellQuote(routePath)}`,
    ...(index
      ? [
          `printf '%s' ${shellQuote(index.text)} > ${shellQuote(`${index.path}.new`)}`,
          `chmod 0644 ${shellQuote(`${index.path}.new`)}`,
          `put ${shellQuote(index.path)}`,
          `rm -f ${shellQuote(index.path.replace(/\.entry\.json$/, ".json"))}`,
        ]
      : []),
  ];
  // First of all its file: without that it is not put to sleep any more. Its container is removed next.
  const ends = keeper ? [`rm -f ${shellQuote(keeper.path)}`, ...awaken(container)] : [];
  return { create: lines.join("\n"), delete: [...ends, `rm -f ${files.join(" ")}`].join("\n") };
}

/** A paused process can't end in order. Most are not paused. */
const awaken = (container: string): string[] => [`docker unpause ${container} >/dev/null 2>&1 || :`];
