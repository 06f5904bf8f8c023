/** An image that behaves as PostgreSQL's official one, of Debian's packages, for a machine that reaches no registry. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BASE_IMAGE } from "../../config/versions.ts";
import { must } from "./run.ts";
import { removeFolder, temporaryFolder } from "./temporary.ts";

export const POSTGRES_IMAGE = "opencode-platform-test/postgres:15";

/** As root it gives the directory to postgres and becomes it; then it fills an empty directory, and starts the server. */
const ENTRYPOINT = `#!/bin/bash
set -e
bin="$(echo /usr/lib/postgresql/*/bin)"
data=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$data"
  find "$data" \\! -user postgres -exec chown postgres '{}' +
  chmod 00700 "$data"
  exec setpriv --reuid postgres --regid postgres --clear-groups "$BASH_SOURCE" "$@"
fi
if [ ! -s "$data/PG_VERSION" ]; then
  "$bin/initdb" -D "$data" -U postgres --pwfile="$POSTGRES_PASSWORD_FILE" -A scram-sha-256 >/dev/null
  echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
fi
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
`;

const DOCKERFILE = `FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends curl postgresql && rm -rf /var/lib/apt/lists/*
COPY entrypoint /usr/local/bin/entrypoint
ENTRYPOINT ["entrypoint"]
`;

/** Builds it, or takes it from the cache. */
export async function buildPostgres(): Promise<void> {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "entrypoint"), ENTRYPOINT, { mode: 0o755 });
  writeFileSync(join(folder, "Dockerfile"), DOCKERFILE);
  await must("docker", ["build", "--quiet", "--tag", POSTGRES_IMAGE, folder]);
  removeFolder(folder);
}
