/** The panel's page in Chromium, on the real engine: a project from creation to deletion. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerTo, type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { launchBrowser, openPage, screenshot } from "../../support/browser.ts";
import { Panel } from "../../support/panel/panel.ts";
import { Platform } from "../../support/platform.ts";
import { persist, prompt } from "../../support/production/people.ts";
import { must } from "../../support/run.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const NAME = "from-the-page";

describe("the panel's page", () => {
  let panel: Panel;
  let model: ModelStandIn;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const platform = new Platform();
    await platform.reset();
    // The name in the screenshots.
    await must("git", ["config", "user.email", "ann@example.com"], { cwd: platform.fixture.root });
    panel = await Panel.start();
    model = await startModel({ port: panel.platform.fixture.modelPort });
    browser = await launchBrowser();
    page = (await openPage(browser)).page;
    page.setDefaultTimeout(120_000);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(panel.openUrl);
  });
  afterAll(async () => {
    await browser?.close();
    await model?.close();
    await panel?.end();
    await panel?.platform.reset();
  });

  const row = () =>
    page.locator("#projects > li").filter({ has: page.getByRole("heading", { name: NAME, exact: true }) });
  const choose = async (item: string) => {
    await page.getByRole("button", { name: `More for ${NAME}`, exact: true }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  const violations = async () => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate<{ violations: { id: string; help: string }[] }>("axe.run()");
    return violations.map(({ id, help }) => `${id}: ${help}`);
  };

  it("shows the projects", async () => {
    await page.getByRole("heading", { name: "alpha", exact: true }).waitFor();
    await page.getByRole("heading", { name: "beta", exact: true }).waitFor();
    expect(await violations()).toEqual([]);
  });

  it("shows problems at their fields, with the messages of projects.yaml's check", async () => {
    await page.getByRole("button", { name: "New project" }).click();
    await page.getByLabel("Name", { exact: true }).fill("From the page");
    await page.getByLabel("Memory", { exact: true }).fill("lots");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText("is not a valid project name").first().waitFor();
    await page.getByText("is not a size").first().waitFor();
    await screenshot(page, "panel-mistakes");
    expect(await violations()).toEqual([]);
  });

  it("creates a project, with the update's live progress", async () => {
    await page.getByLabel("Name", { exact: true }).fill(NAME);
    await page.getByLabel("Memory", { exact: true }).fill("1GiB");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    // Operations of other test files are shown too.
    const card = page
      .getByRole("article")
      .filter({ has: page.getByRole("heading", { name: `create ${NAME}`, exact: true }) });
    await card.getByRole("progressbar").waitFor();
    await card.getByText("Resources", { exact: true }).click();
    await card.locator(".steps > li").nth(3).waitFor();
    await screenshot(page, "panel-progress");
    await row().getByText("running").waitFor();
    await screenshot(page, "panel");
    expect(panel.file().names).toContain(NAME);
  });

  it("opens the project, which answers a prompt", async () => {
    const [opened] = await Promise.all([
      page.context().waitForEvent("page"),
      row()
        .getByRole("link", { name: `Open ${NAME}` })
        .click(),
    ]);
    await opened.locator('[contenteditable="true"]').first().waitFor({ timeout: 120_000 });
    const nonce = randomUUID();
    const answer = answerTo(`nonce:${nonce}`);
    await prompt(opened, `What do you say to nonce:${nonce}`);
    await persist(opened, "the answer, beside the title", async () => {
      const shown = await opened.getByText(answer).filter({ visible: true }).count();
      return shown > 2 ? { done: true } : { seen: `it is shown ${shown} times` };
    });
    await opened.close();
  });

  it("stops and starts it", async () => {
    await choose("Stop");
    await row().getByText("stopped").waitFor();
    await choose("Start");
    await row().getByText("running").waitFor();
  });

  it("shows its log live", async () => {
    await choose("Logs");
    const log = page.locator(".log");
    await log.getByText("[workspace]").first().waitFor();
    await screenshot(page, "panel-log");
    expect(await violations()).toEqual([]);
    await page.keyboard.press("Escape");
  });

  it("deletes it", async () => {
    await choose("Delete");
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete", exact: true }).click();
    await row().waitFor({ state: "detached" });
    expect(panel.file().names).not.toContain(NAME);
  });

  it("fits the light theme and a phone", async () => {
    await page.emulateMedia({ colorScheme: "light" });
    await screenshot(page, "panel-light");
    await page.setViewportSize({ width: 390, height: 844 });
    await screenshot(page, "panel-phone");
    expect(
      await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
    ).toBe(0);
    expect(await violations()).toEqual([]);
  });
});
