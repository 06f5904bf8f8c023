import type { Browser, Page, Response } from "playwright-core";
import { launchBrowser as launch, openPage, type Watched } from "../browser.ts";
import { type Probe, waitFor } from "../wait.ts";
import type { World } from "./world.ts";

/** Chromium that uses the stand-in edge of Cloudflare for its names. */
export const launchBrowser = (world: World): Promise<Browser> =>
  launch(world.cloudflare.edge.chromiumArguments);

/** Opens a URL, and logs in with Google. */
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

/** Opens a project's page, and logs in as a colleague. */
export async function openProject(
  world: World,
  browser: Browser,
  project: string,
  email: string,
): Promise<Watched> {
  await world.answers(project);
  const watched = await logIn(browser, world.urls.browser(project), email);
  watched.page.setDefaultTimeout(90_000);
  await promptBox(watched.page).waitFor();
  return watched;
}

const promptBox = (page: Page) => page.locator('[contenteditable="true"]').first();

/** Types a prompt until opencode accepts it: a page that is still loading ignores Enter. */
export async function prompt(page: Page, text: string): Promise<void> {
  const taken = (response: Response) =>
    response.request().method() === "POST" &&
    /\/(prompt_async|message)$/.test(new URL(response.url()).pathname);
  await waitFor<true>(
    "the prompt to be taken",
    async () => {
      const answer = page.waitForResponse(taken, { timeout: 10_000 }).catch(() => undefined);
      await promptBox(page).fill(text);
      await page.keyboard.press("Enter");
      if (await answer) return { done: true };
      await page.reload();
      await promptBox(page).waitFor();
      return { seen: "no answer to it" };
    },
    { within: 180_000 },
  );
}

/**
 * Waits for something on a page, reloading it now and then: Chromium closes open streams whenever a container
 * of this machine gets or loses its network.
 */
export async function persist(page: Page, what: string, probe: () => Promise<Probe<true>>): Promise<void> {
  const patience = { within: 20_000 };
  for (let tries = 0; tries < 5; tries++) {
    if (await waitFor(what, probe, patience).catch(() => false)) return;
    await page.reload();
    await promptBox(page).waitFor();
  }
  await waitFor(what, probe, patience);
}
