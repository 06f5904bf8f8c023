import { createInterface } from "node:readline/promises";

/** Reads a line from the terminal or a pipe. */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  process.stdout.write(question);
  for await (const line of terminal) {
    terminal.close();
    return line.trim();
  }
  console.log("");
  return "";
}

/** Whether the person says yes, or has said `--yes`. */
export const isConfirmed = async (isSure: boolean, question: string): Promise<boolean> =>
  isSure || (await ask(`${question} [y/N] `)).toLowerCase() === "y";
