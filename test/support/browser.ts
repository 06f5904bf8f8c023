import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

/** Without these, Chromium asks its maker's servers for this and that, and those requests fail on a closed network. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The browser that pages are opened in: CHROMIUM_BIN, else Debian's. */
export const CHROMIUM = process.env.CHROMIUM_BIN || "/usr/bin/chromium";

export const launchBrowser = (more: readonly string[] = []): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS, ...more],
  });

/** A page, with a record of all that goes wrong in it. */
export interface Watched {
  readonly page: Page;
  /** Errors and warnings on the console, exceptions, requests that failed, answers of 400 and above. */
  readonly troubles: readonly string[];
  /** Every URL that was asked for. */
  readonly requests: readonly string[];
}

/** Opens a page of its own profile and records its troubles. */
export async function openPage(browser: Browser): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
  const page = await context.newPage();
  const troubles: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) troubles.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`exception: ${error.message}`));
  page.on("request", (request) => requests.push(request.url()));
  page.on("requestfailed", (request) => {
    troubles.push(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) troubles.push(`answered ${response.status()}: ${response.url()}`);
  });
  return { page, troubles, requests };
}

/** Keeps a picture of the page under test-results/. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = join(import.meta.dirname, "../../test-results");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
