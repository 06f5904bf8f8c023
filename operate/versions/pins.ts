/** What config/versions.ts pins, as its comments say: the form that renovate.json reads too. */

/** A release that is pinned, and where newer ones are published. */
export interface Pin {
  /** The constant: `TRAEFIK`. */
  readonly constant: string;
  readonly datasource: string;
  /** What the datasource calls it: `traefik/traefik`. */
  readonly depName: string;
  readonly version: string;
}

/** A comment for Renovate and the constant below it. */
export const PIN_PATTERN =
  /\/\/ renovate: datasource=(?<datasource>\S+) depName=(?<depName>\S+)\nexport const (?<constant>\w+) = "(?:[a-z]+:)?(?<currentValue>[^"]+)"/g;

/** The pins of the text of config/versions.ts, in its order. */
export function readPins(text: string): Pin[] {
  return [...text.matchAll(PIN_PATTERN)].map(({ groups = {} }) => ({
    constant: groups.constant ?? "",
    datasource: groups.datasource ?? "",
    depName: groups.depName ?? "",
    version: groups.currentValue ?? "",
  }));
}
