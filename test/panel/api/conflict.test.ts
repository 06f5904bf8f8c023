import { expect, it } from "vitest";
import { Conflict, type Operation } from "../../../panel/server/platform/types.ts";
import { ADMIN, MEMBER, World } from "../../support/panel/api-world.ts";

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
  ["a member of that project", MEMBER, by("web-shop"), "zoe@example.com (change web-shop)"],
  ["whoever it was", MEMBER, by("secret-plan", MEMBER.email), `${MEMBER.email} (change secret-plan)`],
  ["a member of another project", MEMBER, by("secret-plan"), "somebody else in the panel"],
  ["anybody, of an editor", MEMBER, undefined, "somebody outside the panel"],
])("who changed the file is told %s as they may know it", async (_, person, operation, changedBy) => {
  const world = new World();
  world.person = person;
  world.operations.submit = () =>
    Promise.reject(new Conflict("It has been changed", { currentVersion: "v2", by: operation }));
  const response = await world.ask("PATCH", "/api/projects/web-shop", { body: { branch: "main" } });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({
    changedBy,
    detail: `It has been changed, by ${changedBy}. Look at it as it is now, then try again.`,
  });
});

it("is not made up where nobody knows it", async () => {
  const world = new World();
  world.operations.submit = () => Promise.reject(new Conflict("Others have pushed"));
  const response = await world.ask("PATCH", "/api/projects/web-shop", { body: { branch: "main" } });
  expect(await response.json()).not.toHaveProperty("changedBy");
});
