/** Errors and values shared by Access's parts of the API. */
import { z } from "zod";
import { ApiError } from "./envelope.ts";

/** A request that Access rejects. */
export const invalidRequest = (message: string, chain?: string): ApiError =>
  new ApiError(400, {
    code: 12130,
    message: `access.api.error.invalid_request: ${message}`,
    ...(chain === undefined ? {} : { error_chain: [{ message: chain }] }),
  });

export const notFound = (what: string): ApiError =>
  new ApiError(404, { code: 11021, message: `access.api.error.${what}_not_found` });

export const conflict = (message: string): ApiError =>
  new ApiError(409, { code: 12132, message: `access.api.error.conflict: ${message}` });

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of a duration in Go's format, such as `24h` or `1h30m`; undefined if invalid. */
export function milliseconds(duration: string): number | undefined {
  if (duration === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(duration)) return undefined;
  const parts = duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  return [...parts].reduce(
    (sum, [, number, unit]) => sum + Number(number) * UNITS[unit as keyof typeof UNITS],
    0,
  );
}

/** Duration of a session: at most a month. */
export const SessionDuration = z.string().refine((text) => {
  const length = milliseconds(text);
  return length !== undefined && length <= 730 * UNITS.h;
}, "must be a duration such as 30m or 24h, of a month at most");
