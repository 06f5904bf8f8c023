import { expect, it } from "vitest";
import { Conflict, type Operation } from "../../../panel/server/platform/types.ts";
import { ADMIN, OWNER, World } from "../../support/panel/api-world.ts";

const by = (project: string, person = "zoe@example.com"): Operation => ({
  id: "op0",
  what: `change ${project}`,
  project,
  person,
  state: "succeeded",
  createdAt: "2026-01-01T00:00:00.000Z",
  done: 0,
});

it.each([
  ["an admin", ADMIN, by("secret-plan"), "zoe@example.com (change secret-plan)"],
  ["an owner of that project", OWNER, by("web-shop"), "zoe@example.com (change web-shop)"],
  ["its author", OWNER, by("secret-plan", OWNER.email), `${OWNER.email} (change secret-plan)`],
  ["an owner of another project", OWNER, by("secret-plan"), "another user of the panel"],
  ["anybody, for an edit by hand", OWNER, undefined, "an edit outside the panel"],
])("a conflict shows %s the author as far as they can see", async (_, person, operation, changedBy) => {
  const world = new World();
  world.person = person;
  world.operations.submit = () =>
    Promise.reject(new Conflict("It was changed", { currentVersion: "v2", by: operation }));
  const headers = { "if-match": '"v1"' };
  const response = await world.ask("PATCH", "/api/projects/web-shop", { body: { branch: "main" }, headers });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({
    changedBy,
    detail: `It was changed by ${changedBy}. Review the current version, then try again.`,
  });
});

it("a conflict without a known author has no changedBy", async () => {
  const world = new World();
  world.operations.submit = () => Promise.reject(new Conflict("Others have pushed"));
  const response = await world.ask("PATCH", "/api/projects/web-shop", { body: { branch: "main" } });
  expect(await response.json()).not.toHaveProperty("changedBy");
});
