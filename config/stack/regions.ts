import { closest, show } from "../text/show.ts";
import type { ParseError } from "./reading.ts";

/**
 * DigitalOcean's regions that have both droplets and volumes, with the city of each: those of
 * https://docs.digitalocean.com/products/volumes/details/availability/ as of autumn 2026. The API's own answer (`doctl compute region list`,
 * feature `storage`) is newer than any list; what is missing here is added by one line.
 */
export const REGIONS: Readonly<Record<string, string>> = {
  ams3: "Amsterdam",
  atl1: "Atlanta",
  blr1: "Bangalore",
  fra1: "Frankfurt",
  lon1: "London",
  mkc1: "Kansas City",
  nyc1: "New York",
  nyc2: "New York",
  nyc3: "New York",
  ric1: "Richmond",
  sfo2: "San Francisco",
  sfo3: "San Francisco",
  sgp1: "Singapore",
  syd1: "Sydney",
  tor1: "Toronto",
};

/** A region's short name. */
export function parseRegion(text: string): string | ParseError {
  if (Object.hasOwn(REGIONS, text)) return text;
  const guess = guessRegion(text);
  const hint = guess ? `did you mean ${guess}? There` : "there";
  return {
    mistake: `${show(text)} is not a region with volumes; ${hint} are ${Object.keys(REGIONS).join(", ")}`,
    instead: guess,
  };
}

/** The newest region of a city, or the short name that is written almost so. */
function guessRegion(text: string): string | undefined {
  const city = closest(text, Object.values(REGIONS));
  if (city) return Object.keys(REGIONS).findLast((region) => REGIONS[region] === city);
  return closest(text, Object.keys(REGIONS));
}
