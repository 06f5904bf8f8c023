/** How long an official source may take to answer at all before it counts as out of reach. */
const PROBE_MS = 1500;

/** Which official sources answer from this machine. Every host is asked once in a run, and all of them at the same time. */
export class Network {
  readonly #answers = new Map<string, Promise<boolean>>();

  constructor(hosts: readonly string[] = []) {
    for (const host of hosts) void this.reaches(host);
  }

  /** Whether a host answers on HTTPS, with whatever status. */
  reaches(host: string): Promise<boolean> {
    const known = this.#answers.get(host);
    if (known) return known;
    const answer = fetch(`https://${host}/`, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(PROBE_MS),
    }).then(
      () => true,
      () => false,
    );
    this.#answers.set(host, answer);
    return answer;
  }
}
