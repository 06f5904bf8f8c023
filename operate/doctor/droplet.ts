import type { SshAccess } from "../../components/host/ssh-files.ts";
import { sshConfigFile } from "../../components/host/ssh-files.ts";
import { DROPLET_WORKSPACES_DIR, type Names } from "../../config/naming/names.ts";
import type { Project } from "../../config/projects/project.ts";
import { listContainersBy } from "../docker/containers.ts";
import { dropletDocker, onDroplet } from "../droplet/access.ts";
import { commandFor, type Session } from "../engine/session.ts";
import { list, record } from "../state/checkpoint.ts";
import { checkContainers, type Remedies } from "./containers.ts";
import { type Finding, fine, note, wrong } from "./finding.ts";

const GIB = 2 ** 30;
/** Less free room than this is too little for a clone. */
const ROOM_LOW = 2 * GIB;

/** What ssh finds on a droplet: whether it answers and is set up, the volume, and every container. */
export async function checkDroplet(
  session: Session,
  access: SshAccess,
  projects: readonly Project[] | undefined,
  names: Names,
): Promise<Finding[]> {
  const run = (command: string) => onDroplet(session, access, command);
  const greeting = await run("true");
  const at = `ssh: ${access.alias} (${access.tunnelHostname ?? access.address})`;
  if (greeting.code !== 0) {
    const why = greeting.stderr.trim().split("\n").at(-1) || "no answer";
    return [
      wrong(`${at} does not answer: ${why}`, "is this machine's address in sshAllow? docs/deploying.md"),
    ];
  }
  const [cloudInit, mount, containers] = await Promise.all([
    run("cloud-init status --long --format json"),
    run(`findmnt --bytes --json --output TARGET,SOURCE,AVAIL ${DROPLET_WORKSPACES_DIR}`),
    listContainersBy(dropletDocker(session, access), names.prefix),
  ]);
  return [
    fine(`${at} answers`),
    judgeCloudInit(cloudInit.stdout),
    judgeMount(mount.stdout),
    ...(projects
      ? checkContainers(containers, projects, names, {
          hasConnector: true,
          remedies: remedies(session, access),
        })
      : []),
  ];
}

function remedies(session: Session, { alias }: SshAccess): Remedies {
  return {
    apply: commandFor(session, "up --refresh"),
    docker: (args) => `ssh -F ${sshConfigFile(session.stack, alias)} ${alias} docker ${args}`,
  };
}

/** Judges what `cloud-init status --long --format json` says. */
export function judgeCloudInit(text: string): Finding {
  const { status, errors, recoverable_errors, extended_status } = record(parse(text));
  const says = String(extended_status ?? status ?? "nothing");
  if (status === "running") return note("cloud-init: is still at work");
  if (status !== "done")
    return wrong(`cloud-init: ${says}${why(errors)}`, "read /var/log/cloud-init-output.log on the droplet");
  const warnings = Object.values(record(recoverable_errors)).flatMap(list);
  return warnings.length > 0
    ? note(`cloud-init: done, with warnings${why(warnings)}`)
    : fine("cloud-init: done");
}

const why = (errors: unknown): string => {
  const [first] = list(errors);
  return first === undefined ? "" : `: ${String(first).split("\n")[0]?.slice(0, 200)}`;
};

/** Judges what `findmnt --json` says of the workspaces. */
export function judgeMount(text: string): Finding {
  const [mount] = list(record(parse(text)).filesystems).map(record);
  if (!mount)
    return wrong(
      `volume: nothing is mounted at ${DROPLET_WORKSPACES_DIR}`,
      "systemctl status workspaces.mount on the droplet says why",
    );
  const room = Number(mount.avail);
  const says = `volume: ${String(mount.source)} at ${DROPLET_WORKSPACES_DIR}, ${(room / GIB).toFixed(1)} GiB free`;
  return room >= ROOM_LOW ? fine(says) : wrong(says, "make it larger: opencode-platform:volumeSize");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
