import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Revocation } from "../../components/edge/revocation.ts";

const PROGRAM = join(import.meta.dirname, "../../components/edge/commands/revoke.ts");
const folder = mkdtempSync(join(tmpdir(), "revoke-"));
const cutFile = join(folder, "cut");

let server: Server;
let api = "";
/** What the API was asked, and what it is to answer next. */
const asked: string[] = [];
let answers: number[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.writeHead(answers.shift() ?? 202).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  asked.length = 0;
  answers = [];
});

const CALL = "POST /accounts/a/access/apps/app/revoke_tokens Bearer token";

async function revoke(before: readonly string[] | undefined, admitted: readonly string[], more: object = {}) {
  const revocation: Revocation = { api, account: "a", application: "app", admitted, ...more };
  const env = {
    ...process.env,
    CLOUDFLARE_API_TOKEN: "token",
    ...(before ? { PULUMI_COMMAND_STDOUT: JSON.stringify(before) } : {}),
  };
  const child = spawn(process.execPath, [PROGRAM], { env });
  child.stdin.end(JSON.stringify(revocation));
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once("close", resolve)),
  ]);
  return { code, stdout, stderr };
}

it("ends sessions when somebody is gone, and only then", async () => {
  expect(await revoke(undefined, ["a", "b"])).toEqual({ code: 0, stdout: '["a","b"]', stderr: "" });
  await revoke(["a"], ["a", "b"]);
  await revoke(["b", "a"], ["a", "b"]);
  expect(asked).toEqual([]);
  await revoke(["a", "b"], ["b", "c"]);
  await revoke(["@example.com"], ["dev@example.com"]);
  expect(asked).toEqual([CALL, CALL]);
});

it("cuts what is open after that", async () => {
  const cut = `echo cut >> ${cutFile}; wc -l < ${cutFile} >&2`;
  expect((await revoke(["a"], ["b"], { cut })).code).toBe(0);
  const failed = await revoke(["a"], ["b"], { cut: "echo no ssh >&2; exit 255" });
  expect(failed).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("cut (255): no ssh") });
});

it("asks again when Cloudflare is busy, and prints nothing when it gives up, so that the next update tries again", async () => {
  answers = [429, 503];
  expect(await revoke(["a"], [])).toMatchObject({ code: 0, stdout: "[]" });
  expect(asked).toHaveLength(3);
  answers = [403];
  const refused = await revoke(["a"], []);
  expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("403") });
  expect(refused.stderr).not.toContain("Bearer");
});
