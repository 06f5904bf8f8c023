/** Asks for backups on a droplet: a timer of systemd's. */
import { ASK_STORAGE, type Names } from "../../config/naming/names.ts";
import { UNITS } from "../host/droplet-paths.ts";
import { putFile } from "../host/put-file.ts";

const UNIT = "opencode-backup";

const service = (container: string) => `[Unit]
Description=Back up the projects whose backup is due
After=docker.service
Requisite=docker.service

[Service]
Type=oneshot
Nice=19
IOSchedulingClass=idle
TimeoutStartSec=infinity
ExecStart=/usr/bin/docker exec ${container} ${ASK_STORAGE} backup '{"reason":"schedule"}'
`;

/** Each hour, at a minute that is the droplet's own and stays, since a backup each hour would else be late for one that comes later; so that what has failed is tried again, and what a droplet that was off has missed is made up for: the program knows what is due. */
const TIMER = `[Unit]
Description=Each hour, look at which backups are due

[Timer]
OnCalendar=hourly
RandomizedDelaySec=30min
FixedRandomDelay=true
Persistent=true

[Install]
WantedBy=timers.target
`;

/** A script for a droplet, as that of maintenance.ts. */
export const backupTimerScript = (names: Names): string =>
  [
    "set -e",
    putFile(`${UNITS}/${UNIT}.service`, service(names.storage), "0644"),
    putFile(`${UNITS}/${UNIT}.timer`, TIMER, "0644"),
    "systemctl daemon-reload",
    `systemctl enable --quiet ${UNIT}.timer`,
    `systemctl restart ${UNIT}.timer`,
  ].join("\n");

/** What takes that back. */
export const noBackupTimerScript = (): string =>
  [
    `systemctl disable --now ${UNIT}.timer || :`,
    `rm -f ${UNITS}/${UNIT}.service ${UNITS}/${UNIT}.timer`,
    "systemctl daemon-reload",
  ].join("\n");
