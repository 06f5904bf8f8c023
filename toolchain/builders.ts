import type { Builders } from "./part.ts";

let source: () => Promise<Builders | undefined> = async () => undefined;

/** Says where builders come from; called once, by a command of a checkout that has a lab. */
export function offerBuilders(from: () => Promise<Builders | undefined>): void {
  source = from;
}

/** The builders that were offered: for the stack `local` and for tests alone. */
export const offeredBuilders = (): Promise<Builders | undefined> => source();
