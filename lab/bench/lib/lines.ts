import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Cleaning } from "./cleaning.ts";

/** The rest of a line, so that it is as long as lines of logs are. */
const FILLING = "x".repeat(80);

/**
 * What writes in the container, controlled by lines of its input. Bash knows the time to the microsecond, writes a line at once, and
 * waits without a process where it reads from a pipe that nothing writes to.
 */
const SCRIPT = `
exec > /proc/1/fd/1 3<> <(:)
while read -r what count pause; do
  if [ "$what" = mark ]; then echo "$1 mark"; continue; fi
  for ((n = 1; n <= count; n++)); do echo "$1 $n $EPOCHREALTIME ${FILLING}"; read -rt "$pause" -u 3; done
done`;

/** Writes numbered lines into a container's log, each with the time at which it was written. */
export class Writer {
  readonly #process: ChildProcess;
  readonly end: () => Promise<void>;

  /** @param run a word that begins each of the lines */
  constructor(container: string, run: string, cleaning: Cleaning) {
    this.#process = spawn("docker", ["exec", "-i", container, "bash", "-c", SCRIPT, "writer", run], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    this.#process.stdin?.on("error", () => {});
    this.end = cleaning.add(async () => {
      const ended = this.#process.exitCode === null ? once(this.#process, "exit") : undefined;
      this.#process.stdin?.end();
      await ended;
    });
  }

  /** Writes one line without a number, by which who follows is seen to follow. */
  mark(): void {
    this.#send("mark");
  }

  /** Writes lines 1 to `count`, so many milliseconds after each other. */
  write(count: number, pauseMs: number): void {
    this.#send(`lines ${count} ${pauseMs / 1000}`);
  }

  #send(text: string): void {
    if (this.#process.exitCode !== null)
      throw new Error(`What writes lines in the container ended with ${this.#process.exitCode}`);
    this.#process.stdin?.write(`${text}\n`);
  }
}

/** One who follows a log: finds a run's lines in what comes, and sees to it that each comes once and in its turn. */
export class Reader {
  readonly #run: string;
  readonly #line: RegExp;
  #rest = "";
  #next = 1;
  isFollowing = false;
  /** Milliseconds from each line's writing to its coming. */
  readonly delays: number[] = [];
  /** What is wrong with what came. */
  trouble: string | undefined;

  constructor(run: string) {
    this.#run = run;
    this.#line = new RegExp(`\\b${run} (?:mark|(\\d+) (\\d+\\.\\d+))`);
  }

  get count(): number {
    return this.#next - 1;
  }

  /** Takes what came at a time, in milliseconds since 1970. */
  take(text: string, at: number): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.includes(this.#run)) this.#takeLine(line, at);
  }

  /** Nothing more comes. */
  cutOff(): void {
    this.trouble ??= `was cut off after line ${this.count}`;
  }

  #takeLine(line: string, at: number): void {
    const [found, number, written] = this.#line.exec(line) ?? [];
    if (found === undefined) return;
    this.isFollowing = true;
    if (number === undefined) return;
    if (Number(number) !== this.#next) this.trouble ??= `got line ${number} where line ${this.#next} was due`;
    this.#next = Number(number) + 1;
    this.delays.push(at - Number(written) * 1000);
  }
}

/** The time in milliseconds since 1970, finer than `Date.now` has it. */
export function makeClock(): () => number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  const offset = now - performance.now();
  return () => performance.now() + offset;
}
