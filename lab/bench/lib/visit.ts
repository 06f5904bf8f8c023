import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "../../../test/support/browser.ts";
import type { Cleaning } from "./cleaning.ts";

const USABLE_MS = 60_000;
/** So long nothing has come, and the first visit has loaded all it loads. */
const QUIET_MS = 500;

/** A page that is visited. */
export interface Visited {
  readonly url: string;
  /** An expression that is true in the page as soon as it can be used. */
  readonly usable: string;
  /** Uses it; fails when it can't be. */
  use(page: Page): Promise<void>;
}

/** What a first visit took. */
export interface Visit {
  /** Milliseconds from the navigation until the page could be used. */
  readonly usable: number;
  /** Bytes of all answers as they came, with their headers. */
  readonly wire: number;
  /** The same of the page's files alone, without the data that it shows. */
  readonly files: number;
  /** Bytes of the files' bodies. */
  readonly bodies: number;
}

/** A real Chromium whose every visit is the first. */
export class Visitor {
  readonly #browser: Browser;
  readonly end: () => Promise<void>;

  private constructor(browser: Browser, cleaning: Cleaning) {
    this.#browser = browser;
    this.end = cleaning.add(() => browser.close());
  }

  static async start(cleaning: Cleaning): Promise<Visitor> {
    // Else a signal would end this process as soon as Chromium has ended.
    const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
    return new Visitor(await chromium.launch({ executablePath: CHROMIUM, ...signals }), cleaning);
  }

  /** Visits a page with nothing in the cache, and then uses it. A browser that takes but one encoding can be had too. */
  async visit({ url, usable, use }: Visited, encoding?: "br" | "gzip"): Promise<Visit> {
    const extraHTTPHeaders = encoding && { "accept-encoding": encoding };
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...(extraHTTPHeaders ? { extraHTTPHeaders } : {}),
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
        throw new Error(`${url} seemed usable and was not: ${error.message}`);
      });
      return { usable: took, ...loaded };
    } finally {
      await context.close();
    }
  }
}

/** Hears from the page itself, each time it draws, whether it can be used; a document that leads to another counts too. */
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

/** What a page asks for besides its files, as Chromium calls it. */
const DATA = new Set(["XHR", "Fetch", "EventSource"]);

/** An answer: whether it is a file of the page, and the bytes of its headers and of its body that have come. */
interface Answer {
  readonly isFile: boolean;
  readonly headers: number;
  body: number;
}

/** What comes to a page over the network. */
class Traffic {
  readonly #answers = new Map<string, Answer>();
  /** Of answers that led elsewhere. */
  #redirects = 0;
  #lastAt = performance.now();

  static async watch(session: CDPSession): Promise<Traffic> {
    const traffic = new Traffic();
    traffic.#listen(session);
    await session.send("Network.enable");
    return traffic;
  }

  /** Resolves when nothing has come for a while. */
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
      // What is in the document itself (data:) has not come over the network.
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
