#!/usr/bin/env node
import { readCommand } from "./command.ts";
import { UserError } from "./errors.ts";
import { plain } from "./plain.ts";
import { run } from "./run.ts";

try {
  const world = {
    env: process.env,
    print: (line: string) => void process.stdout.write(`${plain(line)}\n`),
    warn: (line: string) => void process.stderr.write(`${plain(line)}\n`),
  };
  process.exitCode = await run(readCommand(process.argv.slice(2)), world);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(plain(`${error.message}\n${error.fix}\n`));
  process.exitCode = error.exitCode;
}
// A pending login would keep the process alive.
process.exit();
