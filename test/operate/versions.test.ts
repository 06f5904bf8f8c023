import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Listening, listen } from "../../lab/clouds/http.ts";
import { isOutdated, newestPackages, newestReleases } from "../../operate/versions/newest.ts";
import { releaseLines } from "../../operate/versions/opencode.ts";
import { pulumiLines } from "../../operate/versions/pulumi.ts";

let github: Listening;
const asked: string[] = [];

beforeAll(async () => {
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers["user-agent"]}`);
    const isKnown = request.url === "/repos/traefik/traefik/releases/latest";
    response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(isKnown ? { tag_name: "v3.7.1" } : { message: "Not Found" }));
  });
  github = await listen(server, { host: "127.0.0.1" });
});
afterAll(() => github.close());

const pin = (depName: string, datasource = "github-releases", version = "3.6.12") => ({
  constant: "X",
  depName,
  datasource,
  version,
});

describe("the lines that pin a release of the Pulumi CLI", () => {
  const list = (digit: string) =>
    ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"]
      .map((machine) => `${digit.repeat(64)}  pulumi-v3.1.0-${machine}.tar.gz`)
      .join("\n");

  it("are what GitHub and the download's host agree on", async () => {
    const lines = await pulumiLines("3.1.0", async () => list("a"));
    expect(lines).toHaveLength(6);
    expect(lines[1]).toBe(`  "linux-x64": "${"a".repeat(64)}",`);
  });

  it("are none if they differ, or one is missing", async () => {
    const differ = async (url: string) => list(url.includes("github.com") ? "a" : "b");
    await expect(pulumiLines("3.1.0", differ)).rejects.toThrow("at github.com and bbb");
    await expect(pulumiLines("3.1.0", async () => "")).rejects.toThrow("none at github.com");
    await expect(pulumiLines("3.1.0", () => Promise.reject(new Error("no such host")))).rejects.toThrow(
      "no such host",
    );
  });
});

describe("the newest release", () => {
  it("is looked up at GitHub and with npm, with separate failures", async () => {
    const npm = async (args: readonly string[]) => {
      if (args[1] === "node") throw new Error("npm view failed: no such host");
      return "1.19.0\n";
    };
    const pins = [
      pin("traefik/traefik"),
      pin("no/repository"),
      pin("opencode-ai", "npm", "1.19.0"),
      pin("node", "npm"),
      pin("node", "docker", "22-bookworm-slim"),
    ];
    const releases = await newestReleases(pins, { github: `http://127.0.0.1:${github.port}`, npm });
    expect(releases).toEqual([
      { name: "traefik/traefik", pinned: "3.6.12", newest: "3.7.1" },
      { name: "no/repository", pinned: "3.6.12", trouble: expect.stringMatching(/answered 404$/) },
      { name: "opencode-ai", pinned: "1.19.0", newest: "1.19.0" },
      { name: "node", pinned: "3.6.12", trouble: "npm view failed: no such host" },
      { name: "node", pinned: "22-bookworm-slim", trouble: "releases of docker are left to Renovate" },
    ]);
    expect(releases.map(isOutdated)).toEqual([true, false, false, false, false]);
    expect(asked[0]).toBe("GET /repos/traefik/traefik/releases/latest opencode-platform");
  });

  it("is unknown, with the reason, if nothing can be reached", async () => {
    const [release] = await newestReleases([pin("traefik/traefik")], { github: "http://127.0.0.1:1" });
    expect(release?.newest).toBeUndefined();
    expect(release?.trouble).toMatch(/^127\.0\.0\.1:1 cannot be reached: ./);
  });

  it("of packages comes from `npm outdated`, or is the pinned one", async () => {
    const outdated = JSON.stringify({ zod: { current: "4.6.7", wanted: "4.6.7", latest: "5.0.0" } });
    expect(await newestPackages({ zod: "4.6.7", yaml: "2.9.1" }, { npm: async () => outdated })).toEqual([
      { name: "yaml", pinned: "2.9.1", newest: "2.9.1" },
      { name: "zod", pinned: "4.6.7", newest: "5.0.0" },
    ]);
    const failed = JSON.stringify({ error: { code: "ENOTFOUND", summary: "no such host" } });
    expect(await newestPackages({ zod: "4.6.7" }, { npm: async () => failed })).toEqual([
      { name: "zod", pinned: "4.6.7", trouble: "npm outdated did not list releases" },
    ]);
  });
});

describe("the lines that pin a release of opencode", () => {
  const npm = async (args: readonly string[]) => {
    if (args[1] === "@opencode/cli-linux-arm64@2.1.0") return "sha512-abc\n";
    if (args[1] === "@opencode/cli-linux-x64-baseline@2.1.0") return "sha512-def\n";
    throw new Error("404");
  };

  it("have the integrity of each package that there is", async () => {
    expect(await releaseLines("2.1.0", { npm })).toEqual([
      '  "2.1.0": {',
      '    "x64-baseline": "sha512-def",',
      '    arm64: "sha512-abc",',
      "  },",
    ]);
  });

  it("are an error for a release that there is not", async () => {
    await expect(releaseLines("2.9.9", { npm })).rejects.toThrow("has no package in npm's registry");
  });
});
