import type { Maintenance } from "../../config/stack/maintenance.ts";
import { LIB, UNITS } from "./droplet-paths.ts";
import { putFile } from "./put-file.ts";

const UNIT = "opencode-reboot";
const SCRIPT = `${LIB}/${UNIT}`;

/** Whatever is connected by SSH may be an update, so it is waited for until the window ends; the next night is another. */
const rebootScript = (minutes: number) => `#!/bin/sh
until=$(($(date +%s) + ${minutes * 60}))
while [ -e /var/run/reboot-required ] && [ "$(date +%s)" -lt "$until" ]; do
  [ -n "$(ss -Htn state established '( sport = :22 )')" ] || exec systemctl reboot
  sleep 60
done
`;

const SERVICE = `[Unit]
Description=Reboot if an upgrade wants it

[Service]
Type=oneshot
ExecStart=${SCRIPT}
`;

/** A night that the droplet was off is not made up for by day. */
const timer = ({ from, timezone }: Maintenance) => `[Unit]
Description=The window in which the droplet may reboot

[Timer]
OnCalendar=*-*-* ${from}:00 ${timezone}
AccuracySec=1s
Persistent=false

[Install]
WantedBy=timers.target
`;

/**
 * A script for a droplet: lets it reboot itself in a window, if an upgrade wants that. No part of the user data, which a running droplet does not
 * take. The time zone's data may not be there yet on Debian.
 */
export function maintenanceScript(maintenance: Maintenance): string {
  return [
    "set -e",
    `[ -e /usr/share/zoneinfo/${maintenance.timezone} ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -q tzdata > /dev/null`,
    `mkdir -p ${SCRIPT.slice(0, SCRIPT.lastIndexOf("/"))}`,
    putFile(SCRIPT, rebootScript(maintenance.minutes), "0755"),
    putFile(`${UNITS}/${UNIT}.service`, SERVICE, "0644"),
    putFile(`${UNITS}/${UNIT}.timer`, timer(maintenance), "0644"),
    "systemctl daemon-reload",
    `systemctl enable ${UNIT}.timer`,
    `systemctl restart ${UNIT}.timer`,
  ].join("\n");
}

/** What takes that back. */
export const noMaintenanceScript = (): string =>
  [
    `systemctl disable --now ${UNIT}.timer || :`,
    `rm -f ${SCRIPT} ${UNITS}/${UNIT}.service ${UNITS}/${UNIT}.timer`,
    "systemctl daemon-reload",
  ].join("\n");
