import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../../../attach/src/errors.ts";
import { ANN, BOB, Chain } from "../../support/attach/chain.ts";
import { BIN, Person, type Session } from "../../support/attach/person.ts";
import { must } from "../../support/run.ts";
import { keepScreen } from "../../support/terminal.ts";
import { waitFor } from "../../support/wait.ts";

const DAN = "dan@example.com";

let chain: Chain;
let person: Person | undefined;
let session: Session | undefined;

beforeAll(async () => {
  chain = await Chain.start({ alpha: [ANN, DAN], beta: [ANN] });
  await chain.answers("alpha");
});
afterAll(() => chain?.stop());
afterEach(async () => {
  await session?.close();
  person?.remove();
  session = undefined;
  person = undefined;
});

/** A person's machine for one test. */
async function newPerson(email?: string): Promise<Person> {
  person = new Person(chain, email);
  await person.installOpencode();
  return person;
}

const runs = (who: Person, args: readonly string[], env: Record<string, string> = {}) =>
  who.run(process.execPath, [BIN, ...args], env);

const nonce = () => randomUUID().slice(0, 8);

describe("a person who is not a member", () => {
  it("gets an error with a fix before opencode starts", async () => {
    const bob = await newPerson(BOB);
    const { code, stdout, stderr } = await runs(bob, [chain.url("alpha")]);
    expect([code, stdout]).toEqual([EXIT.login, ""]);
    expect(stderr).toMatch(
      /^Your login at alpha-code\.example\.com:\d+ has expired or you are not a member.*\nRun: cloudflared access login https:.*ask to be added to the project's members/,
    );
    expect(chain.model.requests).toEqual([]);
  });

  it("is refused in the terminal too", async () => {
    const bob = await newPerson(BOB);
    session = await bob.terminal([chain.url("alpha")]);
    expect((await session.ended()).code).toBe(EXIT.login);
  });

  it("is refused with an invalid service token", async () => {
    const machine = await newPerson();
    const env = { ...chain.serviceToken, CF_ACCESS_CLIENT_SECRET: "wrong" };
    const { code, stderr } = await runs(machine, [chain.url("alpha")], env);
    expect([code, stderr]).toEqual([
      EXIT.notMember,
      expect.stringMatching(/^The service token in .* is not allowed to open/),
    ]);
  });
});

describe("a service token", () => {
  it("opens a project in a terminal and gets a prompt answered", async () => {
    const machine = await newPerson();
    session = await machine.terminal([chain.url("alpha")], chain.serviceToken);
    await session.drawn();
    await session.prompt(nonce());
    expect((await session.leave()).code).toBe(0);
  });
});

describe("a member removed during a session", () => {
  beforeEach(() => chain.admit("alpha", [ANN, DAN]));

  it("gets no further answer, and the reason when opencode ends", async () => {
    const dan = await newPerson(DAN);
    session = await dan.terminal([chain.url("alpha")]);
    await session.drawn();
    await session.prompt(nonce());
    await chain.admit("alpha", [ANN]);
    await chain.revoke("alpha");
    const refused = nonce();
    await session.send(refused);
    // opencode shows the text of the proxy's response.
    keepScreen("attach-taken-off", await session.terminal.waitFor(/not a member/));
    expect((await session.leave()).screen).toMatch(
      /Your login at alpha-code\.example\.com:\d+ has expired or you are not a\s*member/,
    );
    expect(chain.model.requests.filter(({ prompt }) => prompt.includes(refused))).toEqual([]);
  });
});

describe("a project that can't be opened", () => {
  it("is reported as stopped", async () => {
    const { platform } = chain;
    const [alpha, beta] = platform.baseline();
    if (!alpha || !beta) throw new Error("the baseline has two projects");
    await platform.apply([alpha, { ...beta, state: "stopped" }]);
    try {
      const ann = await newPerson(ANN);
      const { code, stderr } = await runs(ann, [chain.url("beta")]);
      expect([code, stderr]).toEqual([
        EXIT.stopped,
        expect.stringMatching(/^beta is stopped; its workspace is kept\.\nSet state: running/),
      ]);
    } finally {
      await platform.reset();
    }
  });

  it("is waited for while it is starting", async () => {
    const ann = await newPerson(ANN);
    const container = chain.platform.container("alpha");
    await must("docker", ["stop", "-t", "5", container]);
    await waitFor("the gateway to notice", async () => {
      const state = await chain.notice("alpha");
      return state === "starting" ? { done: true } : { seen: state };
    });
    session = await ann.terminal([chain.url("alpha")]);
    await session.terminal.waitFor("alpha is starting: waiting up to 2 minutes");
    await must("docker", ["start", container]);
    await session.drawn();
    await session.prompt(nonce());
  });

  it("is reported as unreachable if nothing listens", async () => {
    const ann = await newPerson(ANN);
    const url = new URL(chain.url("alpha"));
    url.port = "1";
    const { code, stderr } = await runs(ann, [url.href], chain.serviceToken);
    expect([code, stderr]).toEqual([
      EXIT.unreachable,
      expect.stringMatching(/cannot be reached: connection refused\.\nCheck your network/),
    ]);
  });

  it("is waited for, with a message, while the platform is not connected", async () => {
    const ann = await newPerson(ANN);
    chain.example.tunnel.stop();
    session = await ann.terminal([chain.url("alpha")]);
    await session.terminal.waitFor(/is not connected \(530\): retrying/);
    await chain.example.connect();
    await session.drawn();
  });

  it("is not opened with an older opencode", async () => {
    const ann = await newPerson(ANN);
    ann.install("opencode", "echo 1.0.9");
    const { code, stderr } = await runs(ann, [chain.url("alpha")]);
    expect([code, stderr]).toEqual([
      EXIT.older,
      expect.stringMatching(
        /^The installed opencode 1\.0\.9 is older than the project's \d+\.\d+\.\d+\.\nRun: npm install -g opencode-ai@/,
      ),
    ]);
  });
});
