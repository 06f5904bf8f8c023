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
