import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerTo, type ModelStandIn, startModel } from "../../../lab/model/model.ts";
import { clientCommand, openClient } from "../../support/client.ts";
import { events, open } from "../../support/http.ts";
import { callAt, DRAWN, projectApi } from "../../support/opencode.ts";
import { Platform } from "../../support/platform.ts";
import { answering } from "../../support/ready.ts";
import { removeFolder, temporaryFolder } from "../../support/temporary.ts";
import { keepScreen, type Terminal } from "../../support/terminal.ts";
import { waitFor } from "../../support/wait.ts";

const platform = new Platform();
const { port, modelPort } = platform.fixture;

describe("from a terminal", () => {
  let model: ModelStandIn;

  beforeAll(async () => {
    await platform.reset();
    for (const name of ["alpha", "beta"]) await answering(platform, name);
    model = await startModel({ port: modelPort });
  });

  afterAll(async () => {
    await model?.close();
  });

  describe("opencode's terminal client", () => {
    let terminal: Terminal;
    const folder = temporaryFolder();

    afterAll(async () => {
      await terminal?.close();
      removeFolder(folder);
    });

    it("draws its screen for the command that npm start prints, in any directory", async () => {
      const { stdout } = await platform.pulumi("stack", "output", "projects", "--json");
      expect(JSON.parse(stdout).alpha.attach).toBe(clientCommand(platform, "alpha"));
      terminal = await openClient(platform, "alpha", folder);
      keepScreen("attach-open", await terminal.waitFor(DRAWN));
    });

    it("answers a typed prompt", async () => {
      const nonce = randomUUID();
      await terminal.type(`What do you say to nonce:${nonce}`);
      await terminal.waitFor(nonce);
      await terminal.press("Enter");
      keepScreen("attach-answered", await terminal.waitFor(answerTo(`nonce:${nonce}`)));
      expect(model.requests.some(({ prompt }) => prompt.includes(nonce))).toBe(true);
    });
  });

  for (const way of ["hostname", "path"]) {
    it(`streams events unbuffered by ${way}: each arrives before the next is sent`, async () => {
      const at = way === "path" ? { path: "/p/beta" } : { path: "", host: `beta.localhost:${port}` };
      const gate = model.gate(`stream-${way}-${randomUUID()}`, 5);
      const stream = await open({
        port,
        ...at,
        path: at.path + projectApi.eventsPath,
        headers: { accept: "text/event-stream" },
      });
      const received: string[] = [];
      const reading = collectText(stream, received);
      const { id } = await callAt({ port, ...at }, projectApi.createSession());
      await callAt({ port, ...at }, projectApi.prompt(id, `Count, ${gate.token}`));
      for (let n = 0; n < 5; n++) {
        gate.release(n);
        await waitFor(`chunk ${n} on the event stream`, () =>
          received.join("").includes(gate.chunk(n).trim()) ? { done: true } : { seen: received },
        );
        // The stand-in holds the next chunk back, so this one did not wait for it.
        expect(gate.sent).toBe(n + 1);
      }
      gate.release();
      stream.destroy();
      await reading;
    });
  }

  it("reaches a terminal of the project over a WebSocket by path", async () => {
    const at = { port, path: "/p/beta" };
    const id = await callAt(at, projectApi.createTerminal("bash", ["--norc"]));
    const socket = new WebSocket(`ws://localhost:${port}/p/beta${projectApi.terminalPath(id)}`);
    socket.binaryType = "arraybuffer";
    let received = "";
    socket.addEventListener("message", ({ data }) => {
      received += typeof data === "string" ? data : Buffer.from(data as ArrayBuffer).toString("utf8");
    });
    await waitFor("an open WebSocket", () =>
      socket.readyState === 1 ? { done: true } : { seen: socket.readyState },
    );
    socket.send("echo $((6 * 7)) in $PWD\n");
    await waitFor("the command's output", () =>
      received.includes("42 in /workspace") ? { done: true } : { seen: received },
    );
    socket.close();
    await callAt(at, projectApi.removeTerminal(id));
  });
});

/** Adds the text of the stream's deltas and parts to `into`, until the stream is closed. */
async function collectText(stream: Parameters<typeof events>[0], into: string[]): Promise<void> {
  try {
    for await (const event of events(stream)) into.push(JSON.stringify(event));
  } catch {
    // the test has seen enough
  }
}
