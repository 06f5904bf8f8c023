import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type Listening, listen } from "../../../lab/clouds/http.ts";

const content = "#!/bin/sh\n";
const folder = mkdtempSync(join(tmpdir(), "ci-cloudflared-"));
const bin = join(folder, "bin");
const checksum = (text: string) => createHash("sha256").update(text).digest("hex");

let releases: Listening;
let asked: string[];
let bring: typeof import("../../../operate/forge/cloudflared.ts").installCloudflared;

beforeAll(async () => {
  vi.stubEnv("OPENCODE_PLATFORM_TOOLCHAIN", folder);
  vi.stubEnv("PATH", "/nowhere");
  ({ installCloudflared: bring } = await import("../../../operate/forge/cloudflared.ts"));
  asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end(content);
  });
  releases = await listen(server, { host: "127.0.0.1" });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await releases.close();
  rmSync(folder, { recursive: true });
});

const options = (sha256: string) => ({
  releases: `http://127.0.0.1:${releases.port}`,
  checksums: { "linux-x64": ["cloudflared-linux-amd64", sha256] as const },
  platform: "linux-x64",
});

it("is refused with another checksum, and removed", async () => {
  await expect(bring(() => {}, options("0".repeat(64)))).rejects.toThrow(
    /has the SHA-256 [0-9a-f]{64}, not 0{64}, so it is refused/,
  );
  expect(readdirSync(bin)).toEqual([]);
});

it("is refused for a platform without a checksum", async () => {
  await expect(bring(() => {}, { ...options(""), platform: "sunos-x64" })).rejects.toThrow(
    /isn't fetched for sunos-x64/,
  );
});

it("is installed once", async () => {
  asked.length = 0;
  for (let time = 0; time < 2; time++) await bring(() => {}, options(checksum(content)));
  expect(asked).toEqual([expect.stringMatching(/^\/\d{4}\.\d+\.\d+\/cloudflared-linux-amd64$/)]);
  expect(readFileSync(join(bin, "cloudflared"), "utf8")).toBe(content);
  expect(statSync(join(bin, "cloudflared")).mode & 0o777).toBe(0o755);
});
