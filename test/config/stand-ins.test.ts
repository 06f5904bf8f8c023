/** Which plugins are stand-ins, and which addresses they may be used with. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  cloudAddress,
  findPlugins,
  isStandIn,
  isTestAddress,
  PROVIDERS,
  providerFile,
  realClouds,
  refusedAddress,
  STAND_IN_HOST_VARIABLE,
  standInProblem,
} from "../../config/stack/stand-ins.ts";
import { POOL } from "../../lab/clouds/digitalocean/machine/network.ts";
import { install } from "../../lab/plugins/install.ts";

describe("an address of the tests' own", () => {
  it.each([
    "http://127.0.0.1:4010",
    "http://127.8.9.10/client/v4",
    "http://localhost:1",
    "https://[::1]:8443/v2",
    "http://0x7f.1:80",
    "http://198.18.0.1:41234",
    "http://198.18.255.1:41234/client/v4",
  ])("is %s", (address) => {
    expect(isTestAddress(address)).toBe(true);
  });

  it.each([
    undefined,
    "",
    "localhost",
    "127.0.0.1",
    "ftp://127.0.0.1",
    "https://api.digitalocean.com",
    "https://api.cloudflare.com/client/v4",
    "http://10.0.0.1",
    "http://172.17.0.1",
    "http://192.168.1.1",
    "http://169.254.169.254",
    "http://100.64.0.1",
    "http://198.19.0.1",
    "http://0.0.0.0",
    "http://[::]",
    "http://[fd00::1]",
    "http://[::ffff:10.0.0.1]",
    "http://localhost.example.com",
    "http://cloud.localhost",
    "http://127.0.0.1.nip.io",
    "http://127.0.0.1@api.digitalocean.com",
    "http://api.digitalocean.com/127.0.0.1",
    "http://198.18.0.1.example.com",
  ])("is not %s", (address) => {
    expect(isTestAddress(address)).toBe(false);
  });

  it("is every gateway that the tests' stand-in for DigitalOcean can listen on", () => {
    for (let third = 0; third < 256; third++)
      expect(isTestAddress(`http://${POOL}.${third}.1:8080`)).toBe(true);
  });
});

describe("the clouds of a stack", () => {
  const both = {
    "digitalocean:apiEndpoint": "http://198.18.7.1:1",
    "cloudflare:baseUrl": "http://198.18.7.1:2/client/v4",
  };

  it("are real ones unless both addresses are the tests' own", () => {
    expect(realClouds({}, {})).toEqual(["digitalocean:apiEndpoint", "cloudflare:baseUrl"]);
    expect(realClouds(both, {})).toEqual([]);
    expect(realClouds({ ...both, "cloudflare:baseUrl": "" }, {})).toEqual(["cloudflare:baseUrl"]);
  });

  it("take an address from the environment as the providers do: the config wins", () => {
    const env = { DIGITALOCEAN_API_URL: "http://127.0.0.1:1", CLOUDFLARE_BASE_URL: "http://127.0.0.1:2" };
    expect(realClouds({}, env)).toEqual([]);
    expect(realClouds({ "digitalocean:apiEndpoint": "https://api.digitalocean.com" }, env)).toEqual([
      "digitalocean:apiEndpoint",
    ]);
  });

  it("have one address for the providers and for our own calls", () => {
    const env = { CLOUDFLARE_BASE_URL: "http://127.0.0.1:2" };
    expect(cloudAddress("cloudflare", {}, env)).toBe("http://127.0.0.1:2");
    expect(cloudAddress("cloudflare", { "cloudflare:baseUrl": "http://127.0.0.1:3" }, env)).toBe(
      "http://127.0.0.1:3",
    );
    expect(cloudAddress("digitalocean", {}, { DIGITALOCEAN_API_URL: "" })).toBeUndefined();
  });

  it("are refused by a stand-in with the key and the way out, and taken where they are the tests'", () => {
    expect(
      refusedAddress("digitalocean", "digitalocean:apiEndpoint", "https://api.digitalocean.com"),
    ).toMatch(
      /^digitalocean:apiEndpoint: https:\/\/api\.digitalocean\.com may be the real cloud, .* — install the official plugin/,
    );
    expect(refusedAddress("digitalocean", "digitalocean:apiEndpoint", "http://127.0.0.1:1")).toBeUndefined();
  });
});

describe("the plugins that the engine takes", () => {
  const folder = mkdtempSync(join(tmpdir(), "plugins-"));
  const toolchain = join(folder, "toolchain");
  const official = join(folder, "official");
  const home = join(toolchain, "pulumi-home");
  const bin = join(toolchain, "bin");
  const place = (file: string, content: string | Buffer) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
  };
  const kinds = (env: Record<string, string>, pulumi?: string) =>
    Object.fromEntries(findPlugins(env, pulumi).map(({ name, kind }) => [name, kind]));
  const all = (kind: string) => Object.fromEntries([...PROVIDERS, "nodejs"].map((name) => [name, kind]));

  beforeAll(() => {
    install(toolchain, process.execPath);
    for (const name of PROVIDERS) place(join(official, providerFile(name)), Buffer.from("\x7fELF program"));
    place(
      join(official, "pulumi-language-nodejs"),
      '#!/bin/sh\nexec /opt/pulumi-language-nodejs.real "$@"\n',
    );
    place(join(official, "pulumi"), "#!/bin/sh\n");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("are stand-ins in a toolchain's folder, the language host too", () => {
    expect(kinds({ PATH: bin, PULUMI_HOME: home })).toEqual(all("stand-in"));
    expect(kinds({ PATH: "", HOME: folder })).toEqual(all("not installed"));
  });

  it("are those on PATH before installed ones, and a script that starts an official one is official", () => {
    expect(kinds({ PATH: official, PULUMI_HOME: home })).toEqual(all("official"));
    expect(kinds({ PATH: [bin, official].join(delimiter), PULUMI_HOME: home })).toEqual({
      ...all("official"),
      nodejs: "stand-in",
    });
  });

  it("are stand-ins as soon as one of several installed versions is", () => {
    const newer = join(home, "plugins", "resource-docker-v9.0.0", providerFile("docker"));
    place(newer, Buffer.from("\x7fELF"));
    expect(kinds({ PATH: official.replace("official", "none"), PULUMI_HOME: home }).docker).toBe("stand-in");
    rmSync(dirname(newer), { recursive: true });
  });

  it("have the language host beside the CLI, or the one that says so itself", () => {
    expect(kinds({ PATH: "", HOME: folder }, join(official, "pulumi")).nodejs).toBe("official");
    const running = { [STAND_IN_HOST_VARIABLE]: join(bin, "pulumi-language-nodejs") };
    expect(kinds({ PATH: official, HOME: folder, ...running }).nodejs).toBe("stand-in");
  });

  it("are a problem for a real cloud alone", () => {
    const standIns = findPlugins({ PATH: bin, PULUMI_HOME: home });
    expect(standInProblem("prod", standIns, [])).toBeUndefined();
    const found = findPlugins({ PATH: official, HOME: folder });
    expect(standInProblem("prod", found, ["cloudflare:baseUrl"])).toBeUndefined();
    expect(standInProblem("prod", standIns, ["cloudflare:baseUrl"])).toMatchObject({
      where: "pulumi plugins",
      what: expect.stringMatching(/^stack prod is in a real cloud, .*docker, command, random, tls, .*nodejs/),
      fix: expect.stringContaining("npm run pulumi -- preview --stack prod"),
    });
  });

  it("are told apart by what they start", () => {
    expect(isStandIn(join(bin, "pulumi-language-nodejs"))).toBe(true);
    expect(isStandIn(join(official, "pulumi-language-nodejs"))).toBe(false);
  });
});
