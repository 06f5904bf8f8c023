import type { SshAccess } from "../../components/host/ssh-files.ts";
import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { onDroplet } from "../droplet/access.ts";
import type { Session } from "../engine/session.ts";
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

/** Checks a droplet's setup and its volume. */
export async function checkDroplet(session: Session, access: SshAccess): Promise<Finding[]> {
  const [cloudInit, mount] = await Promise.all([
    onDroplet(session, access, "cloud-init status --long --format json"),
    onDroplet(
      session,
      access,
      `findmnt --bytes --json --output TARGET,SOURCE,AVAIL ${DROPLET_WORKSPACES_DIR}`,
    ),
  ]);
  return [cloudInitFinding(cloudInit.stdout), mountFinding(mount.stdout)];
}

/** Reads `cloud-init status --long --format json`. */
export function cloudInitFinding(output: string): Finding {
  const { status, errors, recoverable_errors, extended_status } = record(parse(output));
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
  const [mount] = list(record(parse(output)).filesystems).map(record);
  if (!mount)
    return failed(
      `volume: nothing is mounted at ${DROPLET_WORKSPACES_DIR}`,
      "on the droplet: systemctl status workspaces.mount",
    );
  const room = Number(mount.avail);
  const text = `volume: ${String(mount.source)} at ${DROPLET_WORKSPACES_DIR}, ${(room / GIB).toFixed(1)} GiB free`;
  return room >= ROOM_LOW ? ok(text) : failed(text, "increase opencode-platform:volumeSize");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
