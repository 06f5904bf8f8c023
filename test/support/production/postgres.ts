/** A PostgreSQL on this machine, as a team's backend that a droplet can reach too. */
import { execFileSync, spawn } from "node:child_process";
import { chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../run.ts";
import { removeFolder, temporaryFolder } from "../temporary.ts";
import { waitFor } from "../wait.ts";

/** Programs of Debian's package, in one folder per major release. */
const ROOT = "/usr/lib/postgresql";

export interface Postgres {
  /** Value for PULUMI_BACKEND_URL. Everyone on the droplets' network can log in. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a new, empty cluster that listens on an address of this machine. */
export async function startPostgres(address: string, port: number): Promise<Postgres> {
  const release = readdirSync(ROOT)
    .sort((a, b) => Number(a) - Number(b))
    .at(-1);
  const program = (name: string) => join(ROOT, release ?? "", "bin", name);
  const folder = temporaryFolder();
  const data = join(folder, "data");
  mkdirSync(data);
  // It refuses to run as root.
  const [uid, gid] = [idOf("-u"), idOf("-g")];
  for (const path of [folder, data]) chownSync(path, uid, gid);
  const user = { uid, gid, cwd: folder };
  execFileSync(program("initdb"), ["-D", data, "-U", "pulumi", "--auth", "trust", "--no-sync"], {
    ...user,
    stdio: "ignore",
  });
  execFileSync("sh", ["-c", `echo 'host all all 0.0.0.0/0 trust' >> ${data}/pg_hba.conf`], user);
  const settings = [
    `listen_addresses=${address}`,
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    "fsync=off",
  ];
  const server = spawn(program("postgres"), ["-D", data, ...settings.flatMap((one) => ["-c", one])], {
    ...user,
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  await waitFor("PostgreSQL", async () => {
    const { code, output } = await run(program("pg_isready"), ["-h", address, "-p", String(port)], {});
    return code === 0 ? { done: true } : { seen: output };
  });
  return {
    url: `postgres://pulumi@${address}:${port}/postgres?sslmode=disable`,
    stop: async () => {
      server.kill("SIGQUIT");
      await ended;
      removeFolder(folder);
    },
  };
}

const idOf = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
