/** A project's release of opencode changed and taken back in the panel, on the real engine and Docker. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPENCODE } from "../../../config/versions.ts";
import { apiFor, type Call } from "../../../opencode/api/index.ts";
import { callAt, RELEASE } from "../../support/opencode.ts";
import { Panel } from "../../support/panel/panel.ts";
import { Platform } from "../../support/platform.ts";
import { waitFor } from "../../support/wait.ts";

const NAME = "follower";
const path = `/api/projects/${NAME}`;
const platform = new Platform();
const { port } = platform.fixture;
const call = <Result>(made: Call<Result>) => callAt({ port, path: `/p/${NAME}` }, made);

/** Waits until the project's server answers with a release. */
const answers = (version: string) =>
  waitFor<true>(`${NAME} on ${version}`, () =>
    call(apiFor(version).health).then(
      (found) => (found.version === version ? { done: true } : { seen: found }),
      (error: Error) => ({ seen: error.message }),
    ),
  );

const titles = async (version: string) =>
  (await call(apiFor(version).sessions(100))).map(({ title }) => title).sort();

describe("a release that is changed in the panel", () => {
  let panel: Panel;

  beforeAll(async () => {
    await platform.apply([{ name: NAME, opencode: { version: OPENCODE } }]);
    await answers(OPENCODE);
    await call(apiFor(OPENCODE).createSession("before"));
    panel = await Panel.start();
  });
  afterAll(async () => {
    await panel?.end();
    await platform.reset();
  });

  it("is followed until the project has it, with its sessions", async () => {
    const done = await panel.carryOut("PATCH", path, { opencode: { version: RELEASE } });
    expect(done, JSON.stringify(done)).toMatchObject({ state: "succeeded" });
    await answers(RELEASE);
    expect(await titles(RELEASE)).toEqual(["before"]);
  });

  it("is taken back with the sessions of that time, after those made since are named", async () => {
    await call(apiFor(RELEASE).createSession("since"));
    const { body } = await panel.ask<{ release: string; left: { title: string }[] }>(
      "GET",
      `${path}/rollback`,
    );
    expect([body.release, body.left.map(({ title }) => title)]).toEqual([OPENCODE, ["since"]]);
    const done = await panel.carryOut("POST", `${path}/rollback`, { release: body.release });
    expect(done, JSON.stringify(done)).toMatchObject({ state: "succeeded" });
    expect(panel.file().text).toContain(`version: ${OPENCODE}`);
    await answers(OPENCODE);
    expect(await titles(OPENCODE)).toEqual(["before"]);
  });
});
