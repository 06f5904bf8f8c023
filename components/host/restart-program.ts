/** The program behind the droplet's unit `opencode-platform`. */
import { type Names, PROJECT_LABEL, SERVICE_LABEL } from "../../config/naming/names.ts";
import { RESTARTED_AT_ONCE, restartedFirst, restartedLast } from "../../config/naming/restart-order.ts";

/** Seconds that are waited for one to answer, after which the next is begun. */
const WAIT_SECONDS = 60;
/** Seconds between two looks. */
const LOOK_SECONDS = 30;

/**
 * Started by hand it restarts the containers that run, in the order in which they need each other; by the boot, or by an update, nothing. Then it keeps the line up to date that
 * `systemctl status` shows. A paused project is left asleep, and one that is stopped stays so.
 */
export const restartProgram = (names: Names): string => `#!/bin/sh
set -u
mark=/run/opencode-platform.started
project=${PROJECT_LABEL}
service=${SERVICE_LABEL}

# restart <container>: and waits until it answers, where it has a health check. A project waits at its gate first, which the keeper opens.
restart() {
  [ "$(docker inspect --format '{{.State.Status}}' "$1" 2> /dev/null)" = running ] || return 0
  echo "restarting $1"
  docker restart --time 10 "$1" > /dev/null || return 0
  second=0
  while [ "$second" -lt ${WAIT_SECONDS} ]; do
    health=$(docker inspect --format '{{with .State.Health}}{{.Status}}{{range .Log}}|{{.Output}}{{end}}{{end}}' "$1" 2> /dev/null)
    case "$health" in starting*) ;; *) case "\${health##*|}" in "waits for its turn"*) ;; *) return 0 ;; esac ;; esac
    sleep 1
    second=$((second + 1))
  done
}

# running <what to print> [<filter>]...: of each container of the platform.
running() {
  format=$1
  shift
  docker ps --filter label=${names.platformLabel}=${names.prefix} "$@" --format "$format" | sort
}

restart_all() {
  for name in ${restartedFirst(names).join(" ")}; do restart "$name"; done
  for name in $(running '{{.Names}}' --filter "label=$service"); do restart "$name"; done
  running "{{.Names}} {{.Label \\"$service\\"}}" --filter "label=$project" | awk 'NF == 1' | xargs -r -n 1 -P ${RESTARTED_AT_ONCE} "$0" restart
  for name in ${restartedLast(names).join(" ")}; do restart "$name"; done
}

status() {
  docker ps --all --filter label=${names.platformLabel}=${names.prefix} --filter "label=$project" --format "{{.Status}}|{{.Names}}|{{.Label \\"$service\\"}}" | awk -F '|' '
    $3 != "" { next }
    /\\(Paused\\)/ { asleep++; next }
    /^Up / { up++; if (/\\(unhealthy\\)/) bad = bad " " $2; next }
    { stopped++ }
    END { printf "projects: %d awake, %d asleep, %d stopped%s", up, asleep, stopped, bad == "" ? "" : "; unhealthy:" bad }'
}

if [ "\${1:-}" = restart ]; then
  restart "$2"
  exit
fi
if [ -e "$mark" ]; then restart_all; fi
: > "$mark"
systemd-notify --ready "--status=$(status)"
while sleep ${LOOK_SECONDS}; do systemd-notify "--status=$(status)"; done
`;
