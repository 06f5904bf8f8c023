import { stringify } from "yaml";
import {
  DROPLET_RUNTIME_DIR,
  DROPLET_WORKSPACES_DIR,
  INDEX_DIR,
  KEEPER_DIR,
  type Names,
  ROUTES_DIR,
} from "../../config/naming/names.ts";
import { type CompanyProxy, proxyVariables } from "../../config/stack/company/proxy.ts";
import { LIB, UNITS } from "./droplet-paths.ts";
import { dropletRules } from "./packet-rules.ts";
import { SSH_USER } from "./ssh-files.ts";
import { ENABLE_QUOTAS, FORMAT, volumeDevice } from "./volume.ts";

/** Prints the proof that the droplet's host key is the droplet's: the hash of the pairing code and the key. */
export const PROVE_HOST_KEY = `${LIB}/prove-host-key`;

export interface CloudInitArgs {
  /** Name of the workspaces' volume. */
  volume: string;
  names: Names;
  /** Proves to the first connection that the host key it sees is this droplet's. Opens nothing, and is of no use afterwards. */
  pairingCode: string;
  /** The company's proxy, for Docker's pulls and the droplet's own packages. Default: none. */
  proxy?: CompanyProxy | undefined;
}

/** Engine settings: logs that cannot fill the disk, containers that go on while the Engine is upgraded, networks clear of DigitalOcean's. */
const DAEMON = {
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" },
  "live-restore": true,
  // Whether containers of one network reach each other is left to the network.
  "default-address-pools": [{ base: "172.28.0.0/14", size: 24 }],
};

/**
 * Keys only, nothing forwarded. Docker opens one connection for each request under way, all at once at the start of an update; sshd's
 * own limit of 10 drops some (docker/compose#10117).
 */
const SSHD = `PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowUsers ${SSH_USER}
AllowTcpForwarding no
AllowStreamLocalForwarding no
AllowAgentForwarding no
PermitTunnel no
X11Forwarding no
MaxStartups 100:30:200
MaxSessions 100
`;

/** Upgrades come by themselves; restarts of the machine do not, since people work on it. */
const AUTO_UPGRADES = `APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Automatic-Reboot "false";
`;

/** Without a type: ext4 on a volume of a release up to 0.2. */
const mountUnit = (volume: string) => `[Unit]
Description=Volume of the workspaces
Before=docker.service

[Mount]
What=${volumeDevice(volume)}
Where=${DROPLET_WORKSPACES_DIR}
Options=noatime,nodev,nosuid

[Install]
WantedBy=multi-user.target
`;

/** Without the volume no container starts: it would write to the droplet's own disk, which is lost with the droplet. */
const DOCKER_NEEDS_VOLUME = `[Unit]
RequiresMountsFor=${DROPLET_WORKSPACES_DIR}
`;

/** Puts droplet-wide packet rules in force (packet-rules.ts): all of them, or none and then no Docker. `guard` opens what entries allow. */
const GUARD = `[Unit]
Description=Keep containers from the metadata service, from the droplet itself and from private networks
Before=docker.service
After=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f ${LIB}/guard.nft

[Install]
WantedBy=multi-user.target
`;

/** Docker doesn't start without the rules, and ends with them. */
const DOCKER_NEEDS_GUARD = `[Unit]
Requires=opencode-guard.service
After=opencode-guard.service
`;

/**
 * Limits of the kernel for each user id. Projects have their own, but those that an update has not reached yet, and the platform's containers. inotify's are set
 * so high that a project meets its own memory limit first, to which Linux charges each watch (about 1 KiB, Linux 92890123749b) and instance; so
 * is a pipe's memory, whose limit of 64 MiB for an id is turned off (man 7 pipe). Keys are those of a host of many containers that Canonical
 * gives (documentation.ubuntu.com/lxd, server settings); Docker's seccomp profile lets no project add one.
 */
const SYSCTLS = `fs.inotify.max_queued_events = 1048576
fs.inotify.max_user_instances = 16777216
fs.inotify.max_user_watches = 16777216
fs.pipe-user-pages-soft = 0
kernel.keys.maxkeys = 2000
kernel.keys.maxbytes = 2000000
`;

const proveHostKey = (pairingCode: string) => `#!/bin/sh
# Asked by the first connection: see firstContact in the platform's components/ssh.ts.
key=$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)
printf '%s %s' '${pairingCode}' "$key" | sha256sum | cut -d' ' -f1
`;

/** The volume is attached a moment after the droplet is made, so it is waited for: 10 minutes at most. */
const setup = (volume: string) => `#!/bin/sh
set -eu
${FORMAT}
${ENABLE_QUOTAS}
install -d -m 0755 ${DROPLET_RUNTIME_DIR} ${DROPLET_RUNTIME_DIR}/${ROUTES_DIR} ${DROPLET_RUNTIME_DIR}/${INDEX_DIR} ${DROPLET_RUNTIME_DIR}/${KEEPER_DIR}
systemctl reload-or-restart ssh
systemctl daemon-reload
sysctl --quiet --system || :
systemctl enable --now opencode-guard.service
waited=0
until [ -e '${volumeDevice(volume)}' ]; do
  if [ "$waited" -ge 600 ]; then
    echo 'The volume ${volume} was not attached within 10 minutes.' >&2
    exit 1
  fi
  sleep 2
  waited=$((waited + 2))
done
format '${volumeDevice(volume)}'
systemctl enable --now workspaces.mount
quotas
systemctl restart docker.service
`;

/** Docker's pulls through the proxy; systemd reads a percent sign as a specifier's. */
const dockerProxy = (proxy: CompanyProxy): string =>
  `[Service]\n${Object.entries(proxyVariables(proxy))
    .map(([name, value]) => `Environment="${name}=${value.replaceAll("%", "%%")}"\n`)
    .join("")}`;

/** cloud-init writes it where apt looks, before it installs anything. */
const aptProxy = ({ http, https }: CompanyProxy) => ({
  apt: { ...(http && { http_proxy: http }), ...(https && { https_proxy: https }) },
});

/**
 * The user data of a droplet, as cloud-config: everything that the machine itself needs before containers can be put on it. It holds no
 * secret: whoever is on the droplet can read it. Ubuntu 24.04 and Debian 12 call all of it by the same names, so it is one text for both.
 */
export function cloudInit({ volume, names, pairingCode, proxy }: CloudInitArgs): string {
  const file = (path: string, content: string, permissions = "0644") => ({ path, content, permissions });
  const config = {
    disable_root: false,
    ssh_pwauth: false,
    package_update: true,
    ...(proxy ? aptProxy(proxy) : {}),
    packages: ["btrfs-progs", "docker.io", "iptables", "nftables", "unattended-upgrades"],
    write_files: [
      file("/etc/docker/daemon.json", `${JSON.stringify(DAEMON, null, 2)}\n`),
      file("/etc/ssh/sshd_config.d/10-opencode-platform.conf", SSHD),
      file("/etc/apt/apt.conf.d/99-opencode-platform", AUTO_UPGRADES),
      file(`${UNITS}/workspaces.mount`, mountUnit(volume)),
      file(`${UNITS}/docker.service.d/workspaces.conf`, DOCKER_NEEDS_VOLUME),
      file(`${UNITS}/docker.service.d/guard.conf`, DOCKER_NEEDS_GUARD),
      ...(proxy ? [file(`${UNITS}/docker.service.d/proxy.conf`, dockerProxy(proxy))] : []),
      file(`${UNITS}/opencode-guard.service`, GUARD),
      file(`${LIB}/guard.nft`, dropletRules(names)),
      file("/etc/sysctl.d/60-opencode-platform.conf", SYSCTLS),
      file(PROVE_HOST_KEY, proveHostKey(pairingCode), "0700"),
      file(`${LIB}/setup`, setup(volume), "0700"),
    ],
    runcmd: [[`${LIB}/setup`]],
  };
  return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}
