/** The panel on a stack whose own file is laid over projects.yaml. */
import { expect, it } from "vitest";
import { loadProjects } from "../../../config/projects/load.ts";
import type { Overview } from "../../../panel/server/api/schema.ts";
import { versionOf } from "../../../panel/server/platform/projects-file.ts";
import { ADMIN, MEMBER, OWNER, World } from "../../support/panel/api-world.ts";

const BASE = `projects:
  - name: gone
  - name: web-shop
    owners: [${OWNER.email}]
  - name: plan
`;

/** A panel over a file and a stack's own, which a test may change. */
function overlaid(text: string) {
  const overlay = { file: "projects.local.yaml", text };
  const entries = ["gone", "web-shop", "plan"].map((name) => ({
    name,
    ...(name === "web-shop" ? { owners: [OWNER.email] } : {}),
  }));
  const load = (base: string) =>
    loadProjects(base, { file: "projects.yaml", stack: "local", overlay: { ...overlay } });
  const world = new World({
    file: {
      read: () => ({ text: BASE, version: versionOf(BASE), entries, overlay: { ...overlay } }),
      load,
      perPerson: () => 3,
      check: (base) => void load(base),
    },
  });
  return { world, overlay };
}
const listOf = async (world: World) =>
  ((await (await world.ask("GET", "/api/projects")).json()) as Overview).projects;

it("lists the projects of the stack, each with its own entry of projects.yaml", async () => {
  const { world } = overlaid(
    "exclude: [gone]\nprojects: [{ name: plan, state: stopped }, { name: added }]\n",
  );
  const listed = (await listOf(world)).map(({ name, entry }) => [name, entry]);
  expect(listed).toEqual([
    ["web-shop", { name: "web-shop", owners: [OWNER.email] }],
    ["plan", { name: "plan" }],
    ["added", { name: "added" }],
  ]);
});

it("gives the rights of the stack's own file, and takes them with it", async () => {
  const { world, overlay } = overlaid("projects: [{ name: plan, members: [ben@example.com] }]\n");
  world.authority = { ...world.authority, defaults: { accessEmails: [], accessEmailDomains: [] } };
  world.person = { ...MEMBER, email: "ben@example.com" };
  expect((await listOf(world)).map(({ name }) => name)).toContain("plan");
  overlay.text = "projects: [{ name: plan, members: [zoe@example.com] }]\n";
  const answer = await world.ask("GET", "/api/projects");
  const names = answer.ok ? ((await answer.json()) as Overview).projects.map(({ name }) => name) : [];
  expect(names).not.toContain("plan");
});

it("refuses to change what that file sets, at the key, while a person types and when it is sent", async () => {
  const { world } = overlaid("exclude: [gone]\nprojects: [{ name: web-shop, env: { A: b } }]\n");
  world.person = ADMIN;
  const problem = {
    path: "env",
    message: "projects.local.yaml:2:30 projects[0].env: sets env on this stack",
    fix: "change it in projects.local.yaml",
  };
  const entry = { name: "web-shop", owners: [OWNER.email], env: { A: "c" } };
  const checked = await world.ask("POST", "/api/projects/check", { body: { entry, replaces: "web-shop" } });
  expect(await checked.json()).toEqual({ problems: [problem] });
  const sent = await world.ask("PATCH", "/api/projects/web-shop", { body: { env: { A: "c" } } });
  expect(sent.status).toBe(422);
  expect(await sent.json()).toMatchObject({ errors: [problem] });
  expect(world.operations.requests).toEqual([]);
});

it("places other problems by the entry's index in projects.yaml, which is not that in the list", async () => {
  const { world } = overlaid("exclude: [gone]\n");
  const entry = { name: "web-shop", owners: [OWNER.email], branch: "a b" };
  const checked = await world.ask("POST", "/api/projects/check", { body: { entry, replaces: "web-shop" } });
  const { problems } = (await checked.json()) as { problems: { path: string }[] };
  expect(problems.map(({ path }) => path)).toEqual(["branch"]);
});

it("shows the setup that the stack's own file gives, and starts what it stops by an edit of its state", async () => {
  const { world } = overlaid("projects: [{ name: plan, state: stopped, setup: npm ci }]\n");
  const plan = (await listOf(world)).find(({ name }) => name === "plan");
  expect([plan?.hasSetup, plan?.entry]).toEqual([true, { name: "plan" }]);
  world.operations.text = BASE;
  await world.ask("POST", "/api/projects/plan/start");
  // The edit of a key that is the other file's, which the platform refuses (core/overlaid).
  expect(world.operations.requests.at(-1)?.edit).toMatchObject({ name: "plan", values: { state: null } });
});
