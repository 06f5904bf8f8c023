/** `services` of an entry: a database that its project reaches by name and nobody else does, and whose data outlives its container. */
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, execIn, health, shellIn } from "../../support/docker.ts";
import { type Entry, Platform, type Updated } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { buildPostgres, POSTGRES_IMAGE } from "../../support/service-image.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { names } = platform;
const NAME = "svc";
const PASSWORD = "canary-of-the-database-51aa";
const container = platform.container(NAME);
const db = names.service(NAME, "db");
const data = join(platform.workspacesDir, ".services", NAME);

const entry = (more: Record<string, unknown> = {}, own: Partial<Entry> = {}): Entry => ({
  name: NAME,
  services: {
    db: {
      image: POSTGRES_IMAGE,
      env: { POSTGRES_PASSWORD_FILE: "/run/secrets/DB_PASSWORD" },
      secrets: ["DB_PASSWORD"],
      volume: "/var/lib/postgresql/data",
      ...more,
    },
  },
  ...own,
});
const apply = (...entries: Entry[]) => platform.apply([...platform.baseline(), ...entries]);
const changed = ({ changes }: Updated) =>
  changes.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`).filter((each) => each.includes(NAME));

const psql = (query: string) =>
  shellIn(container, `PGPASSWORD=${PASSWORD} psql -h db -U postgres -tAc ${JSON.stringify(query)}`);
const rows = () =>
  waitFor("the database to answer", async () => {
    const { code, output } = await psql("select what from kept");
    return code === 0 ? { done: output.trim() } : { seen: output };
  });
const addressOf = async (name: string) => {
  const { NetworkSettings } = await docker.getContainer(name).inspect();
  return NetworkSettings.Networks[names.servicesNetwork(NAME)]?.IPAddress ?? "";
};
/** How curl ends that connects and sends a line: 7 or 28 without a connection. */
const connects = async (from: string, to: string) =>
  (await execIn(from, ["curl", "-s", "-m", "4", "-o", "/dev/null", `telnet://${to}`])).code;

beforeAll(async () => {
  await buildPostgres();
  await platform.configure(`secrets:${NAME}/DB_PASSWORD`, PASSWORD, { secret: true });
  await apply(entry());
  await answering(platform, NAME);
});

afterAll(async () => {
  await platform.reset();
  await platform.script("purge", NAME, "--yes");
  await platform.pulumi("config", "rm", `secrets:${NAME}/DB_PASSWORD`);
});

describe("a project's database", () => {
  it("works when its project starts, and is reached by its name", async () => {
    expect((await health(db)).status).toBe("healthy");
    expect((await psql("create table kept as select 'first' as what")).output).toContain("SELECT 1");
    expect(await rows()).toBe("first");
  });

  it("has its password in a file alone", async () => {
    const { Config, HostConfig } = await docker.getContainer(db).inspect();
    expect(JSON.stringify([Config, HostConfig])).not.toContain(PASSWORD);
    expect((await execIn(db, ["cat", "/run/secrets/DB_PASSWORD"])).stdout).toBe(PASSWORD);
  });

  it("is limited, and not taken for its project", async () => {
    const { HostConfig } = await docker.getContainer(db).inspect();
    expect([HostConfig.Memory, HostConfig.PidsLimit, HostConfig.CpuQuota]).toEqual([
      512 * 2 ** 20,
      256,
      50_000,
    ]);
    const { output } = await platform.script("doctor");
    expect(output).toContain(`${NAME}: service db is running, healthy`);
    expect(output).not.toContain("not in projects.yaml");
  });

  it("is reached by no neighbour, neither by name nor by address", async () => {
    const neighbour = platform.container("beta");
    const address = await addressOf(db);
    expect(address).not.toBe("");
    for (const name of ["db", db])
      expect((await execIn(neighbour, ["getent", "hosts", name])).stdout).toBe("");
    expect([7, 28]).toContain(await connects(neighbour, `${address}:5432`));
    expect([7, 28]).toContain(await connects(neighbour, `${await addressOf(container)}:4096`));
  });

  it("reaches nothing but its project: not the host, no neighbour, no name of the internet", async () => {
    const server: Server = createServer((_, response) => response.end("reached"));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "0.0.0.0", () => resolve((server.address() as { port: number }).port));
    });
    const status = async (to: string) =>
      (await execIn(db, ["curl", "-s", "-m", "4", "-o", "/dev/null", "-w", "%{http_code}", `http://${to}/`]))
        .stdout;
    const { IPAM } = await docker.getNetwork(names.servicesNetwork(NAME)).inspect();
    const gateway = IPAM?.Config?.[0]?.Gateway ?? "";
    const beta = Object.values(
      (await docker.getContainer(platform.container("beta")).inspect()).NetworkSettings.Networks,
    );
    expect(await status(`${gateway}:${port}`)).toBe("000");
    expect(await status(`${platform.fixture.host}:${port}`)).toBe("000");
    expect(await status(`${beta[0]?.IPAddress}:4096`)).toBe("000");
    expect((await execIn(db, ["getent", "hosts", "deb.debian.org"])).stdout).toBe("");
    expect(await status(`${await addressOf(container)}:4096`)).not.toBe("000");
    server.close();
  });

  it("keeps its data over a restart, and over a container of its own that leaves the project's alone", async () => {
    await docker.getContainer(db).restart();
    expect(await rows()).toBe("first");
    const before = await platform.ids();
    const updated = await apply(
      entry({ env: { POSTGRES_PASSWORD_FILE: "/run/secrets/DB_PASSWORD", LANG: "C" } }),
    );
    expect(await rows()).toBe("first");
    const after = await platform.ids();
    expect([after[container], after[db] === before[db]]).toEqual([before[container], false]);
    expect(changed(updated).filter((each) => !each.endsWith(`${NAME}.db`))).toEqual([
      `update ${NAME}.db-applied`,
    ]);
  });

  it("that does not come up fails no update, and is said by it, doctor and npm start", async () => {
    const { output } = await apply(entry({ command: ["--no-such-option"] }));
    expect(output).toContain(`${NAME}: service db is restarting`);
    expect((await platform.script("doctor")).output).toMatch(/✗ svc: service db is restarting \(\d+ times\)/);
    const started = await platform.npm("start");
    expect(started.output).toContain(`${NAME}: service db is restarting`);
  });

  it("is stopped with its project", async () => {
    await apply(entry({}, { state: "stopped" }));
    const isRunning = async (name: string) => (await docker.getContainer(name).inspect()).State.Running;
    expect([await isRunning(container), await isRunning(db)]).toEqual([false, false]);
  });

  it("leaves its data when the entry is removed, finds it again, and loses it to an explicit delete alone", async () => {
    await apply();
    expect(existsSync(data)).toBe(true);
    await apply(entry());
    expect(await rows()).toBe("first");
    await apply();
    const purged = await platform.script("purge", NAME, "--yes");
    expect([purged.code, existsSync(data)]).toEqual([0, false]);
    const networks = (await docker.listNetworks()).map(({ Name }) => Name);
    expect(networks).not.toContain(names.servicesNetwork(NAME));
  });
});
