/** The panel's page in Chromium with a fake API: backups, checkpoints and forks. */
import { describe, expect, it } from "vitest";
import { project } from "../../support/panel/fake-api.ts";
import { useFakePage } from "../../support/panel/fake-page.ts";

const fake = useFakePage();
const ITEM = "Backups, fork …";
const at = "2026-11-30T03:00:00.000Z";
const all = {
  setUp: true,
  isSnapshot: true,
  everyMs: 86_400_000,
  backups: [{ id: "4fb1", at, bytes: 2 ** 30, release: "1.18.33", reason: "schedule" }],
  checkpoints: [{ id: "20261130-031200", at, label: "before-7", reason: "asked" }],
};

async function openDialog() {
  await fake.choose("web-shop", ITEM);
  const dialog = fake.page.getByRole("dialog", { name: "Backups of web-shop" });
  await dialog.getByText("before-7").waitFor();
  return dialog;
}

describe("backups", () => {
  it("are listed, and made, restored, rolled back to and forked after a question", async () => {
    fake.api.projects = [project("web-shop", { role: "owner" })];
    fake.api.backups = all;
    await fake.open();
    for (const [opener, title, confirm, path, body] of [
      ["Back up now", "Back up web-shop now?", "Back up", "backups", {}],
      ["Restore …", "Restore web-shop?", "Restore", "restore", { at: "4fb1" }],
      [
        "As a new project …",
        "Restore web-shop as a new project",
        "Restore",
        "restore",
        { at: "4fb1", into: "web-shop-restored" },
      ],
      [
        "Roll back …",
        "Take web-shop back to before-7?",
        "Roll back",
        "checkpoints/20261130-031200/rollback",
        {},
      ],
      ["Make a checkpoint …", "Make a checkpoint of web-shop", "Make it", "checkpoints", {}],
      ["Fork …", "Fork web-shop", "Fork", "fork", { name: "web-shop-try", withLogins: false }],
    ] as const) {
      const dialog = await openDialog();
      expect(await fake.violations()).toEqual([]);
      await dialog.getByRole("button", { name: opener }).click();
      const question = fake.page.getByRole("alertdialog", { name: title });
      await question.waitFor();
      expect(await fake.violations()).toEqual([]);
      await question.getByRole("button", { name: confirm, exact: true }).click();
      await question.waitFor({ state: "detached" });
      await dialog.waitFor({ state: "detached" });
      expect(fake.api.seen.at(-1)).toMatchObject({
        method: "POST",
        path: `/api/projects/web-shop/${path}`,
        body,
      });
      // Each that runs holds one of the browser's six connections.
      for (const { id } of fake.api.operations)
        fake.api.operation({ id, state: "succeeded", endedAt: new Date().toISOString() });
    }
    // The page closes the stream of what has ended.
    expect(fake.troubles.filter((trouble) => !/op-\d\/events/.test(trouble))).toEqual([]);
  });

  it("say why something is refused, and stay", async () => {
    fake.api.projects = [project("web-shop")];
    fake.api.backups = { ...all, problem: "its newest backup is of 2026-11-28, older than 36 h" };
    await fake.open();
    const dialog = await openDialog();
    await dialog.getByText("older than 36 h").waitFor();
    const detail = "web-shop is busy: stop web-shop.";
    fake.api.instead = (context) =>
      context.req.method === "POST" ? context.json({ detail }, 409) : undefined;
    await dialog.getByRole("button", { name: "Back up now" }).click();
    const question = fake.page.getByRole("alertdialog");
    await question.getByRole("button", { name: "Back up", exact: true }).click();
    await question.getByRole("alert").getByText(detail).waitFor();
    await question.getByRole("button", { name: "Cancel" }).click();
    await dialog.getByText("before-7").waitFor();
  });

  it("are offered to owners alone", async () => {
    fake.api.projects = [project("web-shop", { role: "member" })];
    await fake.open();
    await fake.row("web-shop").getByRole("button", { name: "More for web-shop" }).click();
    expect(await fake.page.getByRole("menuitem").allTextContents()).not.toContain(ITEM);
  });

  it("that are late are told in the project's row", async () => {
    fake.api.projects = [project("web-shop", { backup: { problem: "its newest backup is of 2026-11-28" } })];
    await fake.open();
    await fake.row("web-shop").getByText("its newest backup is of 2026-11-28").waitFor();
  });
});
