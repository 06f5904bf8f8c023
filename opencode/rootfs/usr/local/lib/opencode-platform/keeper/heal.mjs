// A project whose health check has failed for some minutes is looked at for its people's sake, and started again: a server that hangs does not end by
// itself, and Docker restarts only what has ended.
import { lastLines, plain, runIn } from "./commands.mjs";
import { PROJECT_LABEL, SERVICE_LABEL } from "./names.mjs";

const MINUTE = 60_000;
/** How long it may be unhealthy, and how much longer after each restart of the last hour. */
export const SICK_MS = 3 * MINUTE;
export const MORE_MS = MINUTE;
/** Restarts within an hour; then it is left as it is. */
export const MOST = 5;
const HOUR = 60 * MINUTE;
/** No two checks are this far apart, but in a container that was paused between them. They begin 5 s after each other, and take 30 s at most. */
const GAP_MS = 2 * MINUTE;
/** Between two looks. Milliseconds. */
export const INTERVAL_MS = 5000;
/** Lines of the log in a diagnosis, and their length. */
const LINES = 15;
const LONGEST_LINE = 300;
/** Processes in a diagnosis, those with the most memory. */
const PROCESSES = 8;
/** For each part of a diagnosis. */
const DIAGNOSIS_MS = 5000;

/**
 * @typedef {{state: string, health: string, line: string, failingMs: number, started: string}} Seen the keeper's state of the project; Docker's health
 *   of its container, the check's last line, how long the checks have failed, and when the container was started
 * @typedef {{restarts: readonly number[], gaveUp: boolean, started: string}} Record what was done for it: moments, and the start that was by the keeper
 */
/** @type {Record} */
export const NOTHING = { restarts: [], gaveUp: false, started: "" };

/** The parts of a health line that are the platform's own, as in operate/docker/container-state.ts: what follows `workspace: ` has git's words. */
function partsOf(line) {
  const at = /(^|; )workspace: /.exec(line)?.index ?? line.length;
  return { parts: line.slice(0, at).split("; "), workspace: line.slice(at).replace(/^(; )?workspace: /, "") };
}

/** Why a project that fails its check is not sick; undefined if it is. */
export function excuse({ state, line }) {
  if (state !== "awake") return `it is ${state}`;
  const { parts, workspace } = partsOf(line);
  const has = (pattern) => parts.some((part) => pattern.test(part));
  if (has(/^waits for its turn/)) return "it waits for its turn";
  if (has(/^asks whether its repository is trusted/)) return "somebody is asked about its repository";
  if (has(/^(migrating|upgrading from )/)) return "its sessions are migrated";
  if (has(/^(not serving: )?upgrade from .* failed/)) return "its change of release has failed";
  if (/^cloning |^cloned \d+ of \d+, \d+ under way/.test(workspace)) return "it is cloning";
  return undefined;
}

/**
 * What is done about a project. Pure.
 * @param {Seen} seen
 * @param {Record} record
 * @param {number} now of a clock that is never set
 * @returns {{act: "nothing" | "restart" | "give up" | "resume", record: Record}}
 */
export function decideHealing(seen, record, now) {
  const nothing = (next = record) => ({ act: "nothing", record: next });
  // Somebody else has started it: they have done something about it.
  if (record.gaveUp && record.started !== seen.started) return { act: "resume", record: { ...NOTHING } };
  if (seen.health === "healthy" && record.gaveUp)
    return { act: "resume", record: { ...record, gaveUp: false } };
  if (seen.health !== "unhealthy" || record.gaveUp || excuse(seen)) return nothing();
  const restarts = record.restarts.filter((at) => now - at < HOUR);
  if (seen.failingMs < SICK_MS + restarts.length * MORE_MS) return nothing({ ...record, restarts });
  if (restarts.length >= MOST)
    return { act: "give up", record: { restarts, gaveUp: true, started: seen.started } };
  return { act: "restart", record: { ...record, restarts: [...restarts, now] } };
}

/**
 * How long the checks of a container have failed, by those of them that Docker keeps; they outlive a pause, before which what failed says nothing of now.
 * @param {number} wall
 */
export function failingMs(health, wall) {
  let began = wall;
  for (const { ExitCode, Start } of (health?.Log ?? []).toReversed()) {
    if (ExitCode === 0 || began - Date.parse(Start) > GAP_MS) break;
    began = Date.parse(Start);
  }
  return Math.max(0, wall - began);
}

const mib = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`;

/** What can be said of a container that does not serve, in lines. A part that can't be had says why. @param {import("./docker.mjs").Docker} docker */
export async function diagnose(docker, id) {
  const part = (name, run) =>
    run().then(
      (text) => `${name}: ${text}`,
      (error) => `${name}: unknown, ${error.message}`,
    );
  const memory = async () => {
    const stats = await docker.get(
      `/containers/${id}/stats`,
      { stream: false, "one-shot": true },
      { timeoutMs: DIAGNOSIS_MS },
    );
    const { usage = 0, limit = 0, stats: more = {} } = stats.memory_stats ?? {};
    const cache = more.inactive_file ?? more.total_inactive_file ?? 0;
    return `${mib(usage - cache)} of ${mib(limit)}, ${stats.pids_stats?.current ?? "?"} processes and threads`;
  };
  const processes = async () => {
    const found = await docker.get(
      `/containers/${id}/top`,
      { ps_args: "-eo pid,stat,rss,nlwp,comm" },
      { timeoutMs: DIAGNOSIS_MS },
    );
    return found.Processes.sort((a, b) => Number(b[2]) - Number(a[2]))
      .slice(0, PROCESSES)
      .map(
        ([, state, rss, threads, name]) =>
          `${plain(name)} (${state}, ${mib(Number(rss) * 1024)}, ${threads} threads)`,
      )
      .join(", ");
  };
  const files = async () => {
    const count = 'n=0; for fd in /proc/[0-9]*/fd/*; do n=$((n + 1)); done 2>/dev/null; echo "$n"';
    const { code, text } = await runIn(docker, id, ["sh", "-c", count], { timeoutMs: DIAGNOSIS_MS });
    if (code !== 0) throw new Error("no command can be run in it");
    return text.trim();
  };
  const log = async () => {
    const lines = await lastLines(docker, id, LINES, { timeoutMs: DIAGNOSIS_MS });
    return ["", ...lines.map((line) => `  ${line.slice(0, LONGEST_LINE)}`)].join("\n");
  };
  const parts = [
    part("memory", memory),
    part("processes", processes),
    part("open files", files),
    part("last lines of its log", log),
  ];
  return (await Promise.all(parts)).join("\n");
}

/**
 * Looks after the health of all projects.
 * @param {{docker: import("./docker.mjs").Docker, labels: readonly string[], keeper: import("./keeper.mjs").Keeper,
 *   clock: import("./clock.mjs").Clock, history: ReturnType<typeof import("./history.mjs").makeHistory>}} parts
 */
export function makeHealer({ docker, labels, keeper, clock, history }) {
  /** @type {Map<string, Record>} */
  const records = new Map();
  /** Projects that are looked at. */
  const busy = new Set();
  /** Since when each has been unhealthy, in steady time: Docker keeps no more than the last five checks. @type {Map<string, number>} */
  const since = new Map();

  /** Diagnoses and restarts a container, whatever it is doing. */
  async function restart(project, id, why) {
    const diagnosis = await diagnose(docker, id);
    await keeper.restart(project, () => {
      history.add(project, "restarted", `${why}\n${diagnosis}`);
      since.delete(id);
      return docker.restart(id);
    });
  }

  async function lookAt(project, id, state) {
    const { State } = await docker.inspect(id);
    const line =
      plain(State.Health?.Log?.at(-1)?.Output ?? "")
        .trim()
        .split("\n")
        .at(-1) ?? "";
    const health = State.Running && !State.Paused ? (State.Health?.Status ?? "") : "";
    const now = clock.steady();
    if (health !== "unhealthy") since.delete(id);
    else if (!since.has(id)) since.set(id, now - failingMs(State.Health, clock.wall()));
    const seen = { state, health, line, failingMs: now - (since.get(id) ?? now), started: State.StartedAt };
    const { act, record } = decideHealing(seen, records.get(project) ?? NOTHING, now);
    records.set(project, record);
    if (act === "give up") {
      const text = `it was restarted ${MOST} times within an hour and is unhealthy again, so it is left as it is: ${line.slice(0, LONGEST_LINE)}`;
      keeper.sick.set(project, text);
      history.add(project, "given up", `${text}\n${await diagnose(docker, id)}`);
    }
    if (act === "resume") {
      keeper.sick.delete(project);
      const why = health === "healthy" ? "it is healthy" : "somebody has started it anew";
      history.add(project, "looked after again", why);
    }
    if (act !== "restart") return;
    const minutes = Math.round(seen.failingMs / MINUTE);
    await restart(project, id, `unhealthy for ${minutes} minutes: ${line.slice(0, LONGEST_LINE)}`);
  }

  return {
    restart,
    /** Only those are inspected that Docker's list says something of, or that were given up. */
    async look() {
      const states = new Map(keeper.list().map(({ project, state }) => [project, state]));
      const listed = await docker.list([...labels, PROJECT_LABEL], { all: false });
      const isUnhealthy = ({ Status }) => /\(unhealthy\)/.test(Status);
      const unhealthy = new Set(listed.filter(isUnhealthy).map(({ Id }) => Id));
      for (const id of since.keys()) if (!unhealthy.has(id)) since.delete(id);
      const wanted = listed.filter(({ Id, Labels }) => {
        const project = Labels[PROJECT_LABEL];
        if (Labels[SERVICE_LABEL] !== undefined || busy.has(project) || keeper.leases.has(project))
          return false;
        return unhealthy.has(Id) || records.get(project)?.gaveUp;
      });
      for (const { Id, Labels } of wanted) {
        const project = Labels[PROJECT_LABEL];
        busy.add(project);
        // Diagnoses take a while: one project's is not waited for by the others.
        void lookAt(project, Id, states.get(project) ?? "unknown")
          .catch((error) => history.add(project, "not healed", error.message))
          .finally(() => busy.delete(project));
      }
      for (const project of records.keys()) if (!states.has(project)) records.delete(project);
    },
  };
}
