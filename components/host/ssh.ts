import { DROPLET_WORKSPACES_DIR } from "../../config/naming/names.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { PROVE_HOST_KEY } from "./cloud-init.ts";
import { SSH_USER } from "./ssh-files.ts";

/** How long a new droplet may take until its sshd answers, and then until cloud-init is done, in seconds. */
const SSHD_WAIT = 600;
const CLOUD_INIT_WAIT = 1200;

/** A shell command that runs `script` on a droplet; its standard input is passed on. */
export const sshCommand = (target: { configFile: string; alias: string }, script: string): string =>
  `ssh -F ${target.configFile} ${target.alias} -- ${shellQuote(script)}`;

/** Tries of a connection to a droplet that boots, two seconds apart. */
const BOOT_TRIES = 30;

/**
 * The same for a droplet that boots: cloud-init has sshd read its configuration, after it has answered already, and it refuses connections
 * meanwhile. 255 is ssh's own exit code; any other is the script's.
 */
export const sshCommandAtBoot = (target: { configFile: string; alias: string }, script: string): string =>
  `for attempt in $(seq ${BOOT_TRIES}); do ${sshCommand(target, script)} && exit 0 || code=$?; [ "$code" -eq 255 ] || exit "$code"; sleep 2; done; exit 255`;

export interface HostKeyArgs {
  address: string;
  /** Known to the droplet, by its user data, and to nobody between here and there, who thus cannot answer for another key. */
  pairingCode: string;
  /** Hostname of the tunnel's SSH application, if the connection goes through it. */
  tunnelHostname?: string;
}

/**
 * A shell script for the machine that deploys: waits until a new droplet's sshd answers, has it prove its host key, and prints that key.
 * The platform's private key comes on its standard input. Nothing is sent to the droplet before the key is proved but the question.
 */
export function hostKeyScript({ address, pairingCode, tunnelHostname }: HostKeyArgs): string {
  const options = [
    "-F /dev/null",
    '-i "$dir/id"',
    '-o UserKnownHostsFile="$dir/known_hosts"',
    "-o GlobalKnownHostsFile=/dev/null",
    "-o HostKeyAlias=droplet",
    "-o HostKeyAlgorithms=ssh-ed25519",
    "-o StrictHostKeyChecking=accept-new",
    "-o IdentitiesOnly=yes",
    "-o BatchMode=yes",
    "-o ConnectTimeout=10",
    "-o LogLevel=ERROR",
    ...(tunnelHostname ? ["-o 'ProxyCommand=cloudflared access ssh --hostname %h'"] : []),
  ].join(" ");
  const elsewhere = tunnelHostname
    ? "The tunnel may still lead to the droplet before it: set sshThrough to address and sshAllow to your address (docs/deploying.md)."
    : "Somebody may be in between.";
  return `set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(umask 077; cat > "$dir/id")
deadline=$(($(date +%s) + ${SSHD_WAIT}))
until proof=$(ssh ${options} ${SSH_USER}@${tunnelHostname ?? address} ${PROVE_HOST_KEY} 2> "$dir/why"); do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    echo "The droplet ${address} did not answer by ssh within ${SSHD_WAIT / 60} minutes. What ssh said last:" >&2
    cat "$dir/why" >&2
    exit 1
  fi
  rm -f "$dir/known_hosts"
  sleep 3
done
key=$(cut -d' ' -f2,3 "$dir/known_hosts")
sum() { if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi; }
if [ "$proof" != "$(printf '%s %s' '${pairingCode}' "$key" | sum | cut -d' ' -f1)" ]; then
  echo 'What answers at ${tunnelHostname ?? address} is not the droplet ${address}: it could not prove its host key. ${elsewhere}' >&2
  exit 1
fi
printf '%s' "$key"
`;
}

/**
 * A shell script for the droplet: waits until cloud-init is done, and makes sure that Docker answers and that the volume is mounted.
 * When it is not so in time it says what was missing, with the last lines of cloud-init's log.
 */
export function waitUntilReady(): string {
  return `fail() {
  echo "$1" >&2
  echo 'The last lines of /var/log/cloud-init-output.log on the droplet:' >&2
  tail -n 30 /var/log/cloud-init-output.log >&2
  exit 1
}
code=0
timeout ${CLOUD_INIT_WAIT} cloud-init status --wait > /dev/null 2>&1 || code=$?
[ "$code" -ne 124 ] || fail 'cloud-init was not done within ${CLOUD_INIT_WAIT / 60} minutes.'
[ "$code" -ne 1 ] || fail 'cloud-init ended with an error.'
# After a volume was exchanged on a droplet that is up.
systemctl start workspaces.mount docker.service > /dev/null 2>&1 || true
mountpoint -q ${DROPLET_WORKSPACES_DIR} || fail 'The volume of the workspaces is not mounted at ${DROPLET_WORKSPACES_DIR}.'
docker version > /dev/null 2>&1 || fail 'Docker does not answer.'
`;
}

/**
 * A shell script for the droplet that lets go of the volume before it is detached: containers end by themselves, and nothing that they
 * wrote is lost. A droplet that is gone has nothing to let go of.
 */
export function releaseVolume(): string {
  return `docker ps -q | xargs -r docker stop -t 10 > /dev/null
systemctl stop docker.socket docker.service
systemctl stop workspaces.mount
`;
}
