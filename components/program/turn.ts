import { setImmediate } from "node:timers/promises";

/**
 * Lets what has been declared so far go to the engine, before the program declares more: the engine and its plugins work on it in the meantime.
 * Without it, they wait until the program has declared all of it, and the program then waits for them.
 */
export const takeTurn = (): Promise<void> => setImmediate();
