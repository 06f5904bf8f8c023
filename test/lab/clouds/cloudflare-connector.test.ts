import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Duplex, PassThrough } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readFlags } from "../../../lab/clouds/cloudflare/connector/arguments.ts";
import { carry } from "../../../lab/clouds/cloudflare/connector/carrier.ts";
import { cloudflared, readToken } from "../../../lab/clouds/cloudflare/connector/cloudflared.ts";
import { findRule, readRules } from "../../../lab/clouds/cloudflare/connector/ingress.ts";
import { serveMetrics } from "../../../lab/clouds/cloudflare/connector/metrics.ts";
import { packHeaders, unpackHeaders } from "../../../lab/clouds/cloudflare/connector/wire.ts";
import { type Example, OPEN, SITE, SSH, startExample } from "../../../lab/clouds/cloudflare/example/index.ts";

let example: Example;

beforeAll(async () => {
  example = await startExample();
});

afterAll(() => example.stop());

const visit = async () => (await example.visit("/", {}, OPEN)).status;
const shown = () =>
  example.api.result(`${example.api.account}/cfd_tunnel/${example.tunnelId}`, undefined, "GET");

describe("connectors", () => {
  it("are listed with their tunnel, and prevent its deletion", async () => {
    const { status, connections } = await shown();
    expect([status, connections.length]).toEqual(["healthy", 1]);
    const path = `${example.api.account}/cfd_tunnel/${example.tunnelId}`;
    expect((await example.api.call("DELETE", path)).errors[0]?.code).toBe(1022);
  });

  it("reconnect after a lost connection, with an error meanwhile", async () => {
    example.cloudflare.edge.drop(example.tunnelId);
    await vi.waitFor(async () => expect(await visit()).toBe(530), { interval: 1 });
    await vi.waitFor(async () => expect(await visit()).toBe(200), { timeout: 5000 });
  });

  it("finish running requests when stopped, and accept no more", async () => {
    let held: ServerResponse | undefined;
    example.answer((_, response) => {
      held = response;
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    });
    const { body } = await example.visit("/", {}, OPEN);
    example.answer();
    example.tunnel.stop(10_000);
    await vi.waitFor(async () => expect(await visit()).toBe(530));
    held?.end("data: 2\n\n");
    expect(await new Response(body).text()).toBe("data: 1\n\ndata: 2\n\n");
    await vi.waitFor(async () => expect((await shown()).status).toBe("down"));
    await example.connect();
  });

  it("give up without the tunnel's secret", async () => {
    const secret = Buffer.alloc(32).toString("base64");
    const content = { a: example.cloudflare.accountId, t: example.tunnelId, s: secret };
    const run = (token: object) =>
      example.connector(Buffer.from(JSON.stringify(token)).toString("base64")).run();
    await expect(run(content)).rejects.toThrow("Unauthorized: Invalid tunnel secret");
    const other = { ...content, t: "22222222-2222-4333-8444-555555555555" };
    await expect(run(other)).rejects.toThrow("Unauthorized: Tunnel not found");
  });

  it("report their connection at /ready", async () => {
    const metrics = serveMetrics("127.0.0.1:0", example.tunnel, "me");
    await once(metrics, "listening");
    const { port } = metrics.address() as { port: number };
    const ready = await fetch(`http://127.0.0.1:${port}/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 200, readyConnections: 1, connectorId: "me" },
    ]);
    const options = ["tunnel", "--metrics", `127.0.0.1:${port}`, "ready"];
    await cloudflared(options);
    example.tunnel.stop();
    await vi.waitFor(() => expect(cloudflared(options)).rejects.toThrow("returned status code 503"));
    metrics.close();
    await example.connect();
  });
});

describe("cloudflared access", () => {
  const client = (...args: string[]) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const done = carry(args, example.network, Duplex.from({ readable: input, writable: output }));
    return { input, output, done };
  };

  it("carries a TCP connection with a service token", async () => {
    const [id = "", secret = ""] = Object.values(example.machine);
    const { input, output, done } = client("--hostname", SSH, "--id", id, "--secret", secret);
    input.write("SSH-2.0-me\r\n");
    const [data] = (await once(output, "data")) as [Buffer];
    expect(data.toString()).toBe("SSH-2.0-me\r\n");
    input.end();
    await done;
  });

  it("reports errors", async () => {
    await expect(client("--hostname", SSH).done).rejects.toThrow("bad handshake (status 403)");
    await expect(client("--hostname", SITE).done).rejects.toThrow("Access requires a login");
    await expect(client("--nonsense").done).rejects.toThrow("flag provided but not defined: -nonsense");
    await expect(client().done).rejects.toThrow("hostname is required");
  });

  it("is an executable for PATH", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cloudflared-"));
    example.cloudflare.installClient(directory);
    const run = promisify(execFile)(join(directory, "cloudflared"), ["access", "ssh", "--hostname", SSH]);
    await expect(run).rejects.toThrow("bad handshake (status 403)");
    rmSync(directory, { recursive: true });
  });
});

describe("the command line", () => {
  it("applies flags to each command up to the next", () => {
    const flags = {
      name: { kind: "string", variable: "NAME" },
      on: { kind: "boolean" },
      many: { kind: "list" },
    } as const;
    const args = ["--name=a", "-on", "--many", "1", "--many", "2", "run", "--other"];
    expect(readFlags(args, flags, { NAME: "b" })).toEqual({
      values: { name: "a", on: true, many: ["1", "2"] },
      rest: ["run", "--other"],
    });
    expect(readFlags([], flags, { NAME: "b" }).values).toEqual({ name: "b" });
    expect(() => readFlags(["--name"], flags, {})).toThrow("flag needs an argument: -name");
  });

  it.each([
    [["tunnel", "--bogus", "run"], "flag provided but not defined: -bogus"],
    [["tunnel", "run", "--metrics", "x"], "flag provided but not defined: -metrics"],
    [["tunnel", "list"], "stand-in"],
    [["tunnel", "run"], "by token only"],
    [["tunnel", "run", "--token", "nonsense"], "Provided Tunnel token is not valid."],
    [["tunnel", "run", "--token-file", "/nowhere"], "Failed to read token file"],
    [["tunnel", "--protocol", "quic", "run", "--token", "x"], "speaks http2"],
    [["login"], "stand-in"],
    [["tunnel", "ready"], "--metrics has to be provided"],
  ])("rejects %j", async (args, words) => {
    vi.stubEnv("SSL_CERT_FILE", example.cloudflare.caFile);
    await expect(cloudflared(args)).rejects.toThrow(words);
    vi.unstubAllEnvs();
  });

  it("parses a tunnel's token", () => {
    const token = Buffer.from('{"a":"account","t":"tunnel","s":"c2VjcmV0"}').toString("base64");
    expect(readToken(token, "me")).toMatchObject({
      account: "account",
      tunnel: "tunnel",
      secret: "c2VjcmV0",
    });
    expect(() => readToken("e30=", "me")).toThrow("not valid");
  });
});

describe("ingress rules", () => {
  const rules = (ingress: { hostname?: string; path?: string; service: string }[]) =>
    readRules({ ingress }, example.network);
  const service = (authority: string, path = "/") => {
    const all = rules([
      { hostname: "a.test", path: "^/api", service: "http_status:201" },
      { hostname: "a.test", service: "http_status:202" },
      { hostname: "*.b.test", service: "http_status:203" },
      { service: "http_status:404" },
    ]);
    return findRule(all, authority, path)?.service;
  };

  it("are matched in order, by hostname and path", () => {
    expect(service("a.test", "/api/x")).toEqual({ kind: "status", status: 201 });
    expect(service("a.test:443", "/x/api")).toEqual({ kind: "status", status: 202 });
    expect(service("x.y.b.test")).toEqual({ kind: "status", status: 203 });
    expect(service("b.test")).toEqual({ kind: "status", status: 404 });
    expect(findRule([], "a.test", "/")).toBeUndefined();
  });

  it("know the ports of services", () => {
    const [ssh, tcp, http] = rules([
      { service: "ssh://localhost" },
      { service: "tcp://[::1]:5432" },
      { service: "ws://localhost:80" },
    ]).map((rule) => rule.service);
    expect(ssh).toMatchObject({ kind: "tcp", host: "localhost", port: 22 });
    expect(tcp).toMatchObject({ kind: "tcp", host: "::1", port: 5432 });
    expect(http).toMatchObject({ kind: "http", url: new URL("http://localhost") });
    expect(() => rules([{ service: "hello_world" }])).toThrow("stand-in");
  });

  it("use Access's check of the rule only, not of the tunnel's defaults, as in cloudflared", () => {
    const access = { required: true, teamName: "acme", audTag: ["x"] };
    const ingress = [{ service: "http_status:404" }];
    const [open] = readRules({ ingress, originRequest: { access } }, example.network);
    expect(open?.access).toBeUndefined();
    const [checked] = readRules(
      { ingress: [{ service: "http_status:404", originRequest: { access } }] },
      example.network,
    );
    expect(checked?.access).toBeDefined();
  });
});

it("packs headers with their spelling", () => {
  const raw = ["Set-Cookie", "a=1; Path=/", "set-cookie", "b=2", "X-Empty", ""];
  expect(unpackHeaders(packHeaders(raw))).toEqual(raw);
});

it("the image is named and started like the real one", async () => {
  const { archive } = await example.cloudflare.connectorImage("1.2.3");
  const read = (name: string) =>
    JSON.parse(execFileSync("tar", ["-xOf", archive, name], { encoding: "utf8" }));
  const [manifest] = read("./manifest.json");
  expect(manifest.RepoTags).toEqual(["cloudflare/cloudflared:1.2.3"]);
  expect(read(`./${manifest.Config}`).config).toMatchObject({
    User: "65532:65532",
    Entrypoint: ["cloudflared", "--no-autoupdate"],
  });
  rmSync(dirname(archive), { recursive: true });
});
