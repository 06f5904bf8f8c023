import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../../attach/src/errors.ts";
import { type Example, OPEN, SITE, startExample } from "../standins/cloudflare/example/index.ts";
import { urlAt } from "./attach-example.ts";
import { type Ended, Machine } from "./attach-world.ts";

const MAIN = resolve(import.meta.dirname, "../../attach/src/main.ts");

let example: Example;
let machine: Machine;

/** What the platform answers: the index at a hostname without Access, a project at the site. */
function platform(project: Partial<{ status: number; body: string; type: string }> = {}) {
  const { status = 200, body = '{"healthy":true,"version":"1.18.33"}', type = "application/json" } = project;
  example.answer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url === "/projects.json") {
      const projects = [
        { name: "shop", url: `https://${SITE}/`, state: "running" },
        { name: "docs", url: "https://docs-code.example.com/", state: "stopped" },
      ];
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ projects }));
    } else response.writeHead(status, { "content-type": type }).end(body);
  });
}

const run = (args: string[], env: Record<string, string | undefined> = {}): Promise<Ended> =>
  machine.run(process.execPath, [MAIN, ...args], {
    OPENCODE_PLATFORM_URL: urlAt(example, OPEN).href,
    ...env,
  });

/** cloudflared as it behaves with a token in a file: `access token` prints nothing where there is none. */
function installCloudflared(login = "exit 1") {
  machine.install(
    "cloudflared",
    `echo "$@" >> ${machine.folder}/cloudflared.log
case "$2" in
  token) cat ${machine.folder}/token 2>/dev/null || echo "Unable to find token" >&2;;
  login) ${login};;
esac`,
  );
}

const logged = () => readFileSync(join(machine.folder, "cloudflared.log"), "utf8").trim().split("\n");

beforeAll(async () => {
  example = await startExample();
});
afterAll(() => example.stop());
beforeEach(() => {
  machine = new Machine(example);
  machine.install(
    "opencode",
    `[ "$1" = --version ] && echo 1.18.33 && exit; exec ${process.execPath} ${machine.folder}/client.mjs "$@"`,
  );
  writeFileSync(
    join(machine.folder, "client.mjs"),
    `const [, , command, url, ...more] = process.argv;
const { OPENCODE_SERVER_USERNAME: user, OPENCODE_SERVER_PASSWORD: password } = process.env;
const authorization = "Basic " + Buffer.from(user + ":" + password).toString("base64");
const { status } = await fetch(url + "/session", { headers: { authorization } });
console.log(JSON.stringify({ command, more, status, secrets: Object.keys(process.env).filter((name) => name.startsWith("CF_")) }));
if (more.includes("--stay")) setInterval(() => {}, 1000);
else process.exit(42);\n`,
  );
  platform();
});
afterEach(() => machine.remove());

const asMachine = () => ({
  CF_ACCESS_CLIENT_ID: example.machine["CF-Access-Client-Id"],
  CF_ACCESS_CLIENT_SECRET: example.machine["CF-Access-Client-Secret"],
});

const PROJECT = () => urlAt(example).href;

describe("opencode-platform", () => {
  it("starts opencode on a project of the index, and ends as it does", async () => {
    const { code, stdout, stderr } = await run(["shop", "--", "--continue"], asMachine());
    expect([code, stderr]).toEqual([42, ""]);
    expect(JSON.parse(stdout)).toEqual({ command: "attach", more: ["--continue"], status: 200, secrets: [] });
  });

  it("logs a person in with cloudflared, which tells nobody the token", async () => {
    writeFileSync(join(machine.folder, "next"), await example.sign());
    installCloudflared(`cp ${machine.folder}/next ${machine.folder}/token`);
    const { code, stdout, stderr } = await run([PROJECT()]);
    expect([code, JSON.parse(stdout).status, stderr]).toEqual([42, 200, ""]);
    const origin = urlAt(example).origin;
    expect(logged()).toEqual([
      `access token --app=${origin}`,
      `access login ${origin}`,
      `access token --app=${origin}`,
    ]);
  });

  it("remembers the platform after its first use", async () => {
    await run(["ls"], asMachine());
    const { code, stdout } = await run(["ls"], { ...asMachine(), OPENCODE_PLATFORM_URL: undefined });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^shop {2}running {2}https:.*\ndocs {2}stopped {2}https:.*\n$/),
    ]);
    expect(
      readFileSync(join(machine.folder, ".config/opencode-platform/settings.json"), "utf8"),
    ).not.toContain("secret");
  });

  it("prints a URL that works alone, and stays until it is ended", async () => {
    const env = { ...machine.env, ...asMachine() };
    const child = spawn(process.execPath, [MAIN, PROJECT(), "--print"], { env });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    expect((await fetch(`${String(line).trim()}/session`)).status).toBe(200);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("passes signals on", async () => {
    const env = { ...machine.env, ...asMachine() };
    const child = spawn(process.execPath, [MAIN, PROJECT(), "--", "--stay"], { env });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([128 + 15, null]);
  });

  it("runs the pinned opencode by npx where it is asked to", async () => {
    machine.install("opencode", "echo 1.2.3");
    machine.install("npx", 'echo "$@"; exit 3');
    const { code, stdout } = await run([PROJECT(), "--npx"], asMachine());
    expect([code, stdout]).toEqual([
      3,
      expect.stringMatching(/^--yes opencode-ai@1\.18\.33 attach http:\/\/127\.0\.0\.1:\d+\n$/),
    ]);
  });

  it("opens the browser", async () => {
    machine.install("xdg-open", `echo "$1" > ${machine.folder}/opened`);
    expect((await run(["open", "shop"], asMachine())).code).toBe(0);
    expect(readFileSync(join(machine.folder, "opened"), "utf8")).toBe(`${PROJECT()}\n`);
  });
});

describe("says what is wrong and what to do", () => {
  const fails = async (kind: keyof typeof EXIT, words: RegExp, args: string[], env = {}) => {
    const { code, stdout, stderr } = await run(args, env);
    expect([code, stdout, stderr]).toEqual([EXIT[kind], "", expect.stringMatching(words)]);
    expect(stderr).not.toMatch(/\n\s+at /);
    return stderr;
  };

  it("an unknown project, with the closest", () =>
    fails("unknown", /There is no project shp\.\nDid you mean shop\?/, ["shp"], asMachine()));

  it("a stopped project, by the index", () => fails("stopped", /docs is stopped/, ["docs"], asMachine()));

  it("a stopped project, by its own page", async () => {
    platform({
      status: 503,
      type: "text/plain; charset=utf-8",
      body: "shop is stopped. Its workspace is kept.\n",
    });
    await fails("stopped", /is stopped\.\nAsk for state: running/, [PROJECT()], asMachine());
  });

  it("a service token that is not admitted", () =>
    fails("notMember", /may not open/, [PROJECT()], {
      CF_ACCESS_CLIENT_ID: "a",
      CF_ACCESS_CLIENT_SECRET: "b",
    }));

  it("half a service token", () =>
    fails("usage", /CF_ACCESS_CLIENT_SECRET is not set/, [PROJECT()], { CF_ACCESS_CLIENT_ID: "a" }));

  it("a login that does not come about, without naming a token", async () => {
    installCloudflared();
    writeFileSync(join(machine.folder, "token"), await example.sign({ expiresIn: -10 }));
    const stderr = await fails("login", /could not be renewed\.\nRun: cloudflared access login/, [PROJECT()]);
    expect(stderr).not.toContain("eyJ");
  });

  it("no cloudflared", () => fails("noCloudflared", /cloudflared.* is not installed/, [PROJECT()]));

  it("no opencode", async () => {
    machine.install("opencode", "");
    const { env } = machine;
    const path = `${machine.folder}/none`;
    await fails("noOpencode", /npm install -g opencode-ai@1\.18\.33\. Or add --npx/, [PROJECT()], {
      ...asMachine(),
      ...env,
      PATH: path,
    });
  });

  it("an opencode that is older than the project's", async () => {
    machine.install("opencode", "echo 1.18.9");
    await fails(
      "older",
      /opencode here is 1\.18\.9, older than the project's 1\.18\.33/,
      [PROJECT()],
      asMachine(),
    );
  });

  it("a platform that does not answer", () =>
    fails(
      "unreachable",
      /cannot be reached: the connection is refused/,
      ["https://shop-code.example.com:1/"],
      asMachine(),
    ));

  it("no platform at all, and one that is none", async () => {
    await fails("usage", /Give its URL once/, ["shop"], { OPENCODE_PLATFORM_URL: undefined });
    await fails("usage", /is not encrypted/, ["shop", "--platform", "http://code.example.com"]);
    example.answer((_, response) => response.end("hello"));
    await fails("unreachable", /is not the index of an opencode platform/, ["ls"], asMachine());
    expect(existsSync(join(machine.folder, ".config"))).toBe(false);
  });

  it("an index that leads elsewhere", async () => {
    const projects = [{ name: "shop", url: "https://evil.test/", state: "running" }];
    example.answer((_, response) => response.end(JSON.stringify({ projects })));
    await fails("unreachable", /shop is elsewhere/, ["shop"], asMachine());
  });
});
