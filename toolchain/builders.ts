import type { Builders } from "./part.ts";

let source: () => Promise<Builders | undefined> = async () => undefined;

/** Sets the source of the builders; called once, by commands of a checkout with a lab. */
export function offerBuilders(from: () => Promise<Builders | undefined>): void {
  source = from;
}

/** The offered builders: only for the stack `local` and for tests. */
export const offeredBuilders = (): Promise<Builders | undefined> => source();
