/** The program on a droplet that looks, each minute, at how full each project's disk is. */
import {
  DROPLET_WORKSPACES_DIR,
  PROJECT_LABEL,
  SERVICE_LABEL,
  SPACE_FILE,
} from "../../config/naming/names.ts";
import { SUBVOLUME } from "./space.ts";

/** Percent from which a project is told, and from which it is told once more. */
export const NEARLY_FULL = 80;
export const ALMOST_FULL = 95;
/** In a project's container: what its health line says of its disk. */
export const DISK_LINE = "/run/opencode/disk";

/**
 * btrfs shows no limit in a container (`df` there is of the whole volume), and only root sees a group. So root looks, and writes two things: one file
 * beside the homes for whoever shows the platform (doctor, the panel, which has that directory), and a line into the container of a project that is nearly full, which its
 * health check passes on. Neither an update nor the keeper is needed for it, and nothing is where an agent could put a link.
 */
export const SPACE_PROGRAM = `#!/bin/sh
set -u
root=${DROPLET_WORKSPACES_DIR}
state=/run/opencode-platform-space
${SUBVOLUME}
groups=$(btrfs qgroup show -r --raw "$root" 2> /dev/null) || exit 0
mkdir -p "$state"

# A kernel without simple quotas does not count a subvolume that an agent makes in its own.
uuid=$(findmnt -no UUID "$root")
if [ "$(cat "/sys/fs/btrfs/$uuid/qgroups/mode" 2> /dev/null)" != squota ]; then
  btrfs subvolume list "$root" | while read -r _ id _ _ _ _ top _ path; do
    [ "$top" != 5 ] || continue
    project=\${path#.data/}
    project=\${project#.services/}
    project=\${project%%/*}
    sub "$root/$project" && [ "$(number "$root/$path")" = "$id" ] || continue
    btrfs qgroup assign "0/$id" "1/$(number "$root/$project")" "$root" > /dev/null 2>&1
  done
fi

# Tells a project's container once for each new text; an empty one takes the last away.
tell() {
  container=$(docker ps --no-trunc --filter "label=${PROJECT_LABEL}=$1" --format '{{.ID}} {{.Label "${SERVICE_LABEL}"}}' | awk 'NF == 1 { print $1; exit }')
  [ -n "$container" ] || return
  said="$state/$container"
  [ "$2" != "$(cat "$said" 2> /dev/null)" ] || return
  printf '%s' "$2" > "$state/disk"
  docker cp "$state/disk" "$container:${DISK_LINE}" > /dev/null 2>&1 && mv "$state/disk" "$said"
}

entries=
for path in "$root"/*; do
  project=\${path##*/}
  case $project in *.* | '*') continue ;; esac
  sub "$path" || continue
  set -- $(printf '%s\\n' "$groups" | awk -v group="1/$(number "$path")" '$1 == group { print $2, $4 }')
  [ "$#" = 2 ] && [ "$2" != none ] || continue
  entries="$entries\${entries:+,}
  \\"$project\\": { \\"used\\": $1, \\"limit\\": $2 }"
  text=$(awk -v used="$1" -v limit="$2" 'BEGIN {
    percent = used * 100 / limit
    how = "nearly full"
    if (percent >= ${ALMOST_FULL}) how = "almost full"
    if (percent >= ${NEARLY_FULL}) printf "disk %s: %d%% of %.1f GiB", how, percent, limit / 1073741824
  }')
  tell "$project" "$text"
done
printf '{ "projects": {%s\\n} }\\n' "$entries" > "$root/.data/${SPACE_FILE}.new" && mv "$root/.data/${SPACE_FILE}.new" "$root/.data/${SPACE_FILE}"
`;
