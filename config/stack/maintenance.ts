/** When a droplet may reboot itself: the structured setting `maintenance`. */

import { parseJson } from "../text/json.ts";
import { show } from "../text/show.ts";
import type { ParseError } from "./reading.ts";

/** The setting, typed. */
export interface Maintenance {
  /** As written: `03:00-05:00`. */
  readonly window: string;
  /** When it begins, `03:00`. */
  readonly from: string;
  /** How long it is, in minutes. */
  readonly minutes: number;
  /** Name of a time zone, as the system knows it. */
  readonly timezone: string;
}

const DAY = 24 * 60;
/** Room for an update that is under way when the window begins. */
const SHORTEST = 15;
const WINDOW = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/** Reads `maintenance`, which is JSON in Pulumi's config: `{"window":"03:00-05:00","timezone":"Europe/Berlin"}`. */
export function parseMaintenance(text: string): Maintenance | ParseError {
  const value = asMap(text);
  if (!value)
    return { mistake: `${show(text)} is not a map: set it with --path opencode-platform:maintenance.window` };
  const { window, timezone = "UTC", ...others } = value;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    return { mistake: `${show(unknown)} is not a key of it; there are window, timezone` };
  if (typeof timezone !== "string" || !isTimezone(timezone))
    return { mistake: `${show(timezone)} is not a time zone (e.g. Europe/Berlin)` };
  const [whole, ...numbers] = WINDOW.exec(typeof window === "string" ? window : "") ?? [];
  if (whole === undefined)
    return { mistake: `its window ${show(window)} is not a time of day to another (e.g. 03:00-05:00)` };
  const [hour = 0, minute = 0, endHour = 0, endMinute = 0] = numbers.map(Number);
  const minutes = (endHour * 60 + endMinute - hour * 60 - minute + DAY) % DAY;
  if (minutes < SHORTEST)
    return { mistake: `its window ${show(window)} is shorter than ${SHORTEST} minutes` };
  return { window: whole, from: whole.slice(0, 5), minutes, timezone };
}

/** A zone's name goes into a systemd unit. */
function isTimezone(name: string): boolean {
  if (!/^[A-Za-z][\w+-]*(\/[A-Za-z][\w+-]*)*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function asMap(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as Record<string, unknown>;
}
