/** The panel's page in Chromium with a fake API: accessibility by axe, in both themes, on a phone and zoomed. */
import { beforeEach, describe, expect, it } from "vitest";
import { project, refusal } from "../../support/panel/fake-api.ts";
import { useFakePage } from "../../support/panel/fake-page.ts";

const fake = useFakePage();

const LOOKS = [
  ["dark", { colorScheme: "dark", viewport: { width: 1280, height: 800 } }],
  ["light", { colorScheme: "light", viewport: { width: 1280, height: 800 } }],
  ["on a phone, dark", { colorScheme: "dark", viewport: { width: 320, height: 640 } }],
  ["on a phone, light", { colorScheme: "light", viewport: { width: 320, height: 640 } }],
  // A window of 1280 pixels at 200 %.
  ["at 200 %", { colorScheme: "light", viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }],
] as const;

const overflow = () =>
  fake.page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

/** Controls smaller than 24 by 24 pixels. */
const smallTargets = () =>
  fake.page.evaluate<
    string[]
  >(`[...document.querySelectorAll("button, a.button, summary, [role=menuitem], input")]
    .filter((element) => element.checkVisibility() && !element.closest("label"))
    .filter((element) => { const { width, height } = element.getBoundingClientRect(); return width < 24 || height < 24; })
    .map((element) => element.outerHTML)`);

/** Styles of a log's lines, in order. */
const looksOfLines = () =>
  fake.page.evaluate<
    { slant: string; colour: string; edge: string; width: string }[]
  >(`[...document.querySelectorAll(".log > div")]
    .map((line) => getComputedStyle(line))
    .map((style) => ({ slant: style.fontStyle, colour: style.color, edge: style.borderLeftColor, width: style.borderLeftWidth }))`);

beforeEach(() => {
  const memory = { used: 1.9 * 2 ** 30, limit: 2 * 2 ** 30 };
  const lastActivity = "2026-01-01T00:00:00Z";
  fake.api.projects = [
    project("web-shop", {
      memory,
      cpu: { used: 0.2, limit: 2 },
      repo: "https://github.com/example/shop.git",
      lastActivity,
      release: "2.0.18",
      upgrade: "migrating, 412 of 1300 sessions",
    }),
    project("key", { deployKey: `ssh-ed25519 ${"A".repeat(68)} key@opencode`, operation: "op" }),
    project("a-name-as-long-as-names-may-be-x", { state: "failed", reason: "fatal: no such repository" }),
    ...(["stopped", "starting", "unhealthy", "cloning", "pending"] as const).map((state) =>
      project(state, { state }),
    ),
  ];
  const step = { op: "create", type: "docker:index/container:Container", name: "key", urn: "u" };
  fake.api.operation({ id: "op", what: "create key", total: 3, done: 1 });
  fake.api.play("op", "progress", { ...step, status: "done" });
  fake.api.play("op", "message", { severity: "error", text: "no space left" });
  const endedAt = new Date().toISOString();
  fake.api.operation({ id: "failed", what: "change a", state: "failed", error: "No space left.", endedAt });
  fake.api.operation({ id: "well", what: "change b", state: "succeeded", total: 2, done: 2, endedAt });
  fake.api.operation({ id: "later", what: "change c", state: "queued" });
  for (const stream of ["stdout", "stderr", "panel"] as const)
    fake.api.log({ at: lastActivity, stream, text: `from ${stream}` });
});

describe.each(LOOKS)("%s", (_, options) => {
  beforeEach(() => fake.reopen(options));

  async function expectFine(): Promise<void> {
    expect(await fake.violations()).toEqual([]);
    expect(await overflow()).toBeLessThanOrEqual(0);
    expect(await smallTargets()).toEqual([]);
  }

  it("the list, with updates and a menu", async () => {
    await fake.page.locator("#operation-op summary").click();
    await fake.page.locator(".steps", { hasText: "no space left" }).waitFor();
    await expectFine();
    await fake.page.getByRole("button", { name: "More for web-shop" }).click();
    await expectFine();
  });

  it("the form with problems", async () => {
    fake.api.instead = (context) =>
      context.req.method === "POST" && context.req.path === "/api/projects"
        ? refusal(context, 422, "The entry is invalid.", [
            { path: "name", message: "is taken" },
            { path: "git.auth", message: "needs an https address" },
            { path: "secrets.0", message: "is not a variable's name" },
            { path: "env.A", message: "has no value" },
          ])
        : undefined;
    await fake.page.keyboard.press("n");
    await fake.page.getByRole("button", { name: "Add a secret" }).click();
    await fake.page.getByLabel("Name of the secret").fill("1");
    await fake.page.getByRole("button", { name: "Create", exact: true }).click();
    await fake.page.getByText("Is taken").waitFor();
    expect(await fake.page.locator("[aria-invalid=true]").count()).toBe(3);
    await expectFine();
  });

  it("the log, with times", async () => {
    await fake.choose("web-shop", "Logs");
    await fake.page.getByRole("log").getByText("from panel").waitFor();
    await fake.page.getByRole("button", { name: "Times" }).click();
    await expectFine();
    // The panel's own lines differ from the project's by more than their colour.
    const [stdout, stderr, panel] = await looksOfLines();
    expect(panel).toMatchObject({ slant: "italic", width: "2px" });
    expect(panel?.edge).not.toBe(stderr?.edge);
    expect([stdout, stderr].map((look) => look?.slant)).toEqual(["normal", "normal"]);
    expect(panel?.colour).not.toBe(stdout?.colour);
  });

  it("the dialog for deleting a workspace", async () => {
    await fake.choose("web-shop", "Delete");
    await fake.page.getByRole("checkbox").check();
    await fake.page.getByRole("button", { name: "Delete with its workspace" }).click();
    await fake.page.getByText("Is not web-shop").waitFor();
    await expectFine();
  });

  it("the dialog for going back to an earlier opencode", async () => {
    const left = Array.from({ length: 12 }, (_, index) => ({ id: `${index}`, title: `${index}`.repeat(80) }));
    fake.api.rollback = { release: "1.18.33", madeAt: "2026-11-29T13:15:00.000Z", left };
    await fake.choose("web-shop", "Go back to an earlier opencode");
    await fake.page.getByText("and 2 more").waitFor();
    await expectFine();
    fake.api.instead = (context) =>
      context.req.method === "POST" ? refusal(context, 409, "The entry was changed.") : undefined;
    await fake.page.getByRole("button", { name: "Go back", exact: true }).click();
    await fake.page.getByText("The entry was changed.").waitFor();
    await fake.page.getByText("and 2 more").waitFor();
    await expectFine();
  });

  it("the banner of a lost connection", async () => {
    await fake.api.stop();
    await fake.page.getByText("Offline, retrying.").waitFor();
    await expectFine();
  });
});

describe("the theme", () => {
  const background = () => fake.page.evaluate<string>("getComputedStyle(document.body).backgroundColor");

  it("is the system's until one is chosen, and is kept across a reload", async () => {
    await fake.reopen({ colorScheme: "dark" });
    expect(await background()).toBe("rgb(19, 16, 16)");
    await fake.page.getByRole("button", { name: "Light theme" }).click();
    expect(await background()).toBe("rgb(255, 255, 255)");
    await fake.page.reload();
    expect(await background()).toBe("rgb(255, 255, 255)");
    await fake.page.getByRole("button", { name: "Dark theme" }).click();
    expect(await background()).toBe("rgb(19, 16, 16)");
  });
});
