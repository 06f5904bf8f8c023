/** How long to try to reach a host. */
export interface Patience {
  /** Timeout of a try, in milliseconds. */
  readonly tryMs: number;
  /** Delays between the tries, in milliseconds; there is one more try than delays. */
  readonly pausesMs: readonly number[];
}

/** One short try, for where a wrong result only costs time. */
const SHORT: Patience = { tryMs: 1500, pausesMs: [] };
/**
 * For the choice of plugins, which a slow moment must not affect. Takes at least 10 s, even if each try fails
 * immediately.
 */
export const PATIENT: Patience = { tryMs: 10_000, pausesMs: [2000, 8000] };

/** Which official sources are reachable. Each host is checked once per run, all in parallel. */
export class Network {
  readonly #answers = new Map<string, Promise<boolean>>();
  readonly #patience: Readonly<Record<string, Patience>>;

  /** Checks `hosts` immediately; `patience` is by host, and the others get one short try. */
  constructor(hosts: readonly string[] = [], patience: Readonly<Record<string, Patience>> = {}) {
    this.#patience = patience;
    for (const host of hosts) void this.reaches(host);
  }

  /** Whether a host responds on HTTPS, with any status. */
  reaches(host: string): Promise<boolean> {
    const known = this.#answers.get(host);
    if (known) return known;
    const answer = isReached(host, this.#patience[host] ?? SHORT);
    this.#answers.set(host, answer);
    return answer;
  }
}

async function isReached(host: string, { tryMs, pausesMs }: Patience): Promise<boolean> {
  for (const pauseMs of [...pausesMs, undefined]) {
    const answers = await fetch(`https://${host}/`, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(tryMs),
    }).then(
      () => true,
      () => false,
    );
    if (answers) return true;
    if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return false;
}
