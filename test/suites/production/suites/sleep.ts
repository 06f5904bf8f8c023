import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { projectApi, readAnswer } from "../../../support/opencode.ts";
import { DOMAIN, type World } from "../../../support/production/world.ts";
import { waitFor, waitForText } from "../../../support/wait.ts";

const ASK = "/usr/local/lib/opencode-platform/keeper/ask";
const PROJECT = "alpha";

/** Part 9: a project on a droplet sleeps, and is woken through edge and connector. */
export function sleeping(world: () => World): void {
  const keeper = async <Value>(...words: string[]): Promise<Value> =>
    JSON.parse(await world().onDroplet("docker", "exec", world().names.keeper, ASK, ...words)) as Value;
  const state = async () => {
    const all = await keeper<{ project: string; state: string }[]>("projects");
    return all.find(({ project }) => project === PROJECT)?.state;
  };
  const isPaused = async () => {
    const container = world().names.project(PROJECT);
    return (await world().onDroplet("docker", "inspect", "-f", "{{.State.Paused}}", container)).trim();
  };
  /** A request of a colleague's, as it passes edge, tunnel and connector. */
  const send = async (path: string, { method = "GET", body }: { method?: string; body?: unknown } = {}) => {
    const { href, hostname: application } = new URL(path, world().urls.browser(PROJECT));
    const token = await world().cloudflare.sign({ application, email: `dev@${DOMAIN}` });
    const headers = { cookie: `CF_Authorization=${token}`, "content-type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await world().cloudflare.edge.fetch(href, { method, headers, ...sent });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
  };

  describe("a project on a droplet that nobody uses", () => {
    it("is put to sleep, and its memory to swap, where there is one", async () => {
      await waitFor("it to fall asleep", async () => ({ done: await keeper<object>("sleep", PROJECT) }));
      expect([await state(), await isPaused()]).toEqual(["asleep", "true"]);
      const swaps = (await world().onDroplet("cat", "/proc/swaps")).trim().split("\n").length - 1;
      await waitFor("what the keeper has done", async () => {
        const told = (await keeper<{ what: string; text?: string }[]>("history", PROJECT)).at(-1);
        const text = `${told?.what}: ${told?.text}`;
        // A droplet that is a container may have the host's swap, and no say in it.
        const wanted = swaps > 0 ? /^asleep: (.* in swap|paused only)/ : /^asleep: paused only/;
        return wanted.test(text) ? { done: true } : { seen: text };
      });
    });

    it("sleeps through a poll through the edge, which is answered", async () => {
      const poll = await send(projectApi.sessions(5).path);
      expect([poll.status, poll.headers.get("x-opencode-state")]).toEqual([503, "asleep"]);
      await world().answers(PROJECT);
      expect([await state(), await isPaused()]).toEqual(["asleep", "true"]);
    });

    it("is woken by a request through edge and connector, which is held and then answered by itself", async () => {
      const title = `woken ${randomUUID()}`;
      const call = projectApi.createSession(title);
      const answer = await send(call.path, { method: call.method, body: call.body });
      expect(answer.status, answer.body).toBe(200);
      expect(answer.body).toContain(title);
      const { id } = readAnswer(call, { ...answer, headers: { "content-type": "application/json" } });
      await waitForText("its state", async () => `${await state()}`, "awake");
      expect(await isPaused()).toBe("false");
      // Once: its own list has it, and no other of the name.
      const list = await waitFor<string>("its routes to be its own again", async () => {
        const { status, body } = await send(projectApi.sessions(50).path);
        return status === 200 ? { done: body } : { seen: status };
      });
      expect(list).toContain(id);
      expect(list.split(`"${title}"`)).toHaveLength(2);
    });
  });
}
