import { type Browser, chromium, type Page } from "playwright-core";
import { FLAGS, openPage, type Watched } from "../../e2e/support/browser.ts";
import type { World } from "./world.ts";

/** Chromium that finds the stand-in of Cloudflare's edge wherever a name leads to it. */
export const launchBrowser = (world: World): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM_BIN || "/usr/bin/chromium",
    args: [...FLAGS, ...world.cloudflare.edge.chromiumArguments],
  });

/** Opens a URL as somebody who is asked to log in, and does so with Google. */
export async function logIn(browser: Browser, url: string, email: string): Promise<Watched> {
  const watched = await openPage(browser);
  await watched.page.goto(url);
  await fillIn(watched.page, email);
  return watched;
}

async function fillIn(page: Page, email: string): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByRole("button", { name: "Next" }).click();
}

/** Opens a project's page as a colleague, and waits until it has asked for all that it needs to take a prompt. */
export async function openProject(
  world: World,
  browser: Browser,
  project: string,
  email: string,
): Promise<Watched> {
  await world.answers(project);
  const watched = await openPage(browser);
  const last = watched.page.waitForResponse((response) => response.url().includes("/question?directory="));
  await watched.page.goto(world.urls.browser(project));
  await fillIn(watched.page, email);
  await last;
  await watched.page.locator('[contenteditable="true"]').first().waitFor();
  return watched;
}
