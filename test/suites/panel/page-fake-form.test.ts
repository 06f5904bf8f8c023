/** The panel's page in Chromium with a fake API: changes by a person. */
import { describe, expect, it } from "vitest";
import { project, refusal, usedBefore } from "../../support/panel/fake-api.ts";
import { useFakePage } from "../../support/panel/fake-page.ts";

const fake = useFakePage();

describe("a new project", () => {
  it("is created with the keyboard only, and its update followed to the end and across a reload", async () => {
    fake.api.projects = [project("a")];
    await fake.open();
    await fake.page.keyboard.press("n");
    await fake.page.keyboard.type("web-shop");
    await fake.page.keyboard.press("Tab");
    await fake.page.keyboard.type("https://github.com/example/web-shop.git");
    await fake.page.keyboard.press("Tab");
    await fake.page.keyboard.press("Tab");
    await fake.page.keyboard.press("ArrowRight");
    await fake.page.keyboard.press("Tab");
    await fake.page.keyboard.type("t0ken");
    await fake.page.keyboard.press("Enter");
    const bar = fake.page.getByRole("progressbar", { name: "Progress: create web-shop" });
    await bar.waitFor();
    expect(fake.api.seen).toEqual([
      {
        method: "POST",
        path: "/api/projects",
        ifMatch: undefined,
        body: {
          name: "web-shop",
          repo: "https://github.com/example/web-shop.git",
          git: { auth: "token", secret: "GIT_TOKEN" },
          secrets: ["GIT_TOKEN"],
          secretValues: { GIT_TOKEN: "t0ken" },
        },
      },
    ]);
    const step = { op: "create", type: "docker:index/container:Container", name: "web-shop", urn: "u" };
    fake.api.operation({ id: "op-1", total: 4, done: 1 });
    fake.api.play("op-1", "progress", { ...step, status: "begun" });
    await fake.page.getByText("creating docker container web-shop").waitFor();
    expect(await bar.getAttribute("value")).toBe("1");
    await fake.page.reload();
    await fake.page.locator(".steps", { hasText: "creating" }).waitFor({ state: "attached" });
    fake.api.play("op-1", "progress", { ...step, status: "failed", message: "no space left" });
    fake.api.operation({
      id: "op-1",
      state: "failed",
      error: "No space left on the host.",
      endedAt: new Date().toISOString(),
    });
    await fake.page.getByText("No space left on the host.").waitFor();
    expect(await fake.page.locator(".operation .state").textContent()).toBe("✕ failed");
    await fake.page.getByRole("button", { name: "Dismiss: create web-shop" }).click();
    await fake.page.reload();
    await fake.row("a").waitFor();
    expect(await fake.page.locator(".operation").count()).toBe(0);
    const abortedByReload = /\/events net::ERR_ABORTED$/;
    expect(fake.troubles.filter((trouble) => !abortedByReload.test(trouble))).toEqual([]);
  });

  it("shows problems at the field while typing, and keeps the focus", async () => {
    await fake.open();
    await fake.page.keyboard.press("n");
    const checked = fake.page.waitForResponse("**/api/projects/check");
    fake.api.problems = [
      { path: "name", message: '"Web" is not a project\'s name' },
      { path: "resources.memory", message: "is too little" },
    ];
    await fake.page.keyboard.type("Web");
    await checked;
    const name = fake.page.getByLabel("Name", { exact: true });
    await fake.page.locator("[aria-invalid=true]").waitFor();
    expect(await fake.page.locator("[aria-invalid=true]").count()).toBe(1);
    await name.and(fake.page.locator(":focus")).waitFor();
    const described = (await name.getAttribute("aria-describedby"))?.split(" ").at(-1);
    expect(await fake.page.locator(`#${described}`).textContent()).toBe('✕ "Web" is not a project\'s name');
    fake.api.problems = [];
    await fake.page.keyboard.press("Backspace");
    await fake.page.locator("[aria-invalid=true]").waitFor({ state: "detached" });
  });

  it("sends secret values once, and never for a check", async () => {
    const sent: string[] = [];
    fake.page.on("request", (request) => sent.push(`${request.url()} ${request.postData() ?? ""}`));
    await fake.open();
    await fake.page.keyboard.press("n");
    await fake.page.getByLabel("Name", { exact: true }).fill("a");
    await fake.page.getByRole("button", { name: "Add a secret" }).click();
    await fake.page.getByLabel("Name of the secret").fill("KEY");
    const checked = fake.page.waitForResponse("**/api/projects/check");
    await fake.page.getByLabel("Value of KEY").fill("s3cret");
    await checked;
    await fake.page.getByRole("button", { name: "Create", exact: true }).click();
    await fake.page.locator("dialog").waitFor({ state: "detached" });
    expect(fake.api.seen.map(({ body }) => body.secretValues)).toEqual([{ KEY: "s3cret" }]);
    expect(sent.filter((request) => request.includes("/check")).length).toBeGreaterThan(0);
    expect(sent.filter((request) => request.includes("s3cret")).length).toBe(1);
  });

  it("keeps the input when refused, and focuses the first field with a problem", async () => {
    await fake.open();
    await fake.page.keyboard.press("n");
    await fake.page.getByLabel("Name", { exact: true }).fill("web-shop");
    await fake.page.getByLabel("Model").fill("nonsense");
    fake.api.instead = (context) =>
      context.req.method === "POST" && context.req.path === "/api/projects"
        ? refusal(context, 422, "The entry is invalid.", [
            { path: "opencode.model", message: '"nonsense" is not a model', fix: "write provider/model" },
            { path: "env.A", message: "has no value" },
          ])
        : undefined;
    await fake.page.getByRole("button", { name: "Create", exact: true }).click();
    await fake.page.getByText("env.A: Has no value").waitFor();
    expect(await fake.focused()).toContain('aria-invalid="true"');
    expect(await fake.page.getByLabel("Model").inputValue()).toBe("nonsense");
    expect(await fake.page.getByLabel("Name", { exact: true }).inputValue()).toBe("web-shop");
    await fake.page.keyboard.press("Escape");
    await fake.page.getByText("Not saved.").waitFor();
    expect(await fake.page.locator("dialog").count()).toBe(1);
    await fake.page.keyboard.press("Escape");
    await fake.page.locator("dialog").waitFor({ state: "detached" });
  });
});

describe("a name that was used before", () => {
  const group = () =>
    fake.page.getByRole("group", {
      name: "An earlier project shop left its sessions, settings and files behind (12 MiB, last used 10 March 2026).",
    });
  const create = () => fake.page.getByRole("button", { name: "Create", exact: true });

  /** Submits a new project `shop`, which the API refuses without a choice. */
  async function submit(choices: readonly ("keep" | "anew")[]): Promise<void> {
    const known = { bytes: 12 * 2 ** 20, lastUsed: "2026-03-10T12:00:00Z" };
    let isFirst = true;
    fake.api.instead = (context) => {
      if (context.req.method !== "POST" || context.req.path !== "/api/projects" || !isFirst) return undefined;
      isFirst = false;
      return usedBefore(context, { choices: [...choices], ...(choices.length > 1 ? known : {}) });
    };
    await fake.open();
    await fake.page.keyboard.press("n");
    await fake.page.keyboard.type("shop");
    await fake.page.keyboard.press("Enter");
  }

  it("is asked about, with nothing chosen beforehand, and the answer sent, with the keyboard only", async () => {
    await submit(["keep", "anew"]);
    await group().waitFor();
    const keep = group().getByRole("radio", { name: /^Keep them/ });
    await keep.and(fake.page.locator(":focus")).waitFor();
    expect(await group().locator(":checked").count()).toBe(0);
    expect(await fake.violations()).toEqual([]);
    await fake.page.keyboard.press("Enter");
    await fake.page.getByText("Choose what happens with it").waitFor();
    expect(fake.api.seen).toEqual([]);
    await keep.and(fake.page.locator(":focus")).waitFor();
    await fake.page.keyboard.press("ArrowDown");
    await fake.page.getByText("Choose what happens with it").waitFor({ state: "hidden" });
    await fake.page.keyboard.press("Enter");
    await fake.page.getByRole("progressbar", { name: "Progress: create shop" }).waitFor();
    expect(fake.api.seen.map(({ body }) => body)).toEqual([
      { name: "shop", secretValues: {}, leftover: "anew" },
    ]);
  });

  it("offers what the person can choose alone, and is no question for another name", async () => {
    await submit(["anew"]);
    const anew = fake.page.getByRole("radio", { name: /^Begin anew/ });
    await anew.waitFor();
    expect(await fake.page.getByRole("radio", { name: /^Keep/ }).count()).toBe(0);
    await fake.page.getByText("files behind.", { exact: false }).waitFor();
    await fake.page.getByLabel("Name", { exact: true }).fill("bakery");
    await create().click();
    await fake.page.getByRole("progressbar", { name: "Progress: create bakery" }).waitFor();
    expect(fake.api.seen.map(({ body }) => body)).toEqual([{ name: "bakery", secretValues: {} }]);
  });
});

describe("a change", () => {
  const entry = { name: "a", branch: "main", resources: { memory: "1GiB", pids: 99 } };

  async function conflict(now: typeof entry): Promise<void> {
    fake.api.projects = [project("a", { entry })];
    await fake.open();
    await fake.choose("a", "Edit");
    await fake.page.getByLabel("Memory").and(fake.page.locator("input")).fill("2GiB");
    fake.api.projects = [project("a", { entry: now })];
    fake.api.version = "v2";
    fake.api.instead = (context) =>
      context.req.method === "PATCH" && context.req.header("if-match") !== '"v2"'
        ? refusal(context, 409, "projects.yaml has changed.")
        : undefined;
  }

  it("sends only changed keys, and retries automatically if the entry is unchanged", async () => {
    await conflict(entry);
    await fake.page.getByRole("button", { name: "Save" }).click();
    await fake.page.locator("dialog").waitFor({ state: "detached" });
    expect(fake.api.seen).toEqual([
      {
        method: "PATCH",
        path: "/api/projects/a",
        ifMatch: '"v2"',
        body: { resources: { memory: "2GiB", pids: 99 }, secretValues: {} },
      },
    ]);
  });

  it("shows who changed the entry meanwhile, and loads that change while keeping the input", async () => {
    await conflict({ ...entry, branch: "next" });
    fake.api.operation({
      id: "theirs",
      what: "change a",
      project: "a",
      person: "dev@example.com",
      state: "queued",
      createdAt: "2999-01-01T00:00:00Z",
    });
    await fake.page.getByRole("button", { name: "Save" }).click();
    await fake.page.getByText("dev@example.com changed this entry meanwhile").waitFor();
    expect(await fake.page.getByLabel("Branch").inputValue()).toBe("main");
    await fake.page.getByRole("button", { name: "Load the change, keep my input" }).click();
    expect(await fake.page.getByLabel("Branch").inputValue()).toBe("next");
    expect(await fake.page.getByLabel("Memory").and(fake.page.locator("input")).inputValue()).toBe("2GiB");
    await fake.page.getByRole("button", { name: "Save" }).click();
    await fake.page.locator("dialog").waitFor({ state: "detached" });
    expect(fake.api.seen.map(({ body }) => body)).toEqual([
      { resources: { memory: "2GiB", pids: 99 }, secretValues: {} },
    ]);
  });

  it("shows each person what they may do: owners change, members start and stop, machines look", async () => {
    const owners = ["dev@example.com"];
    const items = async () => {
      await fake.page.getByRole("button", { name: "More for a" }).click();
      const texts = await fake.page.getByRole("menuitem").allTextContents();
      await fake.page.keyboard.press("Escape");
      return texts;
    };
    fake.api.projects = [project("a", { entry, owners, role: "owner" })];
    fake.api.me = { email: "dev@example.com", admin: false, kind: "person", create: false, secrets: true };
    await fake.open();
    await fake.page.getByText("owned by dev@example.com").waitFor();
    expect(await fake.page.getByRole("button", { name: "New project" }).isVisible()).toBe(false);
    await fake.choose("a", "Edit");
    const shown = await fake.page.locator("dialog label:visible, dialog legend:visible").allTextContents();
    expect(shown).toEqual(expect.arrayContaining(["Branch", "Model", "Members", "Secrets"]));
    expect(shown.filter((text) => /Memory|Processors|Limits/.test(text))).toEqual([]);
    await fake.page.keyboard.press("Escape");
    fake.api.me = { ...fake.api.me, email: "ben@example.com", create: true, secrets: true };
    fake.api.projects = [project("a", { entry, owners, role: "member" })];
    fake.api.changed();
    await fake.page.locator("#me", { hasText: "ben" }).waitFor();
    expect(await items()).toEqual(["Logs", "History", "Put to sleep", "Stop", "Finish a log-in ↗"]);
    expect(await fake.page.getByRole("button", { name: "New project" }).isVisible()).toBe(true);
    fake.api.me = { email: "ci", admin: false, kind: "machine", create: false, secrets: true };
    fake.api.projects = [project("a", { entry, owners, role: "machine" })];
    fake.api.changed();
    await fake.page.locator("#me", { hasText: "ci" }).waitFor();
    expect(await items()).toEqual(["Logs", "History"]);
  });

  it("says how secrets are set where a pipeline applies the platform, and takes no value", async () => {
    fake.api.me = { ...fake.api.me, secrets: false };
    fake.api.projects = [project("a", { entry: { ...entry, secrets: ["API_KEY"] } })];
    await fake.open();
    await fake.choose("a", "Edit");
    await fake.page
      .getByText("npm run pulumi -- config set --secret secrets:a/<NAME> --stack local")
      .waitFor();
    expect(await fake.page.getByLabel("Value of API_KEY").isDisabled()).toBe(true);
    await fake.page.keyboard.press("Escape");
    fake.api.me = { ...fake.api.me, secrets: true };
  });

  it("stops and starts a project at once", async () => {
    fake.api.projects = [project("a")];
    await fake.open();
    await fake.choose("a", "Stop");
    await fake.page.locator("#toast", { hasText: "Stopping a" }).waitFor();
    fake.api.projects = [project("a", { state: "stopped" })];
    fake.api.changed();
    await fake.page.getByRole("button", { name: "Start a" }).click();
    await fake.page.locator("#toast", { hasText: "Starting a" }).waitFor();
    expect(fake.api.seen.map(({ path }) => path)).toEqual(["/api/projects/a/stop", "/api/projects/a/start"]);
  });

  it("deletes a workspace only after its name was typed, and restores the focus", async () => {
    fake.api.projects = [project("a")];
    await fake.open();
    await fake.choose("a", "Delete");
    await fake.page.getByText("Keeps the workspace").waitFor();
    await fake.page.getByRole("checkbox").check();
    await fake.page.getByRole("button", { name: "Delete with its workspace" }).click();
    await fake.page.getByText("Is not a.").waitFor();
    expect(fake.api.seen).toEqual([]);
    await fake.page.keyboard.press("Escape");
    expect(await fake.focused()).toContain("More for a");
    await fake.choose("a", "Delete");
    await fake.page.getByRole("checkbox").check();
    await fake.page.getByLabel("Type a to delete its workspace").fill("a");
    await fake.page.keyboard.press("Enter");
    await fake.page.locator("dialog").waitFor({ state: "detached" });
    expect(fake.api.seen.map(({ path }) => path)).toEqual(["/api/projects/a?workspace=delete&confirm=a"]);
  });
});
