/** The panel's page in Chromium, with a fake API. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { launchBrowser, openPage } from "../browser.ts";
import { FakeApi } from "./fake-api.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface FakePage {
  api: FakeApi;
  page: Page;
  /** Errors in the page. */
  troubles: readonly string[];
  /** Opens the page and waits for its list. */
  open(): Promise<void>;
  /** Replaces the page by one with other settings. */
  reopen(options: BrowserContextOptions): Promise<void>;
  row(name: string): Locator;
  /** Chooses from a project's menu. */
  choose(name: string, item: string): Promise<void>;
  /** The markup of the focused element. */
  focused(): Promise<string>;
  /** axe's violations on the current page, by rule. */
  violations(): Promise<string[]>;
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Sets up a new API and page for each test of a file. */
export function useFakePage(): FakePage {
  let browser: Browser;
  const fake = {
    async open() {
      await fake.page.goto(fake.api.url);
      const shown = fake.page.locator("#projects[aria-busy=false]");
      const again = fake.page.getByRole("link", { name: "Reload" });
      await shown.or(again).first().waitFor({ state: "attached" });
      // Chromium aborts requests when Docker creates a network during the test.
      if (await again.isVisible()) await again.click();
      await shown.waitFor({ state: "attached" });
    },
    async reopen(options) {
      await fake.page.context().close();
      fake.page = await (await browser.newContext(options)).newPage();
      await fake.open();
    },
    row: (name) =>
      fake.page
        .locator("#projects > li")
        .filter({ has: fake.page.getByRole("heading", { name, exact: true }) }),
    async choose(name, item) {
      await fake.page.getByRole("button", { name: `More for ${name}`, exact: true }).click();
      await fake.page.getByRole("menuitem", { name: item }).click();
    },
    focused: () => fake.page.evaluate<string>("document.activeElement.outerHTML"),
    async violations() {
      await fake.page.evaluate(axe);
      const found = await fake.page.evaluate<{ violations: Violation[] }>(
        `axe.run({ resultTypes: ["violations"] })`,
      );
      return found.violations.map(
        ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`,
      );
    },
  } as FakePage;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    fake.api = new FakeApi();
    await fake.api.start();
    const watched = await openPage(browser);
    fake.page = watched.page;
    fake.troubles = watched.troubles;
  });
  afterEach(async () => {
    await fake.page.context().close();
    await fake.api.stop();
  });
  return fake;
}
