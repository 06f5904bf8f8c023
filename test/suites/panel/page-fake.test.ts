/** The panel's page in Chromium with a fake API: the list, the connection, the log. */
import { describe, expect, it } from "vitest";
import { project } from "../../support/panel/fake-api.ts";
import { useFakePage } from "../../support/panel/fake-page.ts";

const fake = useFakePage();

/** Pixels of the log below its visible part. */
const LEFT =
  "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)(document.querySelector('.log'))";

describe("the list", () => {
  it("updates a project live and keeps the focus", async () => {
    const lastActivity = new Date(Date.now() - 2 * 3600_000).toISOString();
    fake.api.projects = [project("web-shop", { lastActivity, memory: { used: 2 ** 29, limit: 2 ** 30 } })];
    await fake.open();
    const shop = fake.row("web-shop");
    await shop.getByText("running").waitFor();
    expect(await shop.locator(".activity time").textContent()).toBe("2 hours ago");
    expect(await shop.locator(".activity time").getAttribute("datetime")).toBe(lastActivity);
    expect(await shop.getByRole("meter", { name: "memory" }).getAttribute("value")).toBe("0.5");
    expect(await shop.getByRole("link", { name: "Open web-shop" }).getAttribute("href")).toBe(
      "http://web-shop.localhost:4000",
    );
    const more = shop.getByRole("button", { name: "More for web-shop" });
    await more.focus();
    fake.api.projects = [project("web-shop", { state: "failed", reason: "git clone: no such branch" })];
    fake.api.changed();
    await shop.getByText("git clone: no such branch").waitFor();
    expect(await shop.locator(".state").textContent()).toBe("✕failed");
    expect(await fake.focused()).toContain("More for web-shop");
    expect(await fake.page.locator("#said").textContent()).toBe("web-shop: failed");
    expect(fake.troubles).toEqual([]);
  });

  it("shows a project's release, and how far its change to it is", async () => {
    const upgrade = "migrating, 412 of 1300 sessions";
    fake.api.projects = [project("web-shop", { release: "2.0.18", upgrade })];
    await fake.open();
    const release = fake.row("web-shop").locator(".release");
    expect(await release.textContent()).toBe(`opencode 2.0.18: ${upgrade}`);
    fake.api.projects = [project("web-shop", { release: "2.0.18" })];
    fake.api.changed();
    await release.getByText("opencode 2.0.18", { exact: true }).waitFor();
    expect(fake.troubles).toEqual([]);
  });

  it("links a project's ports, says which answer, and offers others that something listens on", async () => {
    const ports = [
      { port: 3000, label: "3000", url: "http://web-shop-3000.localhost:4000/", listening: true },
      { port: 8080, label: "admin", url: "http://web-shop-admin.localhost:4000/", listening: false },
    ];
    fake.api.projects = [
      project("web-shop", { ports, listening: [5173], entry: { name: "web-shop", ports: [3000] } }),
    ];
    await fake.open();
    const shop = fake.row("web-shop");
    const open = shop.getByRole("link", { name: "3000", exact: true });
    expect(await open.getAttribute("href")).toBe("http://web-shop-3000.localhost:4000/");
    await shop.getByRole("link", { name: "admin (nothing listens)" }).waitFor();
    await shop.getByRole("button", { name: "Add port 5173 to web-shop" }).click();
    await fake.page.locator("#toast", { hasText: "Adding port 5173 to web-shop" }).waitFor();
    expect(fake.api.seen.at(-1)).toMatchObject({
      method: "PATCH",
      path: "/api/projects/web-shop",
      ifMatch: '"v1"',
      body: { ports: [3000, 5173] },
    });
    // Who only opens it is offered nothing.
    fake.api.projects = [project("web-shop", { role: "member", listening: [5173] })];
    fake.api.changed();
    await shop.locator(".ports").waitFor({ state: "hidden" });
    expect(fake.troubles).toEqual([]);
  });

  it("shows that setup runs, and runs it again for who can change the project", async () => {
    const url = "http://web-shop.localhost:4000/";
    fake.api.projects = [
      project("web-shop", { state: "setting-up", reason: "added 3 packages", hasSetup: true, url }),
    ];
    await fake.open();
    const shop = fake.row("web-shop");
    await shop.getByText("setting up").waitFor();
    await shop.getByText("added 3 packages").waitFor();
    // opencode serves beside it.
    await shop.getByRole("link", { name: "Open web-shop" }).waitFor();
    const again = shop.getByRole("menuitem", { name: "Run setup again" });
    const menu = shop.getByRole("button", { name: "More for web-shop" });
    await menu.click();
    expect(await again.count()).toBe(0);
    await fake.page.keyboard.press("Escape");
    const reason = "setup failed with exit code 1: npm ci: no";
    fake.api.projects = [project("web-shop", { reason, hasSetup: true, url })];
    fake.api.changed();
    await shop.getByText(reason).waitFor();
    await menu.click();
    await again.click();
    await fake.page.locator("#toast", { hasText: "Running the setup of web-shop" }).waitFor();
    expect(fake.api.seen.at(-1)).toMatchObject({ method: "POST", path: "/api/projects/web-shop/setup" });
    expect(fake.troubles).toEqual([]);
  });

  it("leads to where a log-in is finished, for who can open the project and while it runs", async () => {
    const url = fake.api.url;
    fake.api.projects = [project("web-shop", { role: "member", url })];
    await fake.open();
    const shop = fake.row("web-shop");
    const menu = shop.getByRole("button", { name: "More for web-shop" });
    await menu.click();
    const opened = fake.page.waitForEvent("popup");
    await shop.getByRole("menuitem", { name: "Finish a log-in" }).click();
    const popup = await opened;
    await popup.waitForURL(`${url}_platform/callback`);
    await popup.close();
    for (const values of [{ state: "stopped" }, { role: "machine" }] as const) {
      fake.api.projects = [project("web-shop", { url, ...values })];
      fake.api.changed();
      await shop
        .getByRole("link", { name: "Open web-shop" })
        .waitFor({ state: values.state ? "hidden" : "visible" });
      await menu.click();
      await shop.getByRole("menuitem", { name: "Logs" }).waitFor();
      expect(await shop.getByRole("menuitem", { name: "Finish a log-in" }).count()).toBe(0);
      await fake.page.keyboard.press("Escape");
    }
  });

  it("shows an operation's last message, as of a migration", async () => {
    fake.api.projects = [project("web-shop", { operation: "op" })];
    fake.api.operation({ id: "op", what: "change web-shop" });
    await fake.open();
    fake.api.play("op", "message", { severity: "info", text: "web-shop: migrating, 412 of 1300 sessions" });
    await fake.page.locator(".operation .last", { hasText: "migrating, 412 of 1300 sessions" }).waitFor();
  });

  it("copies the URL and the attach command", async () => {
    await fake.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    fake.api.projects = [project("a")];
    await fake.open();
    await fake.page.getByRole("button", { name: "Copy the attach command of a" }).click();
    await fake.page.getByText("copied ✓").waitFor();
    expect(await fake.page.evaluate("navigator.clipboard.readText()")).toBe(
      "opencode attach http://a.localhost:4000",
    );
  });

  it("is filtered with the keyboard, without triggering shortcuts", async () => {
    fake.api.projects = [project("one"), project("nine")];
    await fake.open();
    await fake.page.keyboard.press("/");
    await fake.page.keyboard.type("n");
    await fake.page.keyboard.type("ine");
    await fake.row("one").waitFor({ state: "detached" });
    expect(await fake.page.locator("#count").textContent()).toBe("1 of 2");
    expect(await fake.page.locator("dialog").count()).toBe(0);
  });

  it("has no shortcuts after they were turned off, also after a reload", async () => {
    await fake.open();
    await fake.page.getByRole("button", { name: "Single keys" }).click();
    await fake.page.reload();
    await fake.page.locator("#keys[aria-pressed=false]").waitFor();
    await fake.page.keyboard.press("n");
    expect(await fake.page.locator("dialog").count()).toBe(0);
    await fake.page.getByRole("button", { name: "Single keys" }).click();
    await fake.page.keyboard.press("n");
    expect(await fake.page.locator("dialog").count()).toBe(1);
  });

  it("offers to create the first project, and tells a member to ask an admin", async () => {
    await fake.open();
    await fake.page.getByRole("button", { name: "Create the first project" }).waitFor();
    fake.api.me = { email: "dev@example.com", admin: false, kind: "person", create: false, secrets: true };
    fake.api.changed();
    await fake.page.getByText("Ask an admin").waitFor();
    await fake.page.keyboard.press("n");
    expect(await fake.page.locator("dialog").count()).toBe(0);
  });

  it("shows markup in names, reasons, operations and logs as text", async () => {
    const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    fake.api.projects = [
      project(evil, { state: "failed", reason: evil, repo: evil, url: "javascript:alert(1)" }),
    ];
    fake.api.operation({
      id: "op",
      what: evil,
      person: evil,
      state: "failed",
      error: evil,
      endedAt: new Date().toISOString(),
    });
    fake.api.log({ at: "2026-01-01T00:00:00Z", stream: "stdout", text: evil });
    await fake.open();
    await fake.page.locator(".reason", { hasText: evil }).waitFor();
    await fake.page.locator(".operation .alert", { hasText: evil }).waitFor();
    await fake.page.locator("#projects .row-acts button", { hasText: "Logs" }).click();
    await fake.page.locator(".log", { hasText: evil }).waitFor();
    expect(await fake.page.locator("main img, main script, dialog img, dialog script").count()).toBe(0);
    expect(await fake.page.locator("[href^=javascript]").count()).toBe(0);
    expect(await fake.page.title()).not.toBe("owned");
    expect(fake.troubles).toEqual([]);
  });
});

describe("the connection", () => {
  it("reports a part of the page that failed to load, and offers a reload", async () => {
    fake.api.projects = [project("a")];
    await fake.page.route("**/menu.ts", (route) => route.abort("connectionreset"), { times: 2 });
    await fake.page.goto(fake.api.url);
    await fake.page.getByText("Part of the page failed to load.").waitFor();
    await fake.page.unrouteAll();
    await fake.page.getByRole("link", { name: "Reload" }).click();
    await fake.row("a").waitFor();
  });

  it("is reported when lost, and restored by a retry", async () => {
    fake.api.projects = [project("a")];
    await fake.open();
    await fake.api.stop();
    await fake.page.getByText("Offline, retrying.").waitFor();
    expect(await fake.row("a").count()).toBe(1);
    fake.api.projects = [project("a"), project("b")];
    await fake.api.start();
    await fake.page.getByRole("button", { name: "Try now" }).click();
    await fake.row("b").waitFor();
    await fake.page.getByText("Offline, retrying.").waitFor({ state: "hidden" });
  });

  it.each([
    ["a redirect to a login page", () => Response.redirect("https://login.example.com/", 302)],
    ["401", () => new Response("", { status: 401 })],
  ])("reports an expired login on %s, and continues after a new one", async (_, answer) => {
    fake.api.projects = [project("a")];
    await fake.open();
    await fake.page.keyboard.press("n");
    fake.api.instead = answer;
    await fake.page.getByLabel("Name", { exact: true }).fill("typed");
    const ended = fake.page.getByRole("alertdialog", { name: "Your login has expired" });
    await ended.getByRole("button", { name: "Reload" }).waitFor();
    await fake.page.keyboard.press("Escape");
    expect(await ended.count()).toBe(1);
    fake.api.instead = undefined;
    await fake.page.evaluate("dispatchEvent(new Event('focus'))");
    await ended.waitFor({ state: "detached" });
    expect(await fake.page.getByLabel("Name", { exact: true }).inputValue()).toBe("typed");
  });

  it("detects an expired login from its stream only", async () => {
    await fake.open();
    fake.api.instead = () => Response.redirect("https://login.example.com/", 302);
    fake.api.cut();
    await fake.page.getByRole("alertdialog", { name: "Your login has expired" }).waitFor();
  });
});

describe("a log", () => {
  const line = (n: number) => ({
    at: `2026-01-01T00:00:00.${String(n).padStart(9, "0")}Z`,
    stream: "stdout" as const,
    text: `line ${n}.`,
  });

  it("follows, pauses on scrolling up, jumps to the end, and limits its lines", async () => {
    fake.api.projects = [project("a")];
    for (let n = 0; n < 2100; n++) fake.api.log(line(n));
    await fake.open();
    await fake.choose("a", "Logs");
    const log = fake.page.getByRole("log");
    await log.getByText("line 2099.").waitFor();
    expect(await log.locator("> div").count()).toBe(2000);
    await fake.page.evaluate("document.querySelector('.log').scrollTop = 0");
    await fake.page.getByText("paused", { exact: true }).waitFor();
    fake.api.log(line(2100));
    await fake.page.getByText("paused, 1 new").waitFor();
    await fake.page.getByRole("button", { name: "Jump to the end" }).click();
    await log.getByText("line 2100.").waitFor();
    expect(await fake.page.evaluate<number>(LEFT)).toBeLessThan(2);
    await fake.page.getByRole("button", { name: "Times" }).click();
    await log.getByText("2026-01-01T00:00:00Z").last().waitFor();
  });

  it("repeats no line after its stream was interrupted", async () => {
    fake.api.projects = [project("a")];
    for (let n = 0; n < 3; n++) fake.api.log(line(n));
    await fake.open();
    await fake.choose("a", "Logs");
    await fake.page.getByText("line 2.").waitFor();
    fake.api.cut();
    await fake.page.getByText("offline, retrying", { exact: true }).waitFor();
    fake.api.log(line(3));
    await fake.page.getByText("line 3.").waitFor();
    expect(await fake.page.getByRole("log").locator("> div").count()).toBe(4);
  });
});
