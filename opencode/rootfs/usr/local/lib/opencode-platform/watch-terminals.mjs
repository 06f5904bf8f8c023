// Terminals of the container in which a program runs, and when somebody last typed in one. All of it is in /proc and in the devices' times: nothing is asked of
// a program, and a terminal is seen whoever has opened it.
import { readdirSync, readFileSync, statSync } from "node:fs";

const SHELLS = [
  "ash",
  "bash",
  "csh",
  "dash",
  "elvish",
  "fish",
  "ksh",
  "mksh",
  "nu",
  "pwsh",
  "sh",
  "tcsh",
  "zsh",
];
/** The kernel's numbers of pseudo terminals (devices.txt: Unix98 PTY slaves). */
const PTY_MAJORS = { first: 136, last: 143 };
/** Options of shells that have a value; a value of theirs is no script. */
const WITH_VALUE = ["--rcfile", "--init-file", "-o", "+o", "-O", "+O"];

/**
 * @param {string} stat a process's line in /proc
 * @returns the columns after its name, which may hold anything (proc_pid_stat(5))
 */
function readStat(stat) {
  const [state, , group, session, tty, foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    pid: Number(stat.slice(0, stat.indexOf(" "))),
    state,
    group: Number(group),
    session: Number(session),
    tty: Number(tty),
    foreground: Number(foreground),
  };
}

const isPty = (tty) => {
  const major = (tty >> 8) & 0xfff;
  return major >= PTY_MAJORS.first && major <= PTY_MAJORS.last;
};

/** Whether a command line is a shell's that waits for somebody to type: without a script or a command. */
function isShell(command) {
  const [program = "", ...args] = command;
  const name = program.slice(program.lastIndexOf("/") + 1).replace(/^-/, "");
  if (!SHELLS.includes(name)) return false;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (WITH_VALUE.includes(arg)) index++;
    else if (!/^[-+]/.test(arg) || /^-[a-z]*c/.test(arg)) return false;
  }
  return true;
}

function processes(proc) {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [readStat(readFileSync(`${proc}/${name}/stat`, "utf8"))];
      } catch {
        return []; // it has just ended
      }
    });
}

/** A program in the foreground of a terminal: a job of its shell, or what the terminal was opened for. */
function isRunning(proc, { leader, foreground, members }) {
  const alive = members.some(({ group, state }) => group === foreground && state !== "Z");
  if (!alive) return false;
  if (!leader || leader.group !== foreground) return true;
  try {
    return !isShell(readFileSync(`${proc}/${leader.pid}/cmdline`, "utf8").split("\0").slice(0, -1));
  } catch {
    return false;
  }
}

/** How many terminals have a program in the foreground. */
export function runningTerminals(proc = "/proc") {
  const terminals = new Map();
  for (const each of processes(proc)) {
    if (!isPty(each.tty)) continue;
    const terminal = terminals.get(each.tty) ?? { members: [] };
    terminals.set(each.tty, terminal);
    terminal.members.push(each);
    terminal.foreground = each.foreground;
    if (each.pid === each.session) terminal.leader = each;
  }
  return [...terminals.values()].filter((terminal) => isRunning(proc, terminal)).length;
}

/**
 * When a terminal was last typed in, or something was written to it: milliseconds since 1970, exact to 8 seconds (tty_update_time of the kernel); 0 without
 * terminals.
 */
export function lastTyped(devices = "/dev/pts") {
  try {
    return Math.max(
      0,
      ...readdirSync(devices)
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => {
          try {
            const { atimeMs, mtimeMs } = statSync(`${devices}/${name}`);
            return [Math.floor(atimeMs), Math.floor(mtimeMs)];
          } catch {
            return [];
          }
        }),
    );
  } catch {
    return 0;
  }
}
