import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Cleaning } from "./cleaning.ts";

/** Padding to the length of a typical log line. */
const FILLING = "x".repeat(80);

/**
 * The writer in the container, controlled by its input. Bash knows the time in microseconds, writes a line
 * immediately, and sleeps without a process by reading from an empty pipe.
 */
const SCRIPT = `
exec > /proc/1/fd/1 3<> <(:)
while read -r what count pause; do
  if [ "$what" = mark ]; then echo "$1 mark"; continue; fi
  for ((n = 1; n <= count; n++)); do echo "$1 $n $EPOCHREALTIME ${FILLING}"; read -rt "$pause" -u 3; done
done`;

/** Writes numbered lines into a container's log, each with its time. */
export class Writer {
  readonly #process: ChildProcess;
  readonly end: () => Promise<void>;

  /** @param run first word of each line */
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

  /** Writes a line without a number, to check that a follower is connected. */
  mark(): void {
    this.#send("mark");
  }

  /** Writes lines 1 to `count`, `pauseMs` apart. */
  write(count: number, pauseMs: number): void {
    this.#send(`lines ${count} ${pauseMs / 1000}`);
  }

  #send(text: string): void {
    if (this.#process.exitCode !== null)
      throw new Error(`The writer in the container ended with ${this.#process.exitCode}`);
    this.#process.stdin?.write(`${text}\n`);
  }
}

/** A follower of a log: finds a run's lines and checks that each arrives once and in order. */
export class Reader {
  readonly #run: string;
  readonly #line: RegExp;
  #rest = "";
  #next = 1;
  isFollowing = false;
  /** Milliseconds from writing each line to receiving it. */
  readonly delays: number[] = [];
  /** What was wrong with the received lines. */
  trouble: string | undefined;

  constructor(run: string) {
    this.#run = run;
    this.#line = new RegExp(`\\b${run} (?:mark|(\\d+) (\\d+\\.\\d+))`);
  }

  get count(): number {
    return this.#next - 1;
  }

  /** Processes text received at a time, in milliseconds since 1970. */
  take(text: string, at: number): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.includes(this.#run)) this.#takeLine(line, at);
  }

  /** Called at the end of the stream. */
  cutOff(): void {
    this.trouble ??= `ended after line ${this.count}`;
  }

  #takeLine(line: string, at: number): void {
    const [found, number, written] = this.#line.exec(line) ?? [];
    if (found === undefined) return;
    this.isFollowing = true;
    if (number === undefined) return;
    if (Number(number) !== this.#next) this.trouble ??= `got line ${number} instead of line ${this.#next}`;
    this.#next = Number(number) + 1;
    this.delays.push(at - Number(written) * 1000);
  }
}

/** Milliseconds since 1970, more precise than `Date.now`. */
export function makeClock(): () => number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  const offset = now - performance.now();
  return () => performance.now() + offset;
}
