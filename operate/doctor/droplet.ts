import type { SshAccess } from "../../components/host/ssh-files.ts";
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { isoDay } from "../../config/text/days.ts";
import { parseJson } from "../../config/text/json.ts";
import { plainText } from "../../config/text/plain.ts";
import { onDroplet } from "../droplet/access.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { list, record } from "../state/checkpoint.ts";
import { type Finding, failed, note, ok } from "./finding.ts";

const GIB = 2 ** 30;
/** Least free space for a clone. */
const ROOM_LOW = 2 * GIB;

/** Whether a droplet responds by SSH; nothing else on it can be checked without that. */
export async function checkSsh(session: Session, access: SshAccess): Promise<Finding> {
  const greeting = await onDroplet(session, access, "true");
  const at = `ssh: ${access.alias} (${access.tunnelHostname ?? access.address})`;
  if (greeting.code === 0) return ok(`${at} answers`);
  const reason = greeting.stderr.trim().split("\n").at(-1) || "no answer";
  return failed(
    `${at} is not responding: ${reason}`,
    "is this machine's address in sshAllow? docs/deploying.md",
  );
}

/** Prints when the droplet began to want a reboot, and for which packages; nothing where it does not. Debian and Ubuntu keep both files alike. */
const REBOOT_WANTED =
  "f=/var/run/reboot-required; [ ! -e $f ] || { stat -c %Y $f; sort -u $f.pkgs 2> /dev/null; }";

/** Checks a droplet's setup, its volume, and whether it wants a reboot. `window`: when it may do that by itself. */
export async function checkDroplet(
  session: Session,
  access: SshAccess,
  window: string | undefined,
): Promise<Finding[]> {
  const [cloudInit, mount, reboot] = await Promise.all([
    onDroplet(session, access, "cloud-init status --long --format json"),
    onDroplet(
      session,
      access,
      `findmnt --bytes --json --output TARGET,SOURCE,AVAIL ${DROPLET_WORKSPACES_DIR}`,
    ),
    onDroplet(session, access, REBOOT_WANTED),
  ]);
  const set = commandFor(session, "config set --path opencode-platform:maintenance.window 03:00-05:00");
  return [
    cloudInitFinding(cloudInit.stdout),
    mountFinding(mount.stdout),
    rebootFinding(reboot.stdout, { window, set }),
  ];
}

/** Reads `cloud-init status --long --format json`. */
export function cloudInitFinding(output: string): Finding {
  const { status, errors, recoverable_errors, extended_status } = record(parseJson(output));
  const text = String(extended_status ?? status ?? "nothing");
  if (status === "running") return note("cloud-init: still running");
  if (status !== "done")
    return failed(
      `cloud-init: ${text}${because(errors)}`,
      "read /var/log/cloud-init-output.log on the droplet",
    );
  const warnings = Object.values(record(recoverable_errors)).flatMap(list);
  return warnings.length > 0
    ? note(`cloud-init: done, with warnings${because(warnings)}`)
    : ok("cloud-init: done");
}

const because = (errors: unknown): string => {
  const [first] = list(errors);
  return first === undefined ? "" : `: ${String(first).split("\n")[0]?.slice(0, 200)}`;
};

/** Reads `findmnt --json` for the workspaces. */
export function mountFinding(output: string): Finding {
  const [mount] = list(record(parseJson(output)).filesystems).map(record);
  if (!mount)
    return failed(
      `volume: nothing is mounted at ${DROPLET_WORKSPACES_DIR}`,
      "on the droplet: systemctl status workspaces.mount",
    );
  const room = Number(mount.avail);
  const text = `volume: ${String(mount.source)} at ${DROPLET_WORKSPACES_DIR}, ${(room / GIB).toFixed(1)} GiB free`;
  return room >= ROOM_LOW ? ok(text) : failed(text, "increase opencode-platform:volumeSize");
}

/** Most packages that are named. */
const SHOWN_PACKAGES = 5;

/**
 * Reads what REBOOT_WANTED prints.
 * @param window the setting `maintenance.window`; `set`: the command that sets it
 */
export function rebootFinding(
  output: string,
  { window, set }: { window?: string | undefined; set: string },
): Finding {
  const [since = "", ...packages] = plainText(output).split("\n").filter(Boolean);
  if (!/^\d{1,11}$/.test(since)) return ok("reboot: none pending");
  const day = isoDay(Number(since) * 1000);
  const more = packages.length - SHOWN_PACKAGES;
  const names = [...packages.slice(0, SHOWN_PACKAGES), ...(more > 0 ? [`${more} more`] : [])].join(", ");
  const text = `reboot: pending since ${day}${names ? ` for ${names}` : ""}`;
  if (window) return note(`${text}; the droplet does it itself in the window ${window}`);
  return note(text, `${set}, then up: it then reboots at night; or now, by systemctl reboot on the droplet`);
}
