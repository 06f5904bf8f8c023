/**
 * Preloaded by a test into a panel's process, and into none that it starts: the clock there, and so each look at what is idle, is as many
 * milliseconds off as the file that OPENCODE_TEST_CLOCK names says at the moment. Everything else, opencode's sessions above all, keeps the
 * real time. What the panel does each minute it does every four seconds, so that no test waits for minutes. Plain JavaScript, because npm's own Node loads it too.
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
