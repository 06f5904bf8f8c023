/**
 * The key of a panel on this machine: everybody with an account here reaches its port, and only the person who started it has its URL. A new one
 * for each start.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { HttpProblem } from "../api/problem.ts";
import type { Person } from "../platform/types.ts";
import type { Authenticate } from "./identity.ts";

/** Path before the key, which sets the cookie. */
const OPEN = "/open/";

const same = (given: string, wanted: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
};

export class LocalKey {
  readonly secret: string;
  readonly #port: number;

  /** @param port the panel's. A cookie is sent to every port of its host, so that each panel needs a name of its own */
  constructor(port: number, secret = randomBytes(24).toString("base64url")) {
    this.secret = secret;
    this.#port = port;
  }

  /** What a person opens. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}${OPEN}${this.secret}`;
  }

  get #cookie(): string {
    return `opencode-platform-panel-${this.#port}`;
  }

  /** Signs in whoever sends the key, in the cookie or as `Authorization: Bearer`. */
  authenticate(person: Person): Authenticate {
    return async (header) => {
      const cookies = (header("cookie") ?? "").split(/;\s*/);
      const given = [
        /^Bearer (.+)$/i.exec(header("authorization") ?? "")?.[1],
        ...cookies.flatMap((pair) =>
          pair.startsWith(`${this.#cookie}=`) ? [pair.slice(this.#cookie.length + 1)] : [],
        ),
      ];
      if (given.some((one) => one !== undefined && same(one, this.secret))) return person;
      throw new HttpProblem(
        401,
        "Open the URL that `npm run panel` has printed. Other programs send the key in .runtime/panel/key, as Authorization: Bearer.",
        { headers: { "WWW-Authenticate": 'Bearer realm="opencode platform panel"' } },
      );
    };
  }

  /**
   * The response to the URL that a person opens; undefined for any other path. The cookie is for 127.0.0.1 alone: below localhost the gateway
   * passes requests on to projects.
   */
  open(path: string, host: string | undefined): Response | undefined {
    if (!path.startsWith(OPEN) || !same(path.slice(OPEN.length), this.secret)) return undefined;
    const own = `127.0.0.1:${this.#port}`;
    const isOwn = host === own || (host === "127.0.0.1" && this.#port === 80);
    const headers = new Headers({ Location: isOwn ? "/" : this.url });
    if (isOwn) headers.set("Set-Cookie", `${this.#cookie}=${this.secret}; Path=/; HttpOnly; SameSite=Strict`);
    return new Response(null, { status: 303, headers });
  }
}
