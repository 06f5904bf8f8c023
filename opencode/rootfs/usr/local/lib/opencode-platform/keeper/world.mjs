// What the keeper sees and does: Docker's containers, the gateway's files, the projects' own word, control groups. A test has another one.
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { groupOf, hasSwap, limitSwap, reclaim } from "./cgroups.mjs";
import { lookAtGate } from "./gate.mjs";
import { leaseFiles } from "./lease-files.mjs";
import { PLATFORM_LABEL, PROJECT_LABEL, RELAY_PORT, SERVICE_LABEL } from "./names.mjs";
import { parseSockets, waiting } from "./sockets.mjs";

const ENDING = ".asleep.yml";

/**
 * @typedef {{id: string, name: string, state: string, health: string, address: string}} Container
 * @typedef {{project: string, container: string, port: number, probe: {host: string, path: string},
 *   sleep: {afterMs: number, pending: boolean} | null, asleep: string | object, awake: string | object}} Config
 * @typedef {{docker: import("./docker.mjs").Docker, prefix: string, gatewayPort: number, routesDir: string, configDir: string, cgroups: string,
 *   leasesDir?: string, proc?: string}} Options `leasesDir`: default, none
 */

/** One request whose body is of no interest beyond `limit`; undefined where nothing answers in time. */
export function asked({ host, port, path, headers = {}, method = "GET", timeoutMs = 3000, limit = 65_536 }) {
  return new Promise((resolve) => {
    const sent = request({ host, port, path, method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        if (body.length < limit) body += part;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
      response.on("error", () => resolve(undefined));
    });
    const timer = setTimeout(() => sent.destroy(), timeoutMs);
    sent.on("error", () => resolve(undefined));
    sent.on("close", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    sent.end();
  });
}

/** How long an answer is waited for, and after how long it is asked again meanwhile. Milliseconds. */
const [ANSWER_MS, AGAIN_MS] = [2000, 300];

/**
 * Whether one of several questions is answered, each asked a moment later than the one before: opencode 1.18 never answers what comes between its beginning to
 * listen and its being ready.
 * @param {(timeoutMs: number) => Promise<unknown>} ask
 */
async function anyAnswer(ask) {
  const first = ask(ANSWER_MS);
  const soon = await Promise.race([first.then((answer) => ({ answer })), wait(AGAIN_MS)]);
  // An answer, or nobody listens.
  if (soon) return soon.answer !== undefined;
  let isOver = false;
  const answered = async (asked) => {
    if ((await asked) === undefined) throw new Error("no answer");
    isOver = true;
    return true;
  };
  const again = async (after) => {
    await wait(after);
    return !isOver && answered(ask(ANSWER_MS - AGAIN_MS - after));
  };
  return Promise.any([answered(first), again(0), again(2 * AGAIN_MS)]).catch(() => false);
}

/** `Up 2 minutes (healthy)`; nothing where there is no check. */
const healthOf = (status) => /\((?:health: )?(healthy|unhealthy|starting)\)/.exec(status ?? "")?.[1] ?? "";

const missing = (error) => {
  if (error.code === "ENOENT") return undefined;
  throw error;
};

/** What files say, read again once they have changed: they are replaced, never written to. @param {(text: string) => unknown} parse */
function makeCache(parse) {
  /** @type {Map<string, {key: string, at: number, value: unknown}>} */
  const known = new Map();
  return async (file) => {
    try {
      const { mtimeMs: at, size, ino } = await stat(file);
      const key = `${at} ${size} ${ino}`;
      const before = known.get(file);
      if (before?.key === key) return before;
      const now = { key, at, value: parse(await readFile(file, "utf8")) };
      known.set(file, now);
      return now;
    } catch (error) {
      known.delete(file);
      throw error;
    }
  };
}

/** @param {Options} options */
export function makeWorld({
  docker,
  prefix,
  gatewayPort,
  routesDir,
  configDir,
  cgroups,
  leasesDir = "",
  proc = "/proc",
}) {
  const markOf = (project) => join(routesDir, `${project}${ENDING}`);
  const readConfig = makeCache((text) => {
    const { asleep, awake, ...config } = JSON.parse(text);
    return { ...config, asleep: JSON.stringify(asleep), awake: JSON.stringify(awake) };
  });
  const readMark = makeCache((text) => text);
  /** Of containers that run or are paused; forgotten when one starts or ends. @type {Map<string, number>} */
  const pids = new Map();
  const pidOf = async (id) => {
    const known = pids.get(id);
    if (known && existsSync(`${proc}/${known}`)) return known;
    const pid = (await docker.inspect(id)).State.Pid;
    if (pid > 0) pids.set(id, pid);
    else pids.delete(id);
    return pid;
  };
  const socketsOf = async (id) => {
    const pid = await pidOf(id);
    const read = (file) => readFile(`${proc}/${pid}/net/${file}`, "utf8").catch(() => "");
    return [...parseSockets(await read("tcp")), ...parseSockets(await read("tcp6"))];
  };
  /** Undefined of a container that has just ended. */
  const groupOfContainer = async (id) => {
    const pid = await pidOf(id);
    return pid > 0 ? groupOf(readFileSync(`${proc}/${pid}/cgroup`, "utf8"), cgroups) : undefined;
  };

  return {
    /** @returns {Promise<Map<string, Config>>} what updates have written of each project; a file that is no such thing is skipped */
    async configs() {
      const files = await readdir(configDir);
      const read = async (file) => {
        try {
          return (await readConfig(join(configDir, file)))?.value;
        } catch {
          return undefined; // it has just gone
        }
      };
      const found = await Promise.all(files.filter((file) => file.endsWith(".json")).map(read));
      return new Map(found.flatMap((config) => (config?.project ? [[config.project, config]] : [])));
    },

    /** @returns {Promise<Map<string, Container>>} the container of each project */
    async containers() {
      const listed = await docker.list([`${PLATFORM_LABEL}=${prefix}`, PROJECT_LABEL]);
      return new Map(
        listed
          .filter(({ Labels }) => Labels[SERVICE_LABEL] === undefined)
          .map(({ Id, Names, State, Status, Labels, NetworkSettings }) => {
            const addresses = Object.values(NetworkSettings?.Networks ?? {}).map(
              ({ IPAddress }) => IPAddress,
            );
            const name = Names[0].slice(1);
            return [
              Labels[PROJECT_LABEL],
              {
                id: Id,
                name,
                state: State,
                health: healthOf(Status),
                address: addresses.find(Boolean) ?? "",
              },
            ];
          }),
      );
    },

    /** @returns {Promise<{id: string, state: string}[]>} the containers of a project's services */
    async services(project) {
      const listed = await docker.list([
        `${PLATFORM_LABEL}=${prefix}`,
        `${PROJECT_LABEL}=${project}`,
        SERVICE_LABEL,
      ]);
      return listed.map(({ Id, State }) => ({ id: Id, state: State }));
    },

    /** @returns {Promise<Map<string, {since: number, text: string}>>} the files that say which projects are asleep */
    async marks() {
      const files = (await readdir(routesDir)).filter((file) => file.endsWith(ENDING));
      const read = async (file) => {
        const project = file.slice(0, -ENDING.length);
        const found = await readMark(markOf(project)).catch(missing);
        return found ? [[project, { since: found.at, text: found.value }]] : [];
      };
      return new Map((await Promise.all(files.map(read))).flat());
    },
    /** Only root reads it, as the route files; renamed, so that nobody reads half of it. */
    async mark(project, text) {
      const file = markOf(project);
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
    unmark: (project) => rm(markOf(project), { force: true }),

    /** Where the gateway leads a project's requests. @returns {Promise<"asleep" | "direct" | "nowhere">} */
    async route({ probe }) {
      const answer = await asked({
        host: "127.0.0.1",
        port: gatewayPort,
        path: probe.path,
        headers: { host: probe.host },
      });
      if (!answer) return "nowhere";
      return answer.headers["x-opencode-state"] === "asleep" ? "asleep" : "direct";
    },

    /** What a project says of itself; undefined where it does not. */
    async observe({ address }) {
      const answer = await asked({
        host: address,
        port: RELAY_PORT,
        path: "/activity",
        headers: { host: "localhost" },
      });
      try {
        const said = JSON.parse(answer?.status === 200 ? answer.body : "");
        return typeof said?.now === "number" && typeof said.lastActivity === "number" ? said : undefined;
      } catch {
        return undefined;
      }
    },

    /** Whether its server answers: anything, since that it does not know who asks is an answer. */
    answers: ({ address }, { port }) =>
      anyAnswer((timeoutMs) => asked({ host: address, port, path: "/", method: "HEAD", timeoutMs })),

    /** What waits at its ports. @param {readonly number[]} [except] as for `waiting` */
    queues: async ({ id }, except) => waiting(await socketsOf(id), except),
    /** Microseconds of processor time that it has used. */
    async work({ id }) {
      const group = await groupOfContainer(id);
      if (!group) return 0;
      if (group.version === 2)
        return Number(
          /^usage_usec (\d+)$/m.exec(await readFile(join(group.path, "cpu.stat"), "utf8"))?.[1] ?? 0,
        );
      const path = group.path.replace(join(cgroups, "memory"), join(cgroups, "cpuacct"));
      return Number(await readFile(join(path, "cpuacct.usage"), "utf8").catch(() => 0)) / 1000;
    },

    /** Whether a container that runs waits at its gate. @returns {Promise<"waiting" | "open" | "unknown">} */
    gate: async ({ id }) => lookAtGate((await docker.inspect(id)).State.Pid, proc),

    /** A container has started or ended; all of them, where it is not known which have. @param {string} [id] */
    forget: (id) => (id === undefined ? pids.clear() : void pids.delete(id)),

    ...leaseFiles(leasesDir),

    start: ({ id }) => docker.start(id),
    stop: ({ id }) => docker.stop(id),
    pause: ({ id }) => docker.pause(id),
    unpause: ({ id }) => docker.unpause(id),
    restart: ({ id }) => docker.restart(id),

    /** Lets a sleeping project's memory go to swap, where there is one, and moves it there for as long as that is wanted. @returns bytes; undefined without swap */
    async toSwap({ id }, isWanted) {
      const group = hasSwap() ? await groupOfContainer(id) : undefined;
      if (!group) return undefined;
      await limitSwap(group, "all");
      return reclaim(group, isWanted);
    },
    /** Puts the limit back that Docker has given it. */
    async fromSwap({ id }) {
      const group = await groupOfContainer(id);
      const { HostConfig } = await docker.inspect(id);
      if (group) await limitSwap(group, { memory: HostConfig.Memory, memorySwap: HostConfig.MemorySwap });
    },

    wait: (ms) => wait(ms),
    /** Milliseconds since some moment; it goes on while `wait` does. */
    now: () => performance.now(),
  };
}
