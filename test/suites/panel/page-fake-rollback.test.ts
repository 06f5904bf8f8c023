/** The panel's page in Chromium with a fake API: going back to an earlier release of opencode. */

import { describe, expect, it } from "vitest";
import type { ProjectView } from "../../../panel/page/model.ts";
import { project, refusal } from "../../support/panel/fake-api.ts";
import { useFakePage } from "../../support/panel/fake-page.ts";

const fake = useFakePage();
const ITEM = "Go back to an earlier opencode";
const sessions = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `ses_${index}`, title: `session ${index}` }));

describe("going back", () => {
  const dialog = () => fake.page.getByRole("alertdialog", { name: "Take a back to an earlier opencode?" });
  const confirm = () => dialog().getByRole("button", { name: "Go back", exact: true });

  async function open(): Promise<void> {
    fake.api.projects = [project("a", { release: "2.0.18" })];
    fake.api.rollback = { release: "1.18.33", madeAt: "2026-11-29T13:15:00.000Z", left: sessions(12) };
    await fake.open();
    await fake.choose("a", ITEM);
  }

  it("names the release, the time of the copy and the sessions that are left behind, and asks first", async () => {
    await open();
    await dialog().getByText("a goes back to opencode 1.18.33").waitFor();
    expect(await dialog().locator("time").getAttribute("datetime")).toBe("2026-11-29T13:15:00.000Z");
    const names = await dialog().getByRole("listitem").allTextContents();
    expect(names).toEqual([...sessions(10).map(({ title }) => title), "and 2 more"]);
    expect(await fake.focused()).toContain("Cancel");
    expect(fake.api.seen).toEqual([]);
    await fake.page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    expect(await fake.focused()).toContain("More for a");
    expect(fake.troubles).toEqual([]);
  });

  it("sends the release that was confirmed, with the keyboard alone", async () => {
    await open();
    await confirm().waitFor();
    await fake.page.keyboard.press("Tab");
    await fake.page.keyboard.press("Enter");
    await fake.page.getByRole("progressbar", { name: "Progress: roll back a" }).waitFor();
    expect(fake.api.seen).toEqual([
      { method: "POST", path: "/api/projects/a/rollback", ifMatch: undefined, body: { release: "1.18.33" } },
    ]);
    expect(await dialog().count()).toBe(0);
  });

  it("shows why there is nothing to go back to", async () => {
    fake.api.projects = [project("a")];
    await fake.open();
    await fake.choose("a", ITEM);
    await dialog().getByRole("alert").getByText("It has no copy of its sessions.").waitFor();
    expect(await confirm().isVisible()).toBe(false);
  });

  it("looks again when something else would happen now", async () => {
    await open();
    await confirm().waitFor();
    fake.api.rollback = { release: "1.18.30", madeAt: "2026-11-29T14:15:00.000Z", left: [] };
    fake.api.instead = (context) =>
      context.req.method === "POST"
        ? refusal(context, 409, "a would go back to opencode 1.18.30 now.")
        : undefined;
    await confirm().click();
    await dialog().getByRole("alert").getByText("a would go back to opencode 1.18.30 now.").waitFor();
    await dialog().getByText("a goes back to opencode 1.18.30, with its sessions").waitFor();
    await dialog().getByText("No session was used since.").waitFor();
    fake.api.instead = undefined;
    await confirm().click();
    await dialog().waitFor({ state: "detached" });
    expect(fake.api.seen.map(({ body }) => body)).toEqual([{ release: "1.18.30" }]);
  });

  it("says so if the sessions can't be named, and shows markup in their titles as text", async () => {
    await open();
    await confirm().waitFor();
    await fake.page.keyboard.press("Escape");
    const evil = `<img src=x onerror="document.title='owned'">`;
    fake.api.rollback = {
      release: "1",
      madeAt: "2026-11-29T13:15:00.000Z",
      left: [{ id: "s", title: evil }],
    };
    await fake.choose("a", ITEM);
    await dialog().getByText(evil).waitFor();
    expect(await dialog().locator("img").count()).toBe(0);
    await fake.page.keyboard.press("Escape");
    fake.api.rollback = { release: "1", madeAt: "2026-11-29T13:15:00.000Z" };
    await fake.choose("a", ITEM);
    await dialog().getByText("opencode is not responding and can't name them.").waitFor();
    expect(await confirm().isVisible()).toBe(true);
  });

  it("is offered to people who can change a project that runs", async () => {
    const items = async (name: string) => {
      await fake.page.getByRole("button", { name: `More for ${name}`, exact: true }).click();
      const texts = await fake.page.getByRole("menuitem").allTextContents();
      await fake.page.keyboard.press("Escape");
      return texts.some((text) => text.startsWith(ITEM));
    };
    const projects = (role: ProjectView["role"]) => [
      project("a", { role }),
      project("b", { state: "stopped", role }),
      project("c", { state: "pending", role }),
    ];
    fake.api.projects = projects("owner");
    fake.api.me = { email: "dev@example.com", admin: false, kind: "person", create: true, secrets: true };
    await fake.open();
    expect([await items("a"), await items("b"), await items("c")]).toEqual([true, false, false]);
    fake.api.me = { email: "ci", admin: false, kind: "machine", create: false, secrets: true };
    fake.api.projects = projects("machine");
    fake.api.changed();
    await fake.page.locator("#me", { hasText: "ci" }).waitFor();
    expect(await items("a")).toBe(false);
  });
});
