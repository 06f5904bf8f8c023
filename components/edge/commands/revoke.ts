/**
 * Ends everybody's sessions of an Access application when somebody who could pass no longer may, and cuts what is open. A Revocation comes as
 * JSON on standard input; who could pass is what this printed the last time.
 */
import { spawn } from "node:child_process";
import { json, text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import type { Revocation } from "../revocation.ts";

/** Tries of a request, and milliseconds between the first two; doubled each time. */
const TRIES = 5;
const PAUSE = 1000;
/** Milliseconds that an answer may take. */
const PATIENCE = 20_000;

const revocation = (await json(process.stdin)) as Revocation;
const before = JSON.parse(process.env.PULUMI_COMMAND_STDOUT || "[]") as string[];
if (before.some((one) => !revocation.admitted.includes(one))) {
  await revoke(revocation);
  if (revocation.cut) await run(revocation.cut);
}
process.stdout.write(JSON.stringify(revocation.admitted));

async function revoke({ api, account, application }: Revocation): Promise<void> {
  const url = `${api}/accounts/${account}/access/apps/${application}/revoke_tokens`;
  const headers = { authorization: `Bearer ${process.env.CLOUDFLARE_API_TOKEN ?? ""}` };
  for (let tries = 1; ; tries++) {
    const { ok, passing, why } = await fetch(url, {
      method: "POST",
      headers,
      signal: AbortSignal.timeout(PATIENCE),
    }).then(
      async (answer) => ({
        ok: answer.ok,
        passing: answer.status === 429 || answer.status >= 500,
        why: `${answer.status} ${(await answer.text()).slice(0, 500)}`,
      }),
      (error: Error) => ({ ok: false, passing: true, why: String(error.cause ?? error.message) }),
    );
    if (ok) return;
    if (!passing || tries === TRIES)
      fail(`Cloudflare did not end the sessions of those who were taken off: ${why}
Until an update succeeds they may go on until their sessions expire. Look whether the token has Access: Apps and Policies Edit, and run it again.`);
    await wait(PAUSE * 2 ** (tries - 1));
  }
}

async function run(command: string): Promise<void> {
  const child = spawn(command, { shell: true, stdio: ["ignore", "ignore", "pipe"] });
  const said = text(child.stderr);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0)
    fail(`The open connections of those who were taken off could not be cut (${code}): ${(await said).trim()}
Their sessions are ended; run the update again for what they have open.`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
