import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { logsDir } from "./checkout.ts";

/** Number of updates whose logs are kept. */
const KEPT_LOGS = 20;

/** Path of the log for an update that starts now. */
export function newLogFile(verb: string): string {
  mkdirSync(logsDir, { recursive: true });
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
  return join(logsDir, `${stamp}-${verb}.log`);
}

/** Deletes all but the newest logs. */
export function pruneLogs(): void {
  const logs = readdirSync(logsDir)
    .filter((name) => name.endsWith(".log"))
    .sort();
  for (const name of logs.slice(0, -KEPT_LOGS)) rmSync(join(logsDir, name), { force: true });
}
