/**
 * Ends all sessions of an Access application when someone who could pass no longer can, and cuts what is open. A Revocation comes as
 * JSON on standard input; who could pass is what this printed the last time.
 */
import { spawn } from "node:child_process";
import { json, text } from "node:stream/consumers";
import pRetry, { AbortError } from "p-retry";
import type { Revocation } from "../revocation.ts";

/** Retries of a request, and milliseconds before the first; doubled each time. */
const RETRIES = 4;
const RETRY_DELAY_MS = 1000;
/** Milliseconds that an answer may take. */
const TIMEOUT_MS = 20_000;

const revocation = (await json(process.stdin)) as Revocation;
const previous = JSON.parse(process.env.PULUMI_COMMAND_STDOUT || "[]") as string[];
if (previous.some((one) => !revocation.admitted.includes(one))) {
  await revoke(revocation);
  if (revocation.cut) await run(revocation.cut);
}
process.stdout.write(JSON.stringify(revocation.admitted));

async function revoke({ api, account, application }: Revocation): Promise<void> {
  const url = `${api}/accounts/${account}/access/apps/${application}/revoke_tokens`;
  const headers = { authorization: `Bearer ${process.env.CLOUDFLARE_API_TOKEN ?? ""}` };
  const attempt = async () => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    // That Cloudflare can't be reached is no reason to give up.
    const answer = await fetch(url, { method: "POST", headers, signal }).catch((error: Error) => {
      throw new Error(String(error.cause ?? error.message));
    });
    if (answer.ok) return;
    const error = new Error(`${answer.status} ${(await answer.text()).slice(0, 500)}`);
    throw answer.status === 429 || answer.status >= 500 ? error : new AbortError(error);
  };
  await pRetry(attempt, { retries: RETRIES, minTimeout: RETRY_DELAY_MS, factor: 2 }).catch((error: Error) =>
    fail(`Cloudflare did not end the sessions of those who were removed: ${error.message}
Until an update succeeds they can continue until their sessions expire. Check that the token has Access: Apps and Policies Edit, then run it again.`),
  );
}

async function run(command: string): Promise<void> {
  const child = spawn(command, { shell: true, stdio: ["ignore", "ignore", "pipe"] });
  const output = text(child.stderr);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (code !== 0)
    fail(`The open connections of those who were removed could not be cut (${code}): ${(await output).trim()}
Their sessions are ended; run the update again for what they have open.`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
