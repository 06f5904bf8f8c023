// Runs restic, one at a time: with the lowest priority of processor and disk, its secrets in files, its cache beside the workspaces.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { inWords, kindOf, Told } from "./errors.mjs";

/** How often restic may say that it tries again what won't get better, and for how long what may. restic's own patience is 15 minutes a request. */
const TRIES = 3;
const PATIENCE_MS = 120_000;
/** Lines of its errors that are kept. */
const KEPT = 200;
/** That some files could not be read; everything else is in the backup. */
const INCOMPLETE = 3;

/**
 * @typedef {object} Files of the component: each is absent where it is not needed
 * @property {string} password
 * @property {string} [credentials] of S3, as AWS's tools read it
 * @property {string} [sshKey]
 * @property {string} [knownHosts]
 *
 * @typedef {object} Config
 * @property {string} repository as restic takes it
 * @property {string} [region]
 * @property {{user: string, host: string, port?: number}} [sftp]
 * @property {Files} files
 *
 * @param {{config: Config, folder: string, program?: readonly string[], patienceMs?: number}} options folder: for the cache and unfinished files
 */
export function makeRestic({
  config,
  folder,
  program = ["ionice", "-c", "3", "nice", "-n", "19", "restic"],
  patienceMs = PATIENCE_MS,
}) {
  const temporary = join(folder, "tmp");
  const noted = join(folder, "running.json");
  /** What ssh says, which restic may end without passing on. */
  const sshLog = join(folder, "ssh.log");
  // Of a restic that was killed: each file is a pack of some megabytes.
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  let last = Promise.resolve();

  /** One after the other, whoever asks. */
  const inTurn = (work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };

  const environment = () => ({
    PATH: process.env.PATH,
    HOME: folder,
    LANG: "C.UTF-8",
    TMPDIR: temporary,
    RESTIC_REPOSITORY: config.repository,
    RESTIC_PASSWORD_FILE: config.files.password,
    RESTIC_CACHE_DIR: join(folder, "restic"),
    RESTIC_PROGRESS_FPS: "1",
    // Its container has half a gigabyte.
    GOGC: "20",
    GOMEMLIMIT: "360MiB",
    ...(config.files.credentials && { AWS_SHARED_CREDENTIALS_FILE: config.files.credentials }),
  });

  /** What a program leaves in the repository when it is killed names its number, so each is noted while it runs. */
  const note = (pid) => writeFileSync(noted, JSON.stringify([...new Set([...ours(), pid])].slice(-20)));
  const ours = () => {
    try {
      return JSON.parse(readFileSync(noted, "utf8"));
    } catch {
      return [];
    }
  };

  /**
   * @param {readonly string[]} words
   * @param {{doing: string, onLine?: (line: string) => void, cwd?: string, input?: string, allow?: readonly number[]}} how
   */
  function once(words, { doing, onLine, cwd, input, allow = [] }) {
    const [command, ...first] = program;
    const options = optionsOf(config, sshLog);
    rmSync(sshLog, { force: true });
    const child = spawn(command, [...first, ...options, ...words], {
      cwd: cwd ?? folder,
      env: environment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    if (child.pid) note(child.pid);
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
    const errors = [];
    let tries = 0;
    let given;
    const since = Date.now();
    createInterface({ input: child.stderr }).on("line", (line) => {
      errors.push(line.replace(/^Warning: Permanently added.*$/, ""));
      if (errors.length > KEPT) errors.shift();
      if (!/returned error, retrying after|operation failed.*retry/i.test(line)) return;
      const kind = kindOf(line);
      tries += 1;
      const isHopeless = kind && !kind.passes && tries >= TRIES;
      if (!isHopeless && Date.now() - since < patienceMs) return;
      given = line.replace(/returned error, retrying after [^:]*: /, "");
      child.kill("SIGTERM");
    });
    const output = [];
    createInterface({ input: child.stdout }).on("line", onLine ?? ((line) => output.push(line)));
    return new Promise((resolve, reject) => {
      child.on("error", (error) =>
        reject(new Told(error.code === "ENOENT" ? `${command} is not installed` : error.message)),
      );
      child.on("close", (code, signal) => {
        const text = [readOptional(sshLog), ...errors].join("\n").trim();
        if (given !== undefined) reject(inWords(given, { code: 1, signal: null, doing }));
        else if (code === 0 || (code !== null && allow.includes(code)))
          resolve({ output: output.join("\n"), errors: text, isWhole: code !== INCOMPLETE });
        else reject(inWords(text, { code, signal, doing }));
      });
    });
  }

  /** Whether every lock is one of ours whose program is no longer there. */
  async function locksAreDead() {
    const { output } = await once(["list", "locks", "--no-lock", "--quiet"], { doing: "looking at locks" });
    for (const id of output.split("\n").filter(Boolean)) {
      const lock = JSON.parse(
        (await once(["cat", "lock", id, "--no-lock"], { doing: "looking at a lock" })).output,
      );
      if (lock.hostname !== hostname() || !ours().includes(lock.pid) || isRestic(lock.pid)) return false;
    }
    return true;
  }

  /** As once; a lock that a killed restic of ours has left is taken away first. */
  async function run(words, how) {
    try {
      return await once(words, how);
    } catch (error) {
      if (error.kind !== "locked") throw error;
      await once(["unlock", "--quiet"], { doing: "unlocking" });
      if (await locksAreDead()) await once(["unlock", "--remove-all", "--quiet"], { doing: "unlocking" });
      return once(words, how);
    }
  }

  const json = async (words, how) => JSON.parse((await run([...words, "--json"], how)).output || "null");

  return {
    /** @type {(words: readonly string[], how: Parameters<typeof once>[1]) => ReturnType<typeof once>} */
    run: (words, how) => inTurn(() => run(words, how)),
    json: (words, how) => inTurn(() => json(words, how)),
    INCOMPLETE,
  };
}

/** Options of the place: ssh asks nothing, and knows the server by what was given alone. */
export function optionsOf({ sftp, region, files }, sshLog) {
  const options = region ? ["-o", `s3.region=${region}`] : [];
  if (!sftp) return options;
  const ssh = [
    ...[
      "ssh",
      "-F",
      "none",
      "-E",
      sshLog,
      "-i",
      files.sshKey,
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      "BatchMode=yes",
    ],
    ...["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${files.knownHosts}`],
    ...["-o", "ServerAliveInterval=30", "-o", "ConnectTimeout=30"],
    ...(sftp.port ? ["-p", String(sftp.port)] : []),
    ...["-l", sftp.user, sftp.host, "-s", "sftp"],
  ];
  return [...options, "-o", `sftp.command=${ssh.join(" ")}`];
}

const readOptional = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");

/** Whether a process is restic: the number may be another's by now. */
function isRestic(pid) {
  const path = `/proc/${pid}/comm`;
  try {
    return existsSync(path) && readFileSync(path, "utf8").trim() === "restic";
  } catch {
    return false;
  }
}
