// What a fork does not get unless it is asked for: log-ins of people, which are the project's that they were made in.
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Refused } from "./errors.mjs";
import { locate } from "./within.mjs";

/** Where a project's container has its home and its workspace. */
const HOME = "/home/opencode";
const WORKSPACE = "/workspace";

/** Files and folders of the home that hold nothing else worth keeping, by who writes them. */
export const LOGINS = [
  // opencode: providers, and MCP servers; of both majors.
  ".local/share/opencode/auth.json",
  ".local/share/opencode/mcp-auth.json",
  // Forges, and git's own.
  ".config/gh/hosts.yml",
  ".config/glab-cli/config.yml",
  ".netrc",
  ".git-credentials",
  ".config/git/credentials",
  ".cache/git/credential",
  // Registries.
  ".npmrc",
  ".yarnrc.yml",
  ".pypirc",
  ".docker/config.json",
  ".config/containers/auth.json",
  ".cargo/credentials.toml",
  ".cargo/credentials",
  ".gem/credentials",
  ".composer/auth.json",
  ".config/composer/auth.json",
  ".m2/settings.xml",
  ".gradle/gradle.properties",
  ".nuget/NuGet/NuGet.Config",
  // Clouds.
  ".aws/credentials",
  ".aws/sso/cache",
  ".aws/cli/cache",
  ".azure",
  ".config/gcloud",
  ".config/doctl/config.yaml",
  ".config/hcloud/cli.toml",
  ".config/.wrangler",
  ".fly/config.yml",
  ".config/configstore",
  ".config/rclone/rclone.conf",
  ".s3cfg",
  ".kube/config",
  ".pulumi/credentials.json",
  ".terraform.d/credentials.tfrc.json",
  ".vault-token",
  // Databases, other agents, keys.
  ".pgpass",
  ".my.cnf",
  ".config/github-copilot",
  ".claude/.credentials.json",
  ".codex/auth.json",
  ".gemini/oauth_creds.json",
  ".gnupg",
];

/** What stays of `.ssh`: it is no key. */
const NO_KEYS = new Set(["config", "known_hosts", "known_hosts.old", "authorized_keys"]);
/** opencode's database, and the tables of it that hold log-ins, as far as a release has them. */
const DATABASE = ".local/share/opencode/opencode.db";
const TABLES = ["credential", "account_state", "account", "control_account", "session_share"];

/**
 * Takes log-ins out of a copy.
 * @param {{machine: Pick<import("./machine.mjs").Machine, "remove">, folder: string}} given the folder with the copied parts
 */
export async function forgetLogins({ machine, folder }) {
  const trees = { [HOME]: join(folder, "home"), [WORKSPACE]: join(folder, "workspace") };
  const find = (path) => locate(trees, `${HOME}/${path}`);
  for (const path of LOGINS) {
    const found = await find(path);
    if (found) await machine.remove(found);
  }
  const ssh = await find(".ssh");
  if (ssh && (await lstat(ssh)).isDirectory())
    for (const name of await readdir(ssh)) if (!NO_KEYS.has(name)) await machine.remove(join(ssh, name));
  const database = await find(DATABASE);
  if (database) await forgetIn(database);
}

/** Only a plain file is opened: SQLite would follow a link from beside it. What it had not merged yet is merged, and the rest of it is deleted. */
async function forgetIn(path) {
  for (const ending of ["", "-wal", "-shm", "-journal"]) {
    const found = await lstat(`${path}${ending}`).catch(() => undefined);
    if (found && !found.isFile()) throw cannot(`${DATABASE}${ending} is no plain file`);
  }
  try {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(path);
    try {
      database.exec("PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON");
      const has = database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
      for (const table of TABLES) if (has.get(table)) database.exec(`DELETE FROM "${table}"`);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      database.close();
    }
  } catch (error) {
    throw cannot(error.message);
  }
}

const cannot = (why) =>
  new Refused(
    `log-ins can't be taken out of opencode's database in the copy: ${why}`,
    "fork it with its log-ins",
  );
