/** The whole program for a stack on a droplet, on a machine that has stand-ins for plugins. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { install } from "../../lab/plugins/install.ts";

const folder = mkdtempSync(join(tmpdir(), "guard-"));
const toolchain = join(folder, "toolchain");
/** What the program has asked the engine, and through it a plugin, for. */
const asked: string[] = [];
const SETTINGS = {
  "digitalocean:token": "do-token",
  "cloudflare:apiToken": "cf-token",
  "opencode-platform:domain": "example.com",
  "opencode-platform:accessEmailDomains": "example.com",
  "opencode-platform:sshAllow": "198.51.100.4",
};

beforeAll(async () => {
  install(toolchain, process.execPath);
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        asked.push(type);
        return { id: name, state: inputs };
      },
      call: ({ token }) => {
        // The engine itself, about this very stack.
        if (token === "pulumi:pulumi:readStackOutputs") return {};
        asked.push(token);
        throw new Error("asked a plugin");
      },
    },
    "opencode-platform",
    "unit-test-guard",
    false,
    "acme",
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  asked.length = 0;
  vi.resetModules();
  vi.stubEnv("PATH", [join(toolchain, "bin"), "/usr/bin", "/bin"].join(delimiter));
  vi.stubEnv("PULUMI_HOME", join(toolchain, "pulumi-home"));
  vi.stubEnv("DIGITALOCEAN_API_URL", "");
  vi.stubEnv("CLOUDFLARE_BASE_URL", "");
  vi.stubGlobal("fetch", (url: unknown) => {
    asked.push(String(url));
    return Promise.reject(new Error("no network in this test"));
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

/** What the program ends with. */
async function failure(config: Record<string, string>): Promise<string> {
  pulumi.runtime.setAllConfig({ ...SETTINGS, ...config });
  return import("../../index.ts").then(
    () => "",
    (error: Error) => error.message,
  );
}

const LOOPBACK = {
  "digitalocean:apiEndpoint": "http://127.0.0.1:4010",
  "cloudflare:baseUrl": "http://127.0.0.1:4011/client/v4",
};
const REFUSED = /^pulumi plugins: stack unit-test-guard is in a real cloud, and these plugins are stand-ins/;

describe("a program with a token, and stand-ins for plugins", () => {
  it("is refused before the first call where no cloud address is set", async () => {
    const message = await failure({});
    expect(message).toMatch(REFUSED);
    expect(message).toContain("digitalocean, cloudflare, nodejs");
    expect(message).toContain("npm run pulumi -- preview --stack unit-test-guard");
    expect(asked).toEqual([]);
  });

  it("is refused where one of both clouds is a real one", async () => {
    for (const key of Object.keys(LOOPBACK)) {
      const { [key as keyof typeof LOOPBACK]: _, ...one } = LOOPBACK;
      expect(await failure(one)).toMatch(REFUSED);
    }
    expect(asked).toEqual([]);
  });

  it("is refused where only the language host is a stand-in, found by what it says of itself", async () => {
    vi.stubEnv("PATH", "/usr/bin:/bin");
    vi.stubEnv("PULUMI_HOME", join(folder, "none"));
    vi.stubEnv("OPENCODE_PLATFORM_STAND_IN_HOST", join(toolchain, "bin", "pulumi-language-nodejs"));
    expect(await failure({})).toMatch(REFUSED);
    expect(asked).toEqual([]);
  });

  it("goes on to ask the plugins where both clouds are stand-ins too", async () => {
    expect(await failure(LOOPBACK)).not.toMatch(REFUSED);
    expect(asked).toEqual(["cloudflare:index/getZone:getZone"]);
  });

  it("goes on without stand-ins, whatever the address", async () => {
    vi.stubEnv("PATH", "/usr/bin:/bin");
    vi.stubEnv("PULUMI_HOME", join(folder, "none"));
    expect(await failure({})).not.toMatch(REFUSED);
    expect(asked).toEqual(["cloudflare:index/getZone:getZone"]);
  });
});
