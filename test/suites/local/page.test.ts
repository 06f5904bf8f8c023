import { randomUUID } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerTo, type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { launchBrowser, openPage, screenshot, type Watched } from "../../support/browser.ts";
import { callAt, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port, modelPort } = platform.fixture;

/** A picture of one pixel. */
const IMAGE = {
  name: "picture.png",
  mimeType: "image/png",
  buffer: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  ),
};

/** A page's problems. 2.x's also reports that its requests had to wait, on a busy machine, which is none. */
const troublesOf = ({ troubles }: Watched): readonly string[] =>
  troubles.filter((text) => !text.includes("[server-request-queue]"));

/** Waits until a page shows an uploaded picture, and not a broken one. */
async function shows(page: Page, name: string): Promise<void> {
  await waitFor(`${name} on the page`, async () => {
    const seen = await page
      .getByAltText(name)
      .evaluateAll((images) => images.map((image) => Number(Reflect.get(image, "naturalWidth"))));
    return seen.length > 0 && seen.every((width) => width > 0) ? { done: true } : { seen };
  });
}

describe("a project's page in Chromium", () => {
  let browser: Browser;
  let model: ModelStandIn;
  let watched: Watched;

  beforeAll(async () => {
    await platform.reset();
    // The page of a project that is starting asks until it answers.
    for (const name of ["alpha", "beta"]) await answering(platform, name);
    // 2.x's page opens the newest session. One of another file may still wait for that file's model, and then for this one's answer with it.
    await callAt({ port, path: "/p/alpha" }, projectApi.createSession());
    model = await startModel({ port: modelPort });
    browser = await launchBrowser();
    watched = await openPage(browser);
  });

  afterAll(async () => {
    await browser?.close();
    await model?.close();
  });

  const promptBox = () => watched.page.locator('[contenteditable="true"]').first();

  /** Sends what is in the box. 2.x keeps it until it has loaded its models and agents, which it doesn't show, and asks the person to try again. */
  async function send(): Promise<void> {
    await waitFor<true>("the prompt to have left the box", async () => {
      await watched.page.keyboard.press("Enter");
      const seen = await promptBox().textContent();
      return seen?.includes("nonce:") ? { seen } : { done: true };
    });
  }

  it("opens at the hostname, in the workspace, ready for a prompt", async () => {
    await watched.page.goto(platform.url("alpha"));
    await promptBox().waitFor();
    await watched.page.getByText("Stand-in").first().waitFor();
    expect(new URL(watched.page.url()).origin).toBe(`http://alpha.localhost:${port}`);
    await screenshot(watched.page, "page-open");
  });

  it("answers a typed prompt", async () => {
    const nonce = randomUUID();
    await promptBox().click();
    await watched.page.keyboard.type(`What do you say to nonce:${nonce}`);
    await send();
    // In the conversation, not only in its title.
    await waitFor<true>("the model's answer", async () => {
      const seen = await watched.page.locator("p").allInnerTexts();
      return seen.includes(answerTo(`nonce:${nonce}`)) ? { done: true } : { seen };
    });
    await screenshot(watched.page, "page-answered");
    expect(model.requests.some(({ prompt }) => prompt.includes(nonce))).toBe(true);
  });

  it("uploads an image with a prompt, and previews it", async () => {
    const { page } = watched;
    const nonce = randomUUID();
    await page.locator("input[type=file]").first().setInputFiles(IMAGE);
    // Before the prompt is sent, and in the conversation.
    await shows(page, IMAGE.name);
    await promptBox().click();
    await page.keyboard.type(`What is in this picture, nonce:${nonce}`);
    await send();
    await page.getByText(`nonce:${nonce}`).last().waitFor();
    await shows(page, IMAGE.name);
    await screenshot(page, "page-image");
  });

  it("runs a command in its terminal, over a WebSocket", async () => {
    const { page } = watched;
    const frames: string[] = [];
    page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => frames.push(payload.toString()));
    });
    await page.keyboard.press("Control+Backquote");
    await waitFor("a terminal's prompt", () => (frames.length > 0 ? { done: true } : { seen: frames }));
    await page.keyboard.type("echo $((6 * 7)) in $PWD\n");
    await waitFor("the command's output", () => {
      const text = frames.join("");
      return text.includes("42 in /workspace") ? { done: true } : { seen: text };
    });
    await screenshot(page, "page-terminal");
  });

  it("had no failed request, no console error, and no request to another host", () => {
    expect(troublesOf(watched)).toEqual([]);
    const elsewhere = watched.requests.filter(
      (url) => !/^(data|blob):/.test(url) && new URL(url).host !== `alpha.localhost:${port}`,
    );
    expect(elsewhere).toEqual([]);
    expect(watched.requests.length).toBeGreaterThan(10);
  });

  for (const ending of ["", "/"]) {
    it(`is reached by a browser that opens /p/<name>${ending}`, async () => {
      const opened = await openPage(browser);
      const { page } = opened;
      await page.goto(`${platform.api("beta")}${ending}`);
      await page.locator('[contenteditable="true"]').first().waitFor();
      expect(new URL(page.url()).host).toBe(`beta.localhost:${port}`);
      expect(troublesOf(opened)).toEqual([]);
      await page.context().close();
    });
  }

  it("keeps the path and query of a deep link under /p/<name>/", async () => {
    const { page } = await openPage(browser);
    const response = await page.goto(`${platform.api("beta")}/some/where?a=1&b=%2Fx%20y&c=p/beta/`);
    const first = response?.request().redirectedFrom();
    expect(first?.url()).toBe(`${platform.api("beta")}/some/where?a=1&b=%2Fx%20y&c=p/beta/`);
    expect(response?.request().url()).toBe(`${platform.url("beta")}some/where?a=1&b=%2Fx%20y&c=p/beta/`);
    await page.context().close();
  });

  it("shows a session by a link copied from another browser", async () => {
    const { page } = await openPage(browser);
    await page.goto(watched.page.url());
    await page
      .getByText(/answer-[0-9a-f]{16}/)
      .last()
      .waitFor();
    await shows(page, IMAGE.name);
    await page.context().close();
  });
});
