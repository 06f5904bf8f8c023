import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ANN, Chain } from "../../support/attach/chain.ts";
import { BIN, Person, type Session } from "../../support/attach/person.ts";
import { projectApi } from "../../support/opencode.ts";
import { must, run } from "../../support/run.ts";
import { isRunning } from "../../support/temporary.ts";
import { keepScreen } from "../../support/terminal.ts";
import { waitFor } from "../../support/wait.ts";

let chain: Chain;

beforeAll(async () => {
  chain = await Chain.start({ alpha: [ANN] });
  await chain.answers("alpha");
});
afterAll(() => chain?.stop());

const nonce = () => randomUUID().slice(0, 8);

/** Codes with which opencode exits after Ctrl-C: 2.x counts one that comes while it is exiting. */
const LEFT = projectApi.major === 1 ? [0] : [0, 130];

describe("a member in a terminal", () => {
  let ann: Person;
  let session: Session;

  beforeAll(async () => {
    ann = new Person(chain, ANN);
    await ann.installOpencode();
    session = await ann.terminal([chain.url("alpha")]);
  });
  afterAll(async () => {
    await session?.close();
    ann?.remove();
  });

  it("is logged in and gets a prompt answered", async () => {
    await session.drawn();
    await session.prompt(nonce());
    keepScreen("attach-member", await session.terminal.screen());
    expect(chain.logins).toBe(1);
  });

  it("continues after a restart of the gateway", async () => {
    await must("docker", ["restart", "-t", "5", chain.platform.names.traefik]);
    await chain.answers("alpha");
    await session.prompt(nonce());
  });

  it("continues after a restart of the connector", async () => {
    await chain.reconnect();
    await chain.answers("alpha");
    await session.prompt(nonce());
  });

  it("continues after the connector's connection is dropped", async () => {
    chain.example.cloudflare.edge.drop();
    await session.prompt(nonce());
  });

  it("continues after a restart of the project's container", async () => {
    await must("docker", ["restart", "-t", "10", chain.platform.container("alpha")]);
    await chain.answers("alpha");
    await session.prompt(nonce());
    keepScreen("attach-restarts", await session.terminal.screen());
  });

  it("exits with opencode's code", async () => {
    expect(LEFT).toContain((await session.leave()).code);
  });
});

describe("a token that expires during a session", () => {
  it("is renewed by cloudflared, and the next prompt is answered", async () => {
    await chain.admit("alpha", [ANN], "10s");
    const ann = new Person(chain, ANN);
    await ann.installOpencode();
    const session = await ann.terminal([chain.url("alpha")]);
    try {
      await session.drawn();
      const first = chain.logins;
      const end = ann.tokenEnds("alpha");
      await session.prompt(nonce());
      await waitFor("the token to end", () =>
        Date.now() > end ? { done: true } : { seen: end - Date.now() },
      );
      await session.prompt(nonce());
      expect(chain.logins).toBeGreaterThan(first);
      expect(ann.tokenEnds("alpha")).toBeGreaterThan(end);
      expect(LEFT).toContain((await session.leave()).code);
    } finally {
      await session.close();
      ann.remove();
      await chain.admit("alpha", [ANN]);
    }
  });
});

describe("opencode's exit", () => {
  let ann: Person;

  beforeAll(async () => {
    ann = new Person(chain, ANN);
    await ann.installOpencode();
  });
  afterAll(() => ann?.remove());

  it("passes its code on", async () => {
    const { executable, args } = projectApi.terminal;
    const wrong = "--no-such-option";
    const direct = await ann.run(executable, args(chain.url("alpha"), [wrong]));
    expect([direct.code, direct.stdout + direct.stderr]).toEqual([1, expect.stringContaining("--session")]);
    expect(await ann.run(process.execPath, [BIN, chain.url("alpha"), "--", wrong])).toEqual(direct);
  });

  it.each(["SIGTERM", "SIGHUP"] as const)("is waited for after a %s", async (signal) => {
    const session = await ann.terminal([chain.url("alpha")]);
    try {
      await session.drawn();
      const children = (await run("pgrep", ["-P", String(ann.pid)])).stdout.trim().split("\n").map(Number);
      expect(children).toHaveLength(1);
      process.kill(ann.pid, signal);
      // opencode exits itself, dies of the signal, or is killed because it outlived its terminal.
      const codes = { SIGTERM: [...LEFT, 143], SIGHUP: [...LEFT, 129, 137] }[signal];
      expect(codes).toContain((await session.ended()).code);
      expect(children.filter(isRunning)).toEqual([]);
    } finally {
      await session.close();
    }
  });
});
