/** Reads the pins in config/versions.ts by their comments, in the form that renovate.json reads too. */

/** A pinned release, and where newer ones are published. */
export interface Pin {
  /** The constant's name: `TRAEFIK`. */
  readonly constant: string;
  readonly datasource: string;
  /** Its name in the datasource: `traefik/traefik`. */
  readonly depName: string;
  readonly version: string;
}

/** A comment for Renovate and the constant below it. */
export const PIN_PATTERN =
  /\/\/ renovate: datasource=(?<datasource>\S+) depName=(?<depName>\S+)\nexport const (?<constant>\w+) = "(?:[a-z]+:)?(?<currentValue>[^"]+)"/g;

/** The pins in the text of config/versions.ts, in order. */
export function readPins(text: string): Pin[] {
  return [...text.matchAll(PIN_PATTERN)].map(({ groups = {} }) => ({
    constant: groups.constant ?? "",
    datasource: groups.datasource ?? "",
    depName: groups.depName ?? "",
    version: groups.currentValue ?? "",
  }));
}
