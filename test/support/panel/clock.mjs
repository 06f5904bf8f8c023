/**
 * Preloaded into a panel's process, but not its children: shifts its clock by the milliseconds in the file OPENCODE_TEST_CLOCK, to make
 * projects idle. All other processes, such as opencode, keep the real time. Intervals of a minute run every four seconds. Plain JavaScript,
 * because npm's own Node loads it too.
 */
import { readFileSync } from "node:fs";

const file = process.env.OPENCODE_TEST_CLOCK;
const realNow = Date.now;

const MINUTE_MS = 60_000;
const FASTER = 15;

if (file && process.argv[1]?.endsWith("/panel/server/main.ts")) {
  Date.now = () => realNow() + Number(readFileSync(file, "utf8"));
  const realInterval = setInterval;
  globalThis.setInterval = (handler, delay, ...rest) =>
    realInterval(handler, delay === MINUTE_MS ? delay / FASTER : delay, ...rest);
}
