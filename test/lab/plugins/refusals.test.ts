/** The clouds' stand-in plugins reject addresses outside the tests. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const CLOUDS = [
  {
    name: "digitalocean",
    key: "apiEndpoint",
    variable: "DIGITALOCEAN_API_URL",
    api: "https://api.digitalocean.com",
  },
  {
    name: "cloudflare",
    key: "baseUrl",
    variable: "CLOUDFLARE_BASE_URL",
    api: "https://api.cloudflare.com/client/v4",
  },
] as const;

const calls: string[] = [];

beforeEach(() => {
  calls.length = 0;
  vi.resetModules();
  vi.stubGlobal("fetch", async (url: unknown) => {
    calls.push(String(url));
    return Response.json({});
  });
  for (const { variable } of CLOUDS) vi.stubEnv(variable, "");
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

const digitalocean = () => import("../../../lab/plugins/digitalocean/client.ts");
const cloudflare = () => import("../../../lab/plugins/cloudflare/client.ts");
const load = { digitalocean, cloudflare };
const ask = {
  digitalocean: async () =>
    (await digitalocean()).call({ signal: new AbortController().signal } as never, "GET", "/v2/account"),
  cloudflare: async () => (await cloudflare()).call(new AbortController().signal, "GET", "/zones"),
};

describe.each(CLOUDS)("the stand-in for $name", ({ name, key, variable, api }) => {
  test("rejects a configuration for the real cloud, by default and by name", async () => {
    const { configure } = await load[name]();
    for (const config of [{}, { [key]: api }, { [key]: "http://10.0.0.1" }])
      expect(() => configure(config)).toThrow(
        new RegExp(
          `^${name}:${key}: http.* may be the real cloud, and this is the stand-in for the ${name} plugin`,
        ),
      );
    expect(() => configure({ [key]: "http://127.0.0.1:1" })).not.toThrow();
  });

  test("rejects an operation before any configuration", async () => {
    await expect(ask[name]()).rejects.toThrow("may be the real cloud");
    expect(calls).toEqual([]);
  });

  test("accepts an address of the tests from the environment", async () => {
    vi.stubEnv(variable, "http://198.18.3.1:4010");
    await ask[name]();
    expect(calls).toEqual([expect.stringMatching(/^http:\/\/198\.18\.3\.1:4010\//)]);
  });

  test("reports it to the engine, as a process", async () => {
    const main = new URL(`../../../lab/plugins/${name}/main.ts`, import.meta.url).pathname;
    const child = spawn(process.execPath, [main], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const ended = once(child, "close").then(([code]) => Promise.reject(new Error(`ended with ${code}`)));
      const [port] = (await Promise.race([once(createInterface(child.stdout), "line"), ended])) as [string];
      const client = new providerGrpc.ResourceProviderClient(
        `127.0.0.1:${port}`,
        grpc.credentials.createInsecure(),
      );
      const request = new pb.ConfigureRequest();
      request.setArgs(struct.Struct.fromJavaScript({ [key]: api }));
      const refusal = await new Promise<string>((resolve) =>
        client.configure(request, (error: Error | null) => resolve(error?.message ?? "configured")),
      );
      client.close();
      expect(refusal).toContain(`${name}:${key}: ${api} may be the real cloud`);
    } finally {
      child.kill();
    }
  });
});
