/** In which order a stack's containers are restarted: by `npm run restart`, and by a droplet's unit `opencode-platform`. */
import type { Names } from "./names.ts";

/** Projects that restart at the same time, as after a reboot: each takes a processor while it starts. */
export const RESTARTED_AT_ONCE = 2;

/** The platform's own containers that come first: packet rules, and what projects are reached through. Services and projects follow. */
export const restartedFirst = (names: Names): readonly string[] => [
  names.guard,
  names.keeper,
  names.storage,
  names.traefik,
  names.notice,
];

/** Those that come last: somebody may be connected through them. */
export const restartedLast = (names: Names): readonly string[] => [names.panel, names.connector];
