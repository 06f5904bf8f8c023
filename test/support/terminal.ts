import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must, run } from "./run.ts";
import { isRunning } from "./temporary.ts";
import { type WaitOptions, waitFor, waitForText } from "./wait.ts";

/** A program in a terminal, by tmux. */
export interface Terminal {
  /** Types text. */
  type(text: string): Promise<void>;
  /** Presses a key by tmux's name, such as Enter or C-c. */
  press(key: string): Promise<void>;
  /** The screen's content. */
  screen(): Promise<string>;
  waitFor(pattern: RegExp | string, options?: WaitOptions): Promise<string>;
  close(): Promise<void>;
}

let opened = 0;

/** Runs a shell command in a terminal of 120 × 40. */
export async function openTerminal(
  command: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Terminal> {
  // A separate tmux server, without configuration.
  const tmux = ["-L", `e2e-${process.pid}-${opened++}`, "-f", "/dev/null"];
  const variables = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const remain = ["set-option", "-g", "remain-on-exit", "on", ";"];
  const session = ["new-session", "-d", "-x", "120", "-y", "40", ...variables, command];
  await must("tmux", [...tmux, ...remain, ...session], {
    // A session's own PATH would not replace the server's.
    env: {
      PATH: env.PATH ?? process.env.PATH,
      HOME: process.env.HOME,
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
    },
  });
  const screen = async () => (await must("tmux", [...tmux, "capture-pane", "-p"])).stdout;
  return {
    type: async (text) => void (await must("tmux", [...tmux, "send-keys", "-l", text])),
    press: async (key) => void (await must("tmux", [...tmux, "send-keys", key])),
    screen,
    waitFor: (pattern, options) => waitForText(`${pattern} on the terminal`, screen, pattern, options),
    close: async () => {
      const pid = Number((await must("tmux", [...tmux, "display-message", "-p", "#{pane_pid}"])).stdout);
      await run("tmux", [...tmux, "kill-server"]);
      await waitFor("the program to end", () =>
        isRunning(pid) ? { seen: `process ${pid}` } : { done: true },
      );
    },
  };
}

/** Saves a screen under test-results/. */
export function keepScreen(name: string, text: string): void {
  const folder = join(import.meta.dirname, "../../test-results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.txt`), text);
}
