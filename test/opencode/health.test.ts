/** The image's health check as it is, on another port and folder: which servers it takes for healthy. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OPENCODE, OPENCODE_2 } from "../../config/versions.ts";
import { apiFor } from "../../opencode/api/index.ts";
import { copyFromImage, LIB } from "../support/opencode/image-files.ts";

let folder = "";
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "health-"));
  for (const name of ["lib", "run", "status"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "run/password"), "secret");
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true });
});

/** Runs the check of a major against a server. */
async function check(major: 1 | 2, answer: RequestListener, home = folder) {
  server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  symlinkSync(`v${major}`, join(folder, "lib/major"));
  copyFromImage(
    join(folder, "lib"),
    ["health", "server", "v1", "v2"],
    [
      [LIB, join(folder, "lib")],
      ["/tmp/opencode-platform", join(folder, "status")],
      ["/run/opencode", join(folder, "run")],
      ["/proc/net", join(folder, "net")],
      [":4096", `:${port}`],
      ["longest=24", "longest=2"],
    ],
  );
  const child = spawn("bash", [join(folder, "lib/health")], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, HOME: home },
  });
  let line = "";
  child.stdout.on("data", (data: Buffer) => {
    line += data.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  return { isHealthy: code === 0, line: line.trim() };
}

const json =
  (path: string, value: unknown): RequestListener =>
  ({ url, headers }, response) => {
    const isKnown = headers.authorization === `Basic ${Buffer.from("opencode:secret").toString("base64")}`;
    if (url !== path) return response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
    return isKnown ? response.end(JSON.stringify(value)) : response.writeHead(401).end();
  };
const first = json(apiFor(OPENCODE).health.path, { healthy: true, version: "1.18.33" });
const second = json(apiFor(OPENCODE_2).health.path, { version: "2.0.14", pid: 1 });
const html: RequestListener = (_, response) =>
  response
    .writeHead(200, { "content-type": "text/html" })
    .end('<!doctype html>"healthy":true,"version":"2.0.14"');

describe.each([
  [1, first, second],
  [2, second, first],
] as const)("opencode %i", (major, own, other) => {
  it("says what listens beside it, without the platform's own and Docker's", async () => {
    mkdirSync(join(folder, "net"));
    const socket = (address: string, state: string) =>
      `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n`;
    const listening = "0A";
    writeFileSync(
      join(folder, "net/tcp"),
      `  sl  local_address rem_address   st tx_queue rx_queue\n${[
        socket("00000000:1000", listening), // opencode, 4096
        socket("00000000:1001", listening), // the relay, 4097
        socket("0100007F:1435", listening), // 5173
        socket("0100007F:0BB8", listening), // 3000
        socket("0B00007F:0035", listening), // Docker's name server
        socket("0100007F:9C40", listening), // 40000
        socket("0100007F:1F90", "01"), // a connection of 8080
      ].join("")}`,
    );
    writeFileSync(
      join(folder, "net/tcp6"),
      `  sl  local_address\n${socket("00000000000000000000000000000000:0BB8", listening)}`,
    );
    expect((await check(major, own)).line).toBe(
      "serving; listening: 3000, 5173, 40000; workspace: not looked at yet",
    );
  });

  it("says that setup runs, or how it has failed, with the last line of its output, and nothing of one that has succeeded", async () => {
    mkdirSync(join(folder, ".local/share/opencode-platform"), { recursive: true });
    const output = (text: string) =>
      writeFileSync(join(folder, ".local/share/opencode-platform/setup.log"), text);
    const setup = (text: string) => writeFileSync(join(folder, "status/setup"), text);
    writeFileSync(join(folder, "run/setup"), "\nnpm ci; npm test\nnpm run build\n");
    setup("running 1\n");
    output("");
    expect((await check(major, own)).line).toBe("serving; setup: running; workspace: not looked at yet");
    output("first\n\u001b[32madded\u001b[0m 3; workspace: audited 4\n \n");
    rmSync(join(folder, "lib/major"));
    expect((await check(major, own)).line).toBe(
      "serving; setup: running: added 3, workspace: audited 4; workspace: not looked at yet",
    );
    setup("ended 1 7\n");
    output(`${"x".repeat(5000)}\n`);
    rmSync(join(folder, "lib/major"));
    const failed = await check(major, own);
    expect(failed).toEqual({
      isHealthy: true,
      line: `serving; setup failed with exit code 7: npm ci, npm test: ${"x".repeat(200)}; workspace: not looked at yet`,
    });
    setup("ended 2 0\n");
    rmSync(join(folder, "lib/major"));
    expect((await check(major, own)).line).toBe("serving; workspace: not looked at yet");
  });

  it("says that its disk is nearly full, in the words that the host's root has left", async () => {
    writeFileSync(join(folder, "run/disk"), "disk nearly full: 83% of 10.0 GiB");
    expect((await check(major, own)).line).toBe(
      "serving; disk nearly full: 83% of 10.0 GiB; workspace: not looked at yet",
    );
    writeFileSync(join(folder, "run/disk"), "");
    rmSync(join(folder, "lib/major"));
    expect((await check(major, own)).line).toBe("serving; workspace: not looked at yet");
  });

  it("is healthy behind a proxy, which is no way to its own server", async () => {
    vi.stubEnv("http_proxy", "http://127.0.0.1:9");
    expect((await check(major, own)).isHealthy).toBe(true);
    vi.unstubAllEnvs();
  });

  it("is healthy when its own server answers", async () => {
    expect(await check(major, own)).toEqual({
      isHealthy: true,
      line: "serving; workspace: not looked at yet",
    });
  });

  it("says it if its home can't be written", async () => {
    const { line } = await check(major, own, join(folder, "gone"));
    expect(line).toMatch(/^serving; its home cannot be written by user \d+: on the host, chown -hR/);
  });

  it("is not when its list of sessions is refused, or never answered", async () => {
    const refused: RequestListener = (request, response) =>
      request.url === "/api/session?limit=1" ? response.writeHead(500).end() : own(request, response);
    const { isHealthy, line } = await check(major, refused);
    expect([isHealthy, line]).toEqual([
      false,
      expect.stringMatching(/^not serving: its list of sessions: .*500; workspace: /),
    ]);
    rmSync(join(folder, "lib/major"));
    server?.close();
    const hanging: RequestListener = (request, response) =>
      request.url === "/api/session?limit=1" ? undefined : own(request, response);
    expect(await check(major, hanging)).toEqual({
      isHealthy: false,
      line: expect.stringMatching(/^not serving: its list of sessions: .*timed out/),
    });
  });

  it("is while its sessions are migrated, whatever their list says", async () => {
    writeFileSync(join(folder, "status/upgrade"), "migrating\n");
    const refused: RequestListener = (request, response) =>
      request.url === "/api/session?limit=1" ? response.writeHead(503).end() : own(request, response);
    expect((await check(major, refused)).isHealthy).toBe(true);
  });

  it("is while it waits for its turn, and says so", async () => {
    mkdirSync(join(folder, "status/gate"));
    writeFileSync(join(folder, "status/gate/door"), "");
    const nobody: RequestListener = (_, response) => response.destroy();
    expect(await check(major, nobody)).toEqual({
      isHealthy: true,
      line: "waits for its turn; workspace: not looked at yet",
    });
  });

  it("is not when a server of the other major does", async () => {
    const { isHealthy, line } = await check(major, other);
    expect([isHealthy, line]).toEqual([false, expect.stringContaining("not serving: ")]);
  });

  it("is not when a server answers HTML everywhere", async () => {
    expect((await check(major, html)).isHealthy).toBe(false);
  });

  it("is not while it starts, nor without an answer", async () => {
    const starting: RequestListener = (_, response) => response.writeHead(503).end();
    const { isHealthy, line } = await check(major, starting);
    expect([isHealthy, line]).toEqual([false, expect.stringContaining("503")]);
  });

  it("is not when its change of release has failed, and says so", async () => {
    writeFileSync(join(folder, "status/upgrade"), "upgrade from 1.18.33 failed: no room\n");
    const { isHealthy, line } = await check(major, own);
    expect([isHealthy, line]).toEqual([
      false,
      expect.stringContaining("upgrade from 1.18.33 failed: no room"),
    ]);
  });

  it("says how far a change of release is", async () => {
    writeFileSync(join(folder, "status/upgrade"), "migrating, 412 of 1300 sessions\n");
    expect((await check(major, own)).line).toBe(
      "serving; migrating, 412 of 1300 sessions; workspace: not looked at yet",
    );
  });
});

describe("an instance of opencode 1.x", () => {
  const log = () => join(folder, ".local/share/opencode/log/opencode.log");
  const said = (what: string, directory = "/workspace") =>
    `timestamp=2026-11-30T14:20:22.014Z level=INFO run=dc00651a message="${what} instance" directory=${directory}\n`;
  /** Paths of sessions that the check has asked for, after another line in the log. */
  async function askedAfter(...lines: string[]): Promise<string[]> {
    const paths: string[] = [];
    appendFileSync(log(), lines.join(""));
    rmSync(join(folder, "lib/major"), { force: true });
    server?.close();
    await check(1, (request, response) => {
      if (request.url?.includes("session")) paths.push(request.url);
      return first(request, response);
    });
    return paths;
  }
  const [global, own] = ["/api/session?limit=1", "/session?limit=1"];

  it("is asked for its sessions while there is one, and never made for that", async () => {
    mkdirSync(dirname(log()), { recursive: true });
    expect(await askedAfter()).toEqual([global]);
    expect(await askedAfter(said("creating", "/workspace/other"))).toEqual([global]);
    expect(await askedAfter(said("creating"))).toEqual([global, own]);
    expect(await askedAfter("another line\n")).toEqual([global, own]);
    expect(await askedAfter(said("disposing"))).toEqual([global]);
    expect(await askedAfter(said("creating"), said("disposing"), said("creating"))).toEqual([global, own]);
  });

  it("of an earlier server is none of this one", async () => {
    mkdirSync(dirname(log()), { recursive: true });
    writeFileSync(log(), said("creating"));
    // As `serve` leaves it.
    writeFileSync(join(folder, "status/instance"), `${said("creating").length} no\n`);
    expect(await askedAfter()).toEqual([global]);
  });
});
