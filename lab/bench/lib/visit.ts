import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "../../../test/support/browser.ts";
import type { Cleaning } from "./cleaning.ts";

const USABLE_MS = 60_000;
/** Time without traffic after which a first visit counts as loaded. */
const QUIET_MS = 500;

/** A page to visit. */
export interface Visited {
  readonly url: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An expression that becomes true in the page when it can be used. */
  readonly usable: string;
  /** Uses the page; fails if it can't be used. */
  use(page: Page): Promise<void>;
}

/** Measurements of a first visit. */
export interface Visit {
  /** Milliseconds from the navigation until the page could be used. */
  readonly usable: number;
  /** Bytes of all responses on the wire, including headers. */
  readonly wire: number;
  /** The same for the page's files only, without its data. */
  readonly files: number;
  /** Bytes of the files' bodies. */
  readonly bodies: number;
}

/** A real Chromium in which every visit is a first visit. */
export class Visitor {
  readonly #browser: Browser;
  readonly end: () => Promise<void>;

  private constructor(browser: Browser, cleaning: Cleaning) {
    this.#browser = browser;
    this.end = cleaning.add(() => browser.close());
  }

  static async start(cleaning: Cleaning): Promise<Visitor> {
    // Otherwise a signal would end this process as soon as Chromium has ended.
    const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
    return new Visitor(await chromium.launch({ executablePath: CHROMIUM, ...signals }), cleaning);
  }

  /**
   * Visits a page with an empty cache and uses it, optionally with a browser that accepts only one encoding.
   */
  async visit({ url, headers, usable, use }: Visited, encoding?: "br" | "gzip"): Promise<Visit> {
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      extraHTTPHeaders: { ...headers, ...(encoding ? { "accept-encoding": encoding } : {}) },
    });
    try {
      const page = await context.newPage();
      const traffic = await Traffic.watch(await context.newCDPSession(page));
      const time = timeUntil(page, usable);
      await time.prepared;
      await page.goto(url, { waitUntil: "commit" });
      const took = await within(USABLE_MS, time.usable, `${url} could not be used`);
      const loaded = await traffic.untilQuiet();
      await use(page).catch((error: Error) => {
        throw new Error(`${url} looked usable but was not: ${error.message}`);
      });
      return { usable: took, ...loaded };
    } finally {
      await context.close();
    }
  }
}

/** Checks in the page, on each frame, whether it can be used; redirecting documents count too. */
function timeUntil(page: Page, usable: string): { prepared: Promise<void>; usable: Promise<number> } {
  let began = Number.POSITIVE_INFINITY;
  const { promise, resolve } = Promise.withResolvers<number>();
  const saw = (what: string, at: number) => {
    if (what === "begin") began = Math.min(began, at);
    else resolve(at - began);
  };
  const script = `if (window === top) {
    benchSaw("begin", performance.timeOrigin);
    const look = () => {
      if (${usable}) benchSaw("usable", performance.timeOrigin + performance.now());
      else requestAnimationFrame(look);
    };
    look();
  }`;
  const prepared = page.exposeFunction("benchSaw", saw).then(() => page.addInitScript(script));
  return { prepared: prepared.then(() => undefined), usable: promise };
}

/** Chromium's types of requests that are not files. */
const DATA = new Set(["XHR", "Fetch", "EventSource"]);

/** A response: whether it is a file of the page, and the bytes received of headers and body. */
interface Answer {
  readonly isFile: boolean;
  readonly headers: number;
  body: number;
}

/** Records a page's network traffic. */
class Traffic {
  readonly #answers = new Map<string, Answer>();
  /** Bytes of redirects. */
  #redirects = 0;
  #lastAt = performance.now();

  static async watch(session: CDPSession): Promise<Traffic> {
    const traffic = new Traffic();
    traffic.#listen(session);
    await session.send("Network.enable");
    return traffic;
  }

  /** Resolves after a while without traffic. */
  async untilQuiet(): Promise<Omit<Visit, "usable">> {
    for (let rest = QUIET_MS; rest > 0; rest = QUIET_MS - (performance.now() - this.#lastAt))
      await sleep(rest);
    const answers = [...this.#answers.values()];
    const files = answers.filter(({ isFile }) => isFile);
    const sum = (of: readonly Answer[], bytes: (answer: Answer) => number) =>
      of.reduce((sum, answer) => sum + bytes(answer), 0);
    const whole = ({ headers, body }: Answer) => headers + body;
    return {
      wire: sum(answers, whole) + this.#redirects,
      files: sum(files, whole) + this.#redirects,
      bodies: sum(files, ({ body }) => body),
    };
  }

  #listen(session: CDPSession): void {
    session.on("Network.requestWillBeSent", ({ redirectResponse }) => {
      this.#redirects += redirectResponse?.encodedDataLength ?? 0;
      this.#lastAt = performance.now();
    });
    session.on("Network.responseReceived", ({ requestId, response, type }) => {
      // Documents inlined as data: URLs did not use the network.
      if (/^https?:/.test(response.url))
        this.#answers.set(requestId, {
          isFile: !DATA.has(type),
          headers: response.encodedDataLength,
          body: 0,
        });
      this.#lastAt = performance.now();
    });
    session.on("Network.dataReceived", ({ requestId, encodedDataLength }) => {
      this.#came(requestId, ({ body }) => body + encodedDataLength);
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      this.#came(requestId, ({ headers }) => encodedDataLength - headers);
    });
  }

  #came(id: string, body: (answer: Answer) => number): void {
    const answer = this.#answers.get(id);
    if (answer) answer.body = body(answer);
    this.#lastAt = performance.now();
  }
}

async function within<T>(ms: number, wanted: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} after ${ms / 1000} s`)), ms);
  });
  return Promise.race([wanted, late]).finally(() => clearTimeout(timer));
}
