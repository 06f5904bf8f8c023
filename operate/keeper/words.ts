/** What the keeper says of a project, in words for a terminal. Pure. */
import { isoMinute } from "../../config/text/days.ts";
import type { Kept } from "./client.ts";

/** A state in words that follow "is". */
const wordOf = (state: Kept["state"]): string =>
  state === "parked" ? "being restored" : state.replace("-", " ");

/** `asleep since 2026-11-30 03:12 UTC`. */
export const keptWords = ({ state, since }: Pick<Kept, "state" | "since">): string =>
  `${wordOf(state)} since ${isoMinute(since)}`;
