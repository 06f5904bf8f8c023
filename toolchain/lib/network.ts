/** How long it is tried to reach a host before it counts as out of reach. */
export interface Patience {
  /** How long one try may take, in milliseconds. */
  readonly tryMs: number;
  /** Pauses between the tries, in milliseconds; there is one try more than pauses. */
  readonly pausesMs: readonly number[];
}

/** One short try, where being wrong costs a little time only. */
const SHORT: Patience = { tryMs: 1500, pausesMs: [] };
/** For what decides which plugins are used: a slow moment must not. At least 10 s go by, also where each try fails at once. */
export const PATIENT: Patience = { tryMs: 10_000, pausesMs: [2000, 8000] };

/** Which official sources answer from this machine. Every host is asked once in a run, and all of them at the same time. */
export class Network {
  readonly #answers = new Map<string, Promise<boolean>>();
  readonly #patience: Readonly<Record<string, Patience>>;

  /** `hosts` are asked at once; `patience` is had with the hosts that it names, and others get one short try. */
  constructor(hosts: readonly string[] = [], patience: Readonly<Record<string, Patience>> = {}) {
    this.#patience = patience;
    for (const host of hosts) void this.reaches(host);
  }

  /** Whether a host answers on HTTPS, with whatever status. */
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
