/** The panel's page in Chromium with a fake API: projects that sleep. */
import { describe, expect, it } from "vitest";
import { project } from "../../support/panel/fake-api.ts";
import { useFakePage } from "../../support/panel/fake-page.ts";

const fake = useFakePage();
const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3600_000).toISOString();

describe("a project that sleeps", () => {
  it("says for how long, can be opened, and is woken or put to sleep by whoever opens it", async () => {
    const since = hoursAgo(3.1);
    const ports = [
      { port: 3000, label: "3000", url: "http://web-shop-3000.localhost:4000/", listening: false },
    ];
    const member = { role: "member", ports } as const;
    fake.api.projects = [project("web-shop", { ...member, state: "asleep", since })];
    await fake.open();
    const shop = fake.row("web-shop");
    await shop.locator(".state[data-tone=calm]", { hasText: "asleep" }).waitFor();
    const time = shop.locator(".state time");
    expect([await time.textContent(), await time.getAttribute("datetime")]).toEqual(["for 3 hours", since]);
    // Both wake it; nobody knows what listens.
    await shop.getByRole("link", { name: "Open web-shop" }).waitFor();
    await shop.getByRole("link", { name: "3000", exact: true }).waitFor();
    expect(await fake.violations()).toEqual([]);
    await fake.choose("web-shop", "Wake");
    await fake.page.locator("#toast", { hasText: "web-shop is awake" }).waitFor();
    expect(fake.api.seen.at(-1)).toMatchObject({ method: "POST", path: "/api/projects/web-shop/wake" });
    fake.api.projects = [project("web-shop", member)];
    fake.api.changed();
    await shop.getByText("running").waitFor();
    expect(await time.isVisible()).toBe(false);
    await shop.getByRole("link", { name: "3000 (nothing listens)" }).waitFor();
    await fake.choose("web-shop", "Put to sleep");
    await fake.page.locator("#toast", { hasText: "web-shop is asleep" }).waitFor();
    expect(fake.api.seen.at(-1)).toMatchObject({ method: "POST", path: "/api/projects/web-shop/sleep" });
    expect(fake.troubles).toEqual([]);
  });

  it("is announced once it sleeps, and not on its way there", async () => {
    fake.api.projects = [project("web-shop")];
    await fake.open();
    for (const state of ["falling-asleep", "asleep"] as const) {
      fake.api.projects = [project("web-shop", { state, since: hoursAgo(0) })];
      fake.api.changed();
      await fake.row("web-shop").getByText(state.replace("-", " "), { exact: true }).waitFor();
      const said = await fake.page.locator("#said").textContent();
      expect(said).toBe(state === "asleep" ? "web-shop: asleep" : "");
    }
  });

  it("says in a sentence why one can't be put to sleep, and offers nothing to a machine", async () => {
    fake.api.projects = [project("web-shop"), project("docs", { role: "machine", state: "asleep" })];
    fake.api.refusal = "web-shop can't be put to sleep: a session is busy.";
    await fake.open();
    await fake.choose("web-shop", "Put to sleep");
    await fake.page.locator("#toast", { hasText: fake.api.refusal }).waitFor();
    await fake.row("docs").getByRole("button", { name: "More for docs" }).click();
    expect(await fake.page.getByRole("menuitem").allTextContents()).toEqual(["Logs", "History"]);
  });
});

it("the history shows what the keeper did, newest first, with its diagnosis folded in", async () => {
  fake.api.projects = [project("web-shop", { role: "member" })];
  fake.api.history = [
    {
      at: hoursAgo(5),
      what: "healed",
      text: "unhealthy for 3 min",
      diagnosis: ["memory: 1.9 GiB", "<b>log"],
    },
    { at: hoursAgo(2), what: "asleep", text: "5 MiB in RAM, 438 MiB in swap" },
  ];
  await fake.open();
  await fake.choose("web-shop", "History");
  const dialog = fake.page.getByRole("dialog", { name: "History of web-shop" });
  const lines = dialog.locator(".history > li");
  await lines.first().waitFor();
  expect(await lines.locator("> p").allTextContents()).toEqual([
    "asleep: 5 MiB in RAM, 438 MiB in swap",
    "healed: unhealthy for 3 min",
  ]);
  expect(await dialog.locator("pre").isVisible()).toBe(false);
  await dialog.getByText("What was found").click();
  expect(await dialog.locator("pre").textContent()).toBe("memory: 1.9 GiB\n<b>log");
  expect(await fake.violations()).toEqual([]);
  await fake.page.keyboard.press("Escape");
  fake.api.instead = (context) =>
    context.req.path.endsWith("/history")
      ? context.json({ detail: "The history of web-shop can't be read: the keeper is not running." }, 503)
      : undefined;
  await fake.choose("web-shop", "History");
  await dialog.getByRole("alert").getByText("the keeper is not running").waitFor();
});
