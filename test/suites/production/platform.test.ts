/**
 * A stack on a droplet behind a tunnel, from creation to removal: in sequence on one pair of clouds, because
 * a droplet takes minutes to boot. The suites are in the order of a platform's life.
 */
import { afterAll, beforeAll } from "vitest";
import { startWorld, type World } from "../../support/production/world.ts";
import { changes } from "./suites/changes.ts";
import { destruction, throughTheTunnel } from "./suites/end.ts";
import { firstUpdate, refusals } from "./suites/first-update.ts";
import { losses } from "./suites/losses.ts";
import { members } from "./suites/members.ts";
import { panel } from "./suites/panel.ts";
import { pipelines } from "./suites/pipelines.ts";
import { secrets } from "./suites/secrets.ts";
import { sleeping } from "./suites/sleep.ts";

let started: World | undefined;
const world = (): World => {
  if (!started) throw new Error("the clouds did not start");
  return started;
};

beforeAll(async () => {
  started = await startWorld();
});
afterAll(() => started?.stop());

firstUpdate(world);
refusals(world);
sleeping(world);
changes(world);
members(world);
secrets(world);
pipelines(world);
losses(world);
panel(world);
throughTheTunnel(world);
destruction(world);
