/** Whether projects wait for packet rules, with an engine that only notes what it is asked for. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, it } from "vitest";
import { Guard } from "../../components/host/guard.ts";
import type { Host } from "../../components/host/host.ts";
import { makeNames } from "../../config/naming/names.ts";

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ name, inputs }) => ({ id: `${name}-id`, state: inputs as object }),
    call: () => ({}),
  });
});

/** A guard whose command has ended with an id, or without one, as a command that has failed. */
function inForce(needsGuard: boolean, id: string | undefined): Promise<void> {
  const host = {
    provider: new docker.Provider("test"),
    runtimeDir: "/srv/runtime",
    needsGuard,
    run: () => ({ id: { promise: async () => id } }),
  } as unknown as Host;
  return new Guard("guard", { host, names: makeNames("t"), image: "image", projects: [] }).inForce;
}

it("lets no project start where packet rules are needed and could not be put in force", async () => {
  await expect(inForce(true, undefined)).rejects.toThrow("packet rules are not in force");
  await expect(inForce(true, "id")).resolves.toBeUndefined();
});

it("holds up nobody on a machine where they are only wanted", async () => {
  await expect(inForce(false, undefined)).resolves.toBeUndefined();
});
