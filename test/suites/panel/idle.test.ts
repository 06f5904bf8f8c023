/** Notices of idle projects, from opencode's sessions to a webhook. Only the webhook's service and the panel's clock are stand-ins. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { health as healthOf } from "../../support/docker.ts";
import { ask } from "../../support/http.ts";
import { filesUnder, findLeaks } from "../../support/leaks.ts";
import { callAt, PROTECTED_PATH, projectApi, question } from "../../support/opencode.ts";
import { PanelClock } from "../../support/panel/clock.ts";
import { Panel } from "../../support/panel/panel.ts";
import { type Posted, WebhookStandIn } from "../../support/panel/webhook.ts";
import { Platform } from "../../support/platform.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { waitFor, waitForText } from "../../support/wait.ts";

const IDLE_DAYS = 3;
/** The panel checks every minute, which its clock shortens to seconds. */
const LOOK = { within: 150_000, every: 500 };
/** Unique names, so that no earlier run has left sessions. */
const run = Date.now().toString(36);
const FORGOTTEN = `forgotten-${run}`;
const IN_USE = `in-use-${run}`;

const platform = new Platform();
const folder = temporaryFolder();
const clock = new PanelClock(join(folder, "clock"));
afterAll(() => removeFolder(folder));

/** The panel writes this file at the end of each check. */
const lastLook = () =>
  statSync(platform.path(".runtime", "panel", "activity.json"), { throwIfNoEntry: false })?.mtimeMs;

/** Creates a session, as a person's first prompt does. */
async function use(project: string): Promise<void> {
  await waitFor<true>(`a session of ${project}`, async () => {
    const at = { port: platform.fixture.port, path: `/p/${project}` };
    const { status } = await ask(question(at, projectApi.createSession()));
    return status < 300 ? { done: true } : { seen: status };
  });
}

const textsOf = (posts: readonly Posted[]): string[] =>
  posts.map(({ body }) => (body as { text: string }).text);
const noticeOf = (project: string, days: number) =>
  `${project} has not been used for ${days} days: ${platform.url(project)} — stop or delete it in the panel if it is no longer needed.`;

describe("the notice of an idle project", () => {
  let webhook: WebhookStandIn;
  let panel: Panel;

  beforeAll(async () => {
    webhook = await WebhookStandIn.start();
    await platform.apply([{ name: FORGOTTEN }, { name: IN_USE }]);
    await platform.configure("opencode-platform:panelWebhook", webhook.url, { secret: true });
    const idleDays = ["--path", "opencode-platform:panel.idleDays", String(IDLE_DAYS)];
    expect((await platform.pulumi("config", "set", ...idleDays)).code).toBe(0);
  });
  afterAll(async () => {
    await panel?.end();
    await webhook?.close();
    await platform.pulumi("config", "rm", "--path", "opencode-platform:panel.idleDays");
    await platform.pulumi("config", "rm", "opencode-platform:panelWebhook");
    await platform.reset();
    for (const name of [FORGOTTEN, IN_USE])
      for (const left of [platform.workspace(name), platform.home(name)]) removeFolder(left);
  });

  async function looksAfter(before: number | undefined): Promise<void> {
    await waitFor<true>(
      "the panel's check of its projects",
      () => (lastLook() === before ? { seen: panel.said.slice(-2000) } : { done: true }),
      LOOK,
    );
  }

  /** Restarts the panel, which checks at once. */
  async function restart(): Promise<void> {
    await panel.end();
    const before = lastLook();
    await panel.run();
    await looksAfter(before);
  }

  const health = async () => {
    const { body } = await panel.ask<{ status: string; parts: { name: string; state: string }[] }>(
      "GET",
      "/api/health",
    );
    return { status: body.status, notices: body.parts.find(({ name }) => name === "notices")?.state };
  };

  async function noticesAre(state: "ok" | "degraded"): Promise<void> {
    await waitFor<true>(
      `the health of notices to be ${state}`,
      async () => {
        const seen = await health();
        return seen.notices === state && seen.status === state ? { done: true } : { seen };
      },
      LOOK,
    );
  }

  /** Waits until the webhook has accepted or refused each of these texts, as often as listed. */
  async function posted(which: "taken" | "refused", texts: readonly string[]): Promise<void> {
    await waitFor<true>(
      `the webhook to have ${which} the notices`,
      () => {
        const left = textsOf(webhook[which]);
        const isThere = texts.every((text) => left.includes(text) && left.splice(left.indexOf(text), 1));
        return isThere ? { done: true } : { seen: { ...webhook, said: panel.said.slice(-2000) } };
      },
      LOOK,
    );
  }

  it("is not sent for projects that the panel sees for the first time", async () => {
    for (const name of [FORGOTTEN, IN_USE])
      await waitFor<true>(`${name} to answer`, async () => {
        const { status } = await fetch(platform.api(name) + PROTECTED_PATH);
        return status === 200 ? { done: true } : { seen: status };
      });
    clock.set(-10);
    const before = lastLook();
    panel = await Panel.start(clock.env);
    await looksAfter(before);
    expect(webhook.taken).toEqual([]);
    await noticesAre("ok");
  });

  it("is sent for an unused project only, in a format for Slack and Discord", async () => {
    await use(IN_USE);
    clock.set(0);
    await restart();
    const text = noticeOf(FORGOTTEN, 10);
    await posted("taken", [text]);
    expect(webhook.taken).toEqual([
      {
        method: "POST",
        contentType: "application/json",
        body: { text, content: text, allowed_mentions: { parse: [] } },
      },
    ]);
  });

  it("is sent once, also across a restart of the panel", async () => {
    await restart();
    // On a busy machine a project may not respond at the panel's first check.
    await looksAfter(lastLook());
    expect(textsOf(webhook.taken)).toEqual([noticeOf(FORGOTTEN, 10)]);
  });

  it("is not sent when the project is used again", async () => {
    await use(FORGOTTEN);
    await waitFor<string>(
      "the panel to see the new activity",
      async () => {
        const found = (await panel.projects()).find(({ name }) => name === FORGOTTEN);
        return found?.lastActivity ? { done: found.lastActivity } : { seen: JSON.stringify(found) };
      },
      LOOK,
    );
    expect(webhook.taken).toHaveLength(1);
  });

  it("is retried while the webhook refuses it, with a report in health and the log", async () => {
    webhook.isBroken = true;
    clock.set(4);
    const [one, other] = [noticeOf(FORGOTTEN, 4), noticeOf(IN_USE, 4)];
    await posted("refused", [one, one, other, other]);
    await noticesAre("degraded");
    expect(panel.said).toContain("Could not notify the webhook: it answered 500");
    expect(webhook.taken).toHaveLength(1);
  });

  it("is sent once for each when the webhook accepts it again", async () => {
    webhook.isBroken = false;
    const notices = [noticeOf(FORGOTTEN, 10), noticeOf(FORGOTTEN, 4), noticeOf(IN_USE, 4)];
    await posted("taken", notices);
    await noticesAre("ok");
    await restart();
    expect(textsOf(webhook.taken).toSorted()).toEqual(notices.toSorted());
    expect(webhook.strays).toEqual([]);
  });

  it("keeps the webhook's URL out of responses, logs and plain files", async () => {
    const paths = ["/api/projects", "/api/operations", "/api/health", "/api/openapi.json"];
    const answers = await Promise.all(
      paths.map(async (where) => ({ where, text: JSON.stringify((await panel.ask("GET", where)).body) })),
    );
    const output = { where: "the panel's output", text: panel.said };
    const skip = (path: string) => /\/(node_modules|\.git|\.toolchain)$/.test(path);
    const files = [...filesUnder(platform.fixture.root, skip)];
    expect(files.map(({ where }) => where)).toEqual(
      expect.arrayContaining(
        ["Pulumi.local.yaml", ".runtime/panel/activity.json"].map((name) => platform.path(name)),
      ),
    );
    expect(findLeaks({ WEBHOOK: webhook.secret }, [...answers, output, ...files])).toEqual([]);
  });
});

// 1.x starts an instance for a directory when its API is first asked about that, and the instance its plugins. Of 2.x there is nothing to see.
const describeOnOne: (title: string, tests: () => void) => void =
  projectApi.major === 1 ? describe : () => {};

describeOnOne("the panel's look at a project that nobody has opened", () => {
  const QUIET = `quiet-${run}`;
  const mark = () => existsSync(join(platform.workspace(QUIET), "plugin-has-run"));
  let panel: Panel | undefined;
  afterAll(async () => {
    await panel?.end();
    await platform.reset();
    for (const left of [platform.workspace(QUIET), platform.home(QUIET)]) removeFolder(left);
  });

  it("runs no plugin of it", async () => {
    // 1.x gets a package for its plugins by npm, which tries for a minute where there is no internet.
    await platform.apply([{ name: QUIET, env: { npm_config_offline: "true" } }]);
    const line = async () => (await healthOf(platform.container(QUIET))).line;
    await waitForText("opencode", line, /^serving; /);
    const plugin = `import { writeFileSync } from "node:fs";
writeFileSync("/workspace/plugin-has-run", "");
export const Spy = async () => ({});
export default Spy;
`;
    for (const name of ["plugin", "plugins"]) {
      const at = join(platform.workspace(QUIET), ".opencode", name);
      mkdirSync(at, { recursive: true });
      writeFileSync(join(at, "spy.ts"), plugin);
    }
    clock.set(0);
    let before = lastLook();
    panel = await Panel.start(clock.env);
    for (let looks = 0; looks < 3; looks++) {
      await waitFor<true>(
        "the panel's check of its projects",
        () => (lastLook() === before ? { seen: panel?.said.slice(-2000) } : { done: true }),
        LOOK,
      );
      before = lastLook();
    }
    expect(mark()).toBe(false);
    // Else no look would be seen.
    await callAt({ port: platform.fixture.port, path: `/p/${QUIET}` }, projectApi.settings);
    await waitFor<true>("the plugin", () => (mark() ? { done: true } : { seen: "no mark" }));
  });
});
