/** A project whose files somebody copies or replaces: it is frozen or stopped by a lease, whoever asks for it waits, and it is back whatever ends meanwhile. */
import { chownSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { PLATFORM_LABEL, PROJECT_LABEL, SERVICE_LABEL } from "../../../config/naming/names.ts";
import { BASE_IMAGE } from "../../../config/versions.ts";
import { docker, execIn, shellIn } from "../../support/docker.ts";
import { ask, visit } from "../../support/http.ts";
import { askKeeper, inState, keptOf, killKeeper, putToSleep } from "../../support/keeper.ts";
import { requestLoop } from "../../support/loop.ts";
import { projectApi, question } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port } = platform.fixture;
const NAME = "beta";
const container = docker.getContainer(platform.container(NAME));
const SOCKET = "/run/keeper/storage/socket";

/** Asks as the storage container does. */
async function lease(verb: string, more = ""): Promise<{ status: number; value: Record<string, unknown> }> {
  const url = `http://keeper/${verb}?project=${NAME}${more}`;
  const { stdout, output } = await execIn(platform.names.keeper, [
    ...["curl", "-sS", "-X", "POST", "--unix-socket", SOCKET, "-w", "\\n%{http_code}", url],
  ]);
  const [json = "", status] = stdout.trim().split("\n");
  if (!status) throw new Error(output);
  return { status: Number(status), value: JSON.parse(json) };
}
const taken = (was: string, renewed = false) => ({ status: 200, value: { was, renewed } });
const at = { port, path: `/p/${NAME}` };
/** What changes something: a new session. Its answer is the project's own. */
const create = async (title: string) => {
  const { status, body } = await ask(question(at, projectApi.createSession(title)));
  return { status, title: status === 200 ? JSON.parse(body).title : body };
};
const made = (title: string) => ({ status: 200, title });
const stateOfContainer = async () => (await container.inspect()).State.Status;
const containerIs = (state: string) =>
  waitFor<true>(`the container to be ${state}`, async () => {
    const seen = await stateOfContainer();
    return seen === state ? { done: true } : { seen };
  });

beforeEach(async () => {
  await waitFor("the keeper to be back", async () => {
    const { code, value } = await askKeeper(platform, "projects");
    return code === 0 ? { done: true } : { seen: value };
  });
  await platform.reset();
  for (const verb of ["release", "unpark"]) await lease(verb);
  await answering(platform, NAME);
  await askKeeper(platform, "wake", NAME);
  await inState(platform, NAME, "awake");
});
afterAll(() => platform.reset());

describe("a hold", () => {
  it("pauses what is awake, and no request fails", async () => {
    const loop = requestLoop(port, [NAME]);
    try {
      expect(await lease("hold", "&seconds=60")).toEqual(taken("awake"));
      expect(await stateOfContainer()).toBe("paused");
      expect(await keptOf(platform, NAME)).toMatchObject({
        state: "awake",
        reason: "its files are being copied",
      });
      const sent = create("sent while it was held");
      expect(await lease("hold", "&seconds=60")).toEqual(taken("awake", true));
      expect(await lease("release")).toEqual({ status: 200, value: { state: "awake" } });
      expect(await sent).toEqual(made("sent while it was held"));
      expect(await stateOfContainer()).toBe("running");
    } finally {
      const { sent, failures } = await loop.stop();
      expect(failures).toEqual([]);
      expect(sent).toBeGreaterThan(0);
    }
  });

  it("is over by itself, also where the keeper was killed meanwhile", async () => {
    await lease("hold", "&seconds=5");
    await killKeeper(platform);
    await containerIs("running");
    expect(await create("after a kill")).toEqual(made("after a kill"));
  });

  it("wakes nothing that sleeps, and lets a wake wait", async () => {
    await putToSleep(platform, NAME);
    expect(await lease("hold", "&seconds=60")).toEqual(taken("asleep"));
    const woken = create("asked for while it was held");
    // What is not held answers after some hundred milliseconds.
    expect(await lease("hold", "&seconds=60")).toEqual(taken("asleep", true));
    expect(await stateOfContainer()).toBe("paused");
    await lease("release");
    expect(await woken).toEqual(made("asked for while it was held"));
  });
});

describe("a park", () => {
  it("stops it for other files in its place, while whoever asks waits", async () => {
    const workspace = platform.workspace(NAME);
    const aside = join(platform.workspacesDir, ".aside");
    writeFileSync(join(workspace, "which"), "before");
    expect(await lease("park")).toEqual(taken("awake"));
    expect(await stateOfContainer()).toBe("exited");
    expect(await keptOf(platform, NAME)).toMatchObject({
      state: "parked",
      reason: "its files are being replaced",
    });
    const page = await visit(port, platform.url(NAME));
    expect([page.status, page.body]).toEqual([503, expect.stringContaining(`${NAME} is being restored`)]);
    const sent = create("sent while it was parked");
    const { uid, gid } = statSync(workspace);
    renameSync(workspace, aside);
    mkdirSync(workspace);
    writeFileSync(join(workspace, "which"), "after");
    chownSync(workspace, uid, gid);
    expect(await lease("unpark")).toEqual({ status: 200, value: { state: "awake", answers: true } });
    expect(await sent).toEqual(made("sent while it was parked"));
    expect((await shellIn(platform.container(NAME), "cat /workspace/which")).stdout).toBe("after");
    // Back with what the other tests know.
    await lease("park");
    rmSync(workspace, { recursive: true });
    renameSync(aside, workspace);
    await lease("unpark");
  });

  it("of one that sleeps ends it in order, and is over by itself where keeper and holder are gone", async () => {
    await putToSleep(platform, NAME);
    expect(await lease("park", "&seconds=5")).toEqual(taken("asleep"));
    const { ExitCode } = (await container.inspect()).State;
    expect(ExitCode).not.toBe(137);
    await killKeeper(platform);
    await containerIs("running");
    expect(await create("after a park")).toEqual(made("after a park"));
  });

  it("gives way to whoever starts it by Docker", async () => {
    await lease("park", "&seconds=300");
    await container.start();
    await waitFor("the lease to be over", async () => {
      const kept = await keptOf(platform, NAME);
      return kept?.state === "parked" ? { seen: kept } : { done: true };
    });
    expect(await create("started by hand")).toEqual(made("started by hand"));
    expect((await lease("park", "&renew=1")).status).toBe(409);
    expect(await stateOfContainer()).toBe("running");
    // Its files are in their place only now.
    const { StartedAt } = (await container.inspect()).State;
    expect((await lease("unpark")).value).toEqual({ state: "awake", answers: true });
    expect((await container.inspect()).State.StartedAt).not.toBe(StartedAt);
  });
});

it("both take a project's services with it", async () => {
  const { names } = platform;
  const service = await docker.createContainer({
    name: names.service(NAME, "db"),
    Image: BASE_IMAGE,
    Cmd: ["sleep", "infinity"],
    Labels: { [PLATFORM_LABEL]: names.prefix, [PROJECT_LABEL]: NAME, [SERVICE_LABEL]: "db" },
    HostConfig: { Init: true },
  });
  const status = async () => (await service.inspect()).State.Status;
  try {
    await service.start();
    await lease("hold", "&seconds=60");
    expect(await status()).toBe("paused");
    await lease("release");
    expect(await status()).toBe("running");
    await lease("park", "&seconds=60");
    expect(await status()).toBe("exited");
    expect((await lease("unpark")).value).toEqual({ state: "awake", answers: true });
    expect(await status()).toBe("running");
  } finally {
    await service.remove({ force: true });
  }
});

it("an update of a project that is parked comes first, and it is there with what that says", async () => {
  await lease("park", "&seconds=300");
  const entries = platform.baseline();
  await platform.apply(
    entries.map((entry) => (entry.name === NAME ? { ...entry, env: { GREETING: "hello" } } : entry)),
  );
  await answering(platform, NAME);
  expect((await shellIn(platform.container(NAME), "echo $GREETING")).stdout.trim()).toBe("hello");
  await inState(platform, NAME, "awake");
});
