/** What people see of a project that falls asleep and wakes: an open page, a terminal, its programs, what they send meanwhile. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { request } from "node:http";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerTo, type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { launchBrowser, openPage, screenshot, type Watched } from "../../support/browser.ts";
import { openClient } from "../../support/client.ts";
import { execIn, health } from "../../support/docker.ts";
import { askKeeper, inState, keptOf, moveClock, putToSleep } from "../../support/keeper.ts";
import { callAt, DRAWN, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { keepScreen, type Terminal } from "../../support/terminal.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port, modelPort } = platform.fixture;
const NAME = "dozer";
const PREVIEW = 3000;
const container = platform.container(NAME);
const at = { port, path: `/p/${NAME}` };
/** Minutes by which the keeper's clock is ahead. */
let ahead = 0;
let model: ModelStandIn;

/** Lets time pass; not while Docker still calls a woken container unhealthy, which would be for so long then. */
const pass = async (minutes: number) => {
  await waitFor("its health", async () => {
    const [{ status }, state] = [await health(container), (await kept())?.state];
    return status === "healthy" || state === "asleep" ? { done: true } : { seen: { status, state } };
  });
  ahead += minutes;
  await moveClock(platform, ahead * 60_000);
};
const asleep = () => inState(platform, NAME, "asleep");
const kept = () => keptOf(platform, NAME);
const sleep = () => putToSleep(platform, NAME);
const wake = () => askKeeper(platform, "wake", NAME);

beforeAll(async () => {
  await platform.apply([...platform.baseline(), { name: NAME, ports: [PREVIEW], sleep: { after: "30m" } }]);
  await answering(platform, NAME);
  model = await startModel({ port: modelPort });
});

afterAll(async () => {
  await moveClock(platform, 0);
  await model?.close();
  await platform.reset();
});

describe("an open page", () => {
  let browser: Browser;
  let watched: Watched;

  beforeAll(async () => {
    browser = await launchBrowser();
    watched = await openPage(browser);
    await watched.page.clock.install();
  });
  afterAll(() => browser?.close());

  const promptBox = () => watched.page.locator('[contenteditable="true"]').first();

  async function prompt(): Promise<string> {
    const nonce = randomUUID();
    // Of what is typed while the page still loads its models, a part is lost.
    await waitFor<true>("the prompt in its box", async () => {
      await promptBox().click();
      await watched.page.keyboard.press("Control+a");
      await watched.page.keyboard.type(`What do you say to nonce:${nonce}`);
      const seen = (await promptBox().textContent()) ?? "";
      return seen.trim() === `What do you say to nonce:${nonce}` ? { done: true } : { seen };
    });
    await watched.page.keyboard.press("Enter");
    await waitFor<true>("the model's answer", async () => {
      const seen = await watched.page.locator("p").allInnerTexts();
      return seen.includes(answerTo(`nonce:${nonce}`)) ? { done: true } : { seen };
    });
    return nonce;
  }

  it("does not keep its project awake", async () => {
    await watched.page.goto(platform.url(NAME));
    await promptBox().waitFor();
    await watched.page.getByText("Stand-in").first().waitFor();
    await prompt();
    await pass(31);
    await asleep();
  });

  it("does not wake it, a whole night long", async () => {
    const before = await kept();
    for (let hour = 0; hour < 9; hour++) {
      await pass(60);
      // Every timer of the page that is due meanwhile.
      await watched.page.clock.runFor(60 * 60_000);
    }
    expect(before?.state).toBe("asleep");
    // How much of it is in swap is known later.
    expect(await kept()).toMatchObject({ state: "asleep", since: before?.since });
  });

  it("wakes it by a prompt, which is answered, once", async () => {
    const nonce = await prompt();
    await inState(platform, NAME, "awake");
    const answers = await watched.page.locator("p").allInnerTexts();
    expect(answers.filter((text) => text === answerTo(`nonce:${nonce}`))).toHaveLength(1);
    await screenshot(watched.page, "sleep-answered");
  });

  it("had nothing to complain about", () => {
    // Hours that pass in a moment reach the page's own time limits before an answer can.
    const troubles = watched.troubles.filter((text) => !text.endsWith("net::ERR_ABORTED"));
    expect(troubles).toEqual([]);
  });

  it("of a new browser wakes it too, and opens", async () => {
    await sleep();
    const opened = await openPage(browser);
    await opened.page.goto(platform.url(NAME));
    await opened.page.locator('[contenteditable="true"]').first().waitFor();
    // The page that says that it is waking is one, where that takes longer than a second.
    expect(opened.troubles.filter((text) => !/answered 503|status of 503/.test(text))).toEqual([]);
    await opened.page.context().close();
  });
});

describe("opencode's terminal client", () => {
  let terminal: Terminal;
  const folder = temporaryFolder();

  afterAll(async () => {
    await terminal?.close();
    removeFolder(folder);
  });

  it("goes on after its project has slept", async () => {
    await answering(platform, NAME);
    terminal = await openClient(platform, NAME, folder);
    await terminal.waitFor(DRAWN);
    await sleep();
    const nonce = randomUUID();
    await terminal.type(`What do you say to nonce:${nonce}`);
    await terminal.waitFor(nonce);
    expect((await kept())?.state).toBe("asleep");
    await terminal.press("Enter");
    keepScreen("sleep-attach", await terminal.waitFor(answerTo(`nonce:${nonce}`)));
    expect(model.requests.filter(({ prompt }) => prompt.includes(nonce)).length).toBeGreaterThan(0);
  });
});

describe("a half-done terminal", () => {
  it("is as it was: unsaved text, a running counter", async () => {
    const counter = `i=0; while :; do i=$((i + 1)); echo $i > counter; sleep 0.05; done`;
    const counting = await callAt(at, projectApi.createTerminal("bash", ["-c", counter]));
    const count = async () => Number((await execIn(container, ["cat", "counter"])).stdout);
    await waitFor("the counter", async () => ((await count()) > 0 ? { done: true } : { seen: "none" }));
    const editor = await callAt(at, projectApi.createTerminal("vi", ["draft"]));
    const connect = async () => {
      const socket = new WebSocket(`ws://localhost:${port}/p/${NAME}${projectApi.terminalPath(editor)}`);
      await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
      return socket;
    };
    const socket = await connect();
    socket.send("iunsaved words");
    await waitFor("what was typed, in the terminal", async () => {
      const swap = await execIn(container, ["sh", "-c", "ls -a | grep draft"]);
      return swap.stdout.includes(".draft.swp") ? { done: true } : { seen: swap.output };
    });
    const before = await count();
    await sleep();
    socket.close();
    const again = await connect();
    again.send("\u001b:wq\r");
    await waitFor("the saved text", async () => {
      const { stdout } = await execIn(container, ["cat", "draft"]);
      return stdout.trim() === "unsaved words" ? { done: true } : { seen: stdout };
    });
    const after = await count();
    // It has neither begun again nor run on while the project slept.
    expect(after).toBeGreaterThanOrEqual(before);
    again.close();
    await callAt(at, projectApi.removeTerminal(counting));
  });

  it("keeps its project awake while something runs in it", async () => {
    const running = await callAt(at, projectApi.createTerminal("sleep", ["1000"]));
    await pass(24 * 60);
    await waitFor("a reason to stay awake", async () => {
      const { state, reason } = (await kept()) ?? {};
      return state === "awake" && /terminal/.test(reason ?? "")
        ? { done: true }
        : { seen: { state, reason } };
    });
    await callAt(at, projectApi.removeTerminal(running));
    await asleep();
  });
});

describe("an agent that works without a client", () => {
  it("is never put to sleep, however long it takes", async () => {
    const gate = model.gate(`work-${randomUUID()}`, 2);
    try {
      const { id } = await callAt(at, projectApi.createSession());
      await callAt(at, projectApi.prompt(id, `Work, ${gate.token}`));
      gate.release(0);
      await waitFor("the agent to work", () => (gate.sent > 0 ? { done: true } : { seen: gate.sent }));
      for (let day = 0; day < 2; day++) {
        await pass(24 * 60);
        await waitFor("a reason to stay awake", async () => {
          const seen = await kept();
          return seen?.state === "awake" && /is working/.test(seen.reason ?? "") ? { done: true } : { seen };
        });
      }
      expect(await askKeeper(platform, "sleep", NAME)).toMatchObject({
        code: 1,
        value: { error: expect.stringMatching(/is working/) },
      });
    } finally {
      gate.release();
    }
    await waitFor("the agent to end", async () => {
      const busy = await callAt(at, projectApi.busy);
      return busy.length === 0 ? { done: true } : { seen: busy };
    });
    await pass(31);
    await asleep();
  });
});

describe("requests at the moment of falling asleep and of waking", () => {
  it("are all answered, and none is done twice", async () => {
    await wake();
    const REQUESTS = 200;
    const titles = Array.from({ length: REQUESTS }, (_, n) => `moment ${n} ${randomUUID()}`);
    const results: string[] = [];
    let next = 0;
    // Some of them before, some while, some after the keeper has done what it is asked.
    const asked = sleep();
    const worker = async () => {
      for (let title = titles[next++]; title !== undefined; title = titles[next++]) {
        await callAt(at, projectApi.createSession(title));
        results.push(title);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    await asked;
    expect(results).toHaveLength(REQUESTS);
    await wake();
    // A list is no reason to wake, and refused until the gateway leads to the project again.
    const sessions = await waitFor("the list of sessions", async () => ({
      done: await callAt(at, projectApi.sessions(1000)),
    }));
    const made = sessions.flatMap(({ title }) => title ?? []);
    const counts = titles.map((title) => made.filter((each) => each === title).length);
    expect(counts.every((count) => count === 1)).toBe(true);
  });
});

describe("an upload to a program of the project", () => {
  const SIZE = 50 * 2 ** 20;
  const PROGRAM = `const { createHash } = require("node:crypto");
require("node:http").createServer((request, response) => {
  const hash = createHash("sha256");
  request.on("data", (part) => hash.update(part)).on("end", () => response.end(hash.digest("hex")));
}).listen(${PREVIEW})`;

  it("is held, and passed on whole", async () => {
    await wake();
    await execIn(container, ["bash", "-c", `setsid node -e '${PROGRAM}' >/dev/null 2>&1 &`]);
    const host = `${NAME}-${PREVIEW}.localhost:${port}`;
    const body = randomBytes(SIZE);
    const send = (part: Buffer) =>
      new Promise<{ status: number; text: string }>((resolve, reject) => {
        const options = { host: "127.0.0.1", port, method: "POST", headers: { host }, agent: false };
        const sent = request(options, async (response) => {
          let text = "";
          for await (const each of response) text += each;
          resolve({ status: response.statusCode ?? 0, text });
        });
        sent.on("error", reject);
        sent.end(part);
      });
    const hash = (part: Buffer) => createHash("sha256").update(part).digest("hex");
    const small = Buffer.from("small");
    await waitFor("the program", async () => {
      const { text } = await send(small);
      return text === hash(small) ? { done: true } : { seen: text };
    });
    await sleep();
    expect(await send(body)).toEqual({ status: 200, text: hash(body) });
    await inState(platform, NAME, "awake");
  });
});

describe("a sleeping project", () => {
  it("leaves an update nothing to do, and is not woken by it", async () => {
    await sleep();
    expect((await platform.update()).changes).toEqual([]);
    const refreshed = await platform.pulumi(
      "up",
      "--yes",
      "--non-interactive",
      "--refresh",
      "--expect-no-changes",
    );
    expect(refreshed.code, refreshed.output).toBe(0);
    expect((await kept())?.state).toBe("asleep");
  });
});
