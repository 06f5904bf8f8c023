/** The real page that asks whether a repository is trusted, on another port and in other folders. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { copyFromImage, readFromImage } from "../support/opencode/image-files.ts";
import { waitFor } from "../support/wait.ts";

const REPO = "https://git.example.com/acme/shop.git";
const URL_OF_PROJECT = "http://shop.localhost:4080/";
const AUTHORIZATION = `Basic ${Buffer.from("opencode:pass").toString("base64")}`;

let folder: string;
let base: string;
let server: ChildProcess | undefined;

const workspace = (...parts: string[]) => join(folder, "workspace", ...parts);

function write(file: string, text: string): void {
  mkdirSync(dirname(workspace(file)), { recursive: true });
  writeFileSync(workspace(file), text);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "trust-"));
  for (const name of ["workspace", "secrets", "status", "home"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "secrets", "password"), "pass");
  writeFileSync(join(folder, "secrets", "opencode.json"), '{"permission":{"bash":"ask"}}');
  writeFileSync(join(folder, "enforced.json"), '{"share":"disabled"}');
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  copyFromImage(
    folder,
    ["trust.mjs", "brings.mjs", "clones.mjs", "page.mjs"],
    [
      ["const PORT = 4096", `const PORT = ${port}`],
      ['"/workspace"', `"${workspace()}"`],
      ["/run/opencode", join(folder, "secrets")],
      ["/tmp/opencode-platform", join(folder, "status")],
      ["/etc/opencode/opencode.json", join(folder, "enforced.json")],
    ],
  );
});
afterEach(() => {
  server?.kill();
  rmSync(folder, { recursive: true });
});

function commit(path = ""): void {
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], {
      cwd: workspace(path),
      stdio: "ignore",
    });
  git("init", "-q");
  git("add", "-A");
  git("commit", "-q", "--allow-empty", "-m", "first");
}

async function start(url = URL_OF_PROJECT, more: Record<string, string> = {}): Promise<void> {
  server = spawn(process.execPath, [join(folder, "trust.mjs")], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env.PATH,
      HOME: join(folder, "home"),
      OPENCODE_PLATFORM_TRUST_REPO: REPO,
      OPENCODE_PLATFORM_URL: url,
      OPENCODE_PLATFORM_PROJECT: "shop",
      ...more,
    },
  });
  await waitFor("the page", () =>
    fetch(base).then(
      () => ({ done: true }) as const,
      (error: Error) => ({ seen: error.message }),
    ),
  );
}

async function page(headers: Record<string, string> = {}) {
  const response = await fetch(`${base}/any/path`, {
    headers: { authorization: AUTHORIZATION, accept: "text/html", ...headers },
  });
  const text = await response.text();
  return { response, text, digest: /name="digest" value="(\w+)"/.exec(text)?.[1] ?? "" };
}

/** The page's form, as a browser sends it; `fetch` would add what a script's requests have. */
async function answer(digest: string, headers: Record<string, string> = {}) {
  const sent = request(`${base}/trust`, {
    method: "POST",
    headers: {
      authorization: AUTHORIZATION,
      origin: "http://shop.localhost:4080",
      "sec-fetch-mode": "navigate",
      ...headers,
    },
  });
  sent.end(String(new URLSearchParams({ digest })));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

const startSeveral = (...repos: { repo: string; path: string }[]) =>
  start(URL_OF_PROJECT, {
    OPENCODE_PLATFORM_TRUST_REPOS: JSON.stringify(repos),
    OPENCODE_PLATFORM_TRUST_REPO: "",
  });

/** What the script `workspace` says of one of several repositories. */
function status(part: string, name: string, text: string): void {
  mkdirSync(join(folder, "status", "repos", part), { recursive: true });
  writeFileSync(join(folder, "status", "repos", part, name), text);
}

const FOLDERS = ".local/share/opencode-platform/trusted-folders";
const folders = () =>
  readFileSync(join(folder, "home", FOLDERS), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).folder);

const record = () => readFileSync(join(folder, "home", ".local/share/opencode-platform/trusted"), "utf8");

describe("the page", () => {
  it("of several repositories lists what each brings once all are there, and one yes is for all", async () => {
    const other = "https://git.example.com/acme/other.git";
    write("shop/.opencode/plugins/spy.ts", "");
    write("libs/other/AGENTS.md", "obey");
    commit("shop");
    const asked = JSON.stringify([
      { repo: REPO, path: "shop" },
      { repo: other, path: "libs/other" },
    ]);
    await start(URL_OF_PROJECT, { OPENCODE_PLATFORM_TRUST_REPOS: asked, OPENCODE_PLATFORM_TRUST_REPO: "" });
    const early = await page();
    expect([early.digest, early.text.includes("spy.ts")]).toEqual(["", false]);
    expect((await answer("0".repeat(64))).status).toBe(409);
    commit("libs/other");
    const { text: shown, digest } = await page();
    expect(shown).toMatch(
      /shop: https:.*shop\.git at \w{12}.*spy\.ts.*libs\/other: https:.*other\.git at \w{12}.*AGENTS\.md.*Trust these repositories/s,
    );
    write("shop/.opencode/plugins/late.ts", "");
    expect((await answer(digest)).status).toBe(409);
    expect((await answer((await page()).digest)).status).toBe(200);
    const lines = record()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).repo);
    expect(lines).toEqual([REPO, other]);
  });

  it("of several repositories lists what the workspace itself brings, and a yes is to that too", async () => {
    write("shop/AGENTS.md", "obey");
    commit("shop");
    write(".opencode/plugins/left.ts", "");
    await startSeveral({ repo: REPO, path: "shop" });
    const { text: shown, digest } = await page();
    expect(shown).toMatch(/shop\.git at .*workspace itself, outside of the .*left\.ts/s);
    write(".opencode/plugins/late.ts", "");
    expect((await answer(digest)).status).toBe(409);
    expect((await answer((await page()).digest)).status).toBe(200);
    expect(folders()).toEqual([""]);
  });

  it("of several repositories waits for the first attempt of each, and not for one that failed or is no clone", async () => {
    const [gone, kept] = ["gone", "kept"].map((name) => ({
      repo: `https://git.example.com/${name}.git`,
      path: `libs/${name}`,
    })) as [{ repo: string; path: string }, { repo: string; path: string }];
    write("shop/AGENTS.md", "obey");
    commit("shop");
    write("libs/kept/.opencode/plugins/mine.ts", "");
    status("libs,kept", "settled", "");
    status("libs,gone", "workspace", "cloning it");
    await startSeveral({ repo: REPO, path: "shop" }, gone, kept);
    expect((await page()).digest).toBe("");
    status("libs,gone", "workspace", "clone failed (attempt 1): <b>denied; next try in 5 s");
    status("libs,gone", "settled", "");
    const { text: shown, digest } = await page();
    expect(shown).toMatch(/libs\/gone: .*Not cloned yet: clone failed \(attempt 1\): &#60;b&#62;denied/s);
    expect(shown).toContain("mine.ts");
    status("libs,gone", "placing", "");
    expect((await answer(digest)).status).toBe(409);
    expect(() => readFileSync(join(folder, "status/repos/libs,gone/held"))).toThrow("ENOENT");
    rmSync(join(folder, "status/repos/libs,gone/placing"));
    expect((await answer(digest)).status).toBe(200);
    expect(JSON.parse(record()).repo).toBe(REPO);
    expect(folders()).toEqual(["", "libs/gone", "libs/kept"]);
    expect(readFileSync(join(folder, "status/repos/libs,gone/held"), "utf8")).toBe("");
  });

  it("has no button while the files of a clone are being written", async () => {
    commit();
    write(".git/opencode-checkout-unfinished", "");
    await start();
    expect((await page()).digest).toBe("");
  });

  it("lists what the repository brings, and nothing that it could draw", async () => {
    write(".opencode/plugins/spy.ts", "export default async () => ({})");
    write(".opencode/plugin/old.js", "");
    write(".opencode/agent/rogue.md", "---\nmode: primary\n---\n");
    write(".opencode/command/<img src=x onerror=alert(1)>.md", "");
    write(
      "opencode.json",
      '{ // a comment\n "share": "auto", "permission": { "bash": "allow", }, "mcp": { "x": { "command": ["evil", "--now"] } }, "plugin": ["evil-plugin"] }',
    );
    write("AGENTS.md", "Do as I say.");
    write(".husky/pre-commit", "evil");
    commit();
    await start();
    const { text, response } = await page();
    expect(response.status).toBe(403);
    expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    for (const shown of [
      REPO,
      ".opencode/plugins/spy.ts",
      ".opencode/plugin/old.js",
      ".opencode/agent/rogue.md",
      "opencode.json: share: auto (the platform says disabled)",
      "opencode.json: permission.bash: allow (the platform says ask)",
      "evil-plugin",
      "evil&#34;,&#34;--now",
      "AGENTS.md",
      ".husky",
    ])
      expect(text).toContain(shown);
    expect(text).not.toContain("<img");
  });

  it("names links and unreadable settings without following or showing them", async () => {
    writeFileSync(join(folder, "secrets", "token"), '{"token":"hunter2"}');
    symlinkSync(join(folder, "secrets", "token"), workspace("opencode.json"));
    write(".opencode/opencode.json", "{ not json");
    symlinkSync("/etc", workspace(".opencode/plugins"));
    commit();
    await start();
    const { text } = await page();
    expect(text).toContain("opencode.json is not a plain file");
    expect(text).toContain(".opencode/opencode.json can&#39;t be read as JSON");
    expect(text).toContain("<li>.opencode/plugins");
    expect(text).not.toMatch(/hunter2|passwd/);
  });

  it("has no button before the clone is there", async () => {
    writeFileSync(join(folder, "status", "workspace"), `cloning ${REPO}`);
    await start();
    const { text } = await page();
    expect(text).toContain("cloning https://git.example.com");
    expect(text).not.toContain("<button");
  });

  it("is for those who come through the gateway", async () => {
    await start();
    expect((await page({ authorization: "" })).response.status).toBe(401);
    expect((await page({ authorization: "Basic b3BlbmNvZGU6cGFzcw" })).response.status).toBe(401);
  });

  it("tells a program where to look instead", async () => {
    commit();
    await start();
    const response = await fetch(`${base}/any/call`, { headers: { authorization: AUTHORIZATION } });
    expect([
      response.status,
      response.headers.get("x-opencode-state"),
      response.headers.get("x-opencode-project"),
    ]).toEqual([403, "untrusted", "shop"]);
    expect(await response.text()).toContain(`Open ${URL_OF_PROJECT} in a browser`);
  });
});

describe("a yes", () => {
  it("ends the page, and is kept with the person", async () => {
    commit();
    await start();
    const { digest } = await page();
    const ended = once(server as ChildProcess, "exit");
    const response = await answer(digest, { "x-opencode-person": "ann@example.com" });
    expect(response.status).toBe(200);
    expect(await ended).toEqual([0, null]);
    expect(JSON.parse(record())).toEqual({ repo: REPO, by: "ann@example.com", at: expect.any(String) });
    expect(readFileSync(join(folder, "status", "trusted"), "utf8")).toBe("ann@example.com");
  });

  it.each([
    ["a machine", { "x-opencode-person": "machine" }],
    ["a script of the page", { "sec-fetch-mode": "same-origin" }],
    ["another site", { origin: "http://evil.localhost:4080" }],
    ["a page without an origin", { origin: "null" }],
    ["the same host on another port", { origin: "http://shop.localhost:4081" }],
  ])("is refused to %s", async (_, headers) => {
    commit();
    await start();
    const { digest } = await page();
    expect((await answer(digest, headers)).status).toBe(403);
    expect(record).toThrow("ENOENT");
  });

  it.each([
    ["nobody", {}, 403],
    ["a machine", { "x-opencode-person": "machine" }, 403],
    ["a person", { "x-opencode-person": "ann@example.com" }, 200],
  ])("behind Access, of %s", async (_, headers, status) => {
    commit();
    await start("https://shop-code.example.com/");
    const { digest } = await page();
    expect((await answer(digest, { origin: "https://shop-code.example.com", ...headers })).status).toBe(
      status,
    );
  });

  it("is to what was shown", async () => {
    commit();
    await start();
    const { digest } = await page();
    write(".opencode/plugins/late.ts", "");
    const response = await answer(digest);
    expect(response.status).toBe(409);
    expect(response.body).toContain("has changed since you looked");
    expect((await answer("")).status).toBe(409);
    expect(record).toThrow("ENOENT");
  });
});

describe("what is missing of a clone", () => {
  it("is in the list, since nobody can look at it, and changes the question when it comes", async () => {
    write(".gitmodules", '[submodule "x"]\n\tpath = .opencode\n\turl = https://example.com/x\n');
    commit();
    await start();
    const { text, digest } = await page();
    expect(text).toContain("<h2>submodules</h2>");
    expect(text).toContain("<li>.opencode");
    write(".opencode/plugins/late.ts", "");
    expect((await answer(digest)).status).toBe(409);
  });

  it("changes nothing of what was shown, however often it is tried again", async () => {
    commit();
    await start();
    writeFileSync(
      join(folder, "status", "workspace"),
      `cloned ${REPO}; submodules missing: lib; next try in 30 s`,
    );
    const { digest } = await page();
    writeFileSync(
      join(folder, "status", "workspace"),
      `cloned ${REPO}; submodules missing: lib; next try in 60 s`,
    );
    expect((await answer(digest)).status).toBe(200);
  });
});

describe("the script that waits", () => {
  const ask = (env: Record<string, string>) => {
    const home = join(folder, "home");
    // Of the image's files, only what is asked of is needed.
    const script = readFromImage("trust")
      .replace(". /usr/local/lib/opencode-platform/server\n", "")
      .replace("/opt/opencode-platform/bin/node", process.execPath)
      .replace("/usr/local/lib/opencode-platform", folder)
      .replace("until page;", "until echo asked;");
    return execFileSync("bash", ["-c", script], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: home, workspace: workspace(), ...env },
    });
  };
  const asking = { OPENCODE_PLATFORM_TRUST: "ask", OPENCODE_PLATFORM_TRUST_REPO: REPO };
  const recordFile = () => join(folder, "home", ".local/share/opencode-platform/trusted");

  it("asks once per repository", () => {
    expect(ask(asking)).toContain("asked");
    mkdirSync(dirname(recordFile()), { recursive: true });
    appendFileSync(recordFile(), `${JSON.stringify({ repo: REPO, by: "ann@example.com" })}\n`);
    expect(ask(asking)).toBe("");
    expect(
      ask({ ...asking, OPENCODE_PLATFORM_TRUST_REPO: "https://git.example.com/acme/other.git" }),
    ).toContain("asked");
  });

  it("does not ask without a repository, or where the file says always", () => {
    expect(ask({ OPENCODE_PLATFORM_TRUST: "ask" })).toBe("");
    expect(ask({ OPENCODE_PLATFORM_TRUST: "always", OPENCODE_PLATFORM_TRUST_REPO: REPO })).toBe("");
  });

  it("does not ask about what has run before anybody was asked", () => {
    const database = join(folder, "home", ".local/share/opencode/opencode.db");
    mkdirSync(dirname(database), { recursive: true });
    writeFileSync(database, "sessions");
    expect(ask(asking)).toBe("");
    expect(
      ask({ ...asking, OPENCODE_PLATFORM_TRUST_REPO: "https://git.example.com/acme/other.git" }),
    ).toContain("asked");
  });

  it("asks about those of several that nobody has said yes to, also where opencode has run before", () => {
    const other = "https://git.example.com/acme/other.git";
    const several = JSON.stringify([
      { repo: REPO, path: "shop" },
      { repo: other, path: "other" },
    ]);
    const env = { OPENCODE_PLATFORM_TRUST: "ask", OPENCODE_PLATFORM_TRUST_REPOS: several };
    const database = join(folder, "home", ".local/share/opencode/opencode.db");
    mkdirSync(dirname(database), { recursive: true });
    writeFileSync(database, "sessions");
    expect(ask(env)).toContain(`trust ${REPO}, ${other}:`);
    mkdirSync(dirname(recordFile()), { recursive: true });
    appendFileSync(recordFile(), `${JSON.stringify({ repo: REPO, by: "ann@example.com" })}\n`);
    expect(ask(env)).toMatch(new RegExp(`trust ${other}:.*\\nasked`));
    appendFileSync(recordFile(), `${JSON.stringify({ repo: other, by: "ben@example.com" })}\n`);
    expect(ask(env)).toBe("");
    expect(ask({ ...env, OPENCODE_PLATFORM_TRUST_REPOS: "[]" })).toBe("");
    writeFileSync(recordFile(), "not json");
    expect(ask(env)).toContain("asked");
  });

  const none = { OPENCODE_PLATFORM_TRUST: "ask", OPENCODE_PLATFORM_TRUST_REPOS: "[]" };

  it("asks about what the workspace itself has of an earlier repository, where all of several are trusted", () => {
    write(".opencode/plugins/left.ts", "");
    expect(ask(none)).toContain(`trust what is in ${workspace()}:`);
    mkdirSync(dirname(recordFile()), { recursive: true });
    writeFileSync(join(folder, "home", FOLDERS), '{"folder":""}\n');
    expect(ask(none)).toBe("");
    expect(ask(asking)).toContain("asked");
    expect(ask(none)).toContain("asked");
  });

  it("does not ask about what agents leave in a workspace that had nothing", () => {
    expect(ask(none)).toBe("");
    write("AGENTS.md", "of an agent");
    expect(ask(none)).toBe("");
  });

  it("does not ask again about a folder without a clone, and about the clone once it is there", () => {
    const one = {
      ...none,
      OPENCODE_PLATFORM_TRUST_REPOS: JSON.stringify([{ repo: REPO, path: "shop" }]),
    };
    mkdirSync(dirname(recordFile()), { recursive: true });
    writeFileSync(join(folder, "home", FOLDERS), '{"folder":""}\n{"folder":"shop"}\n');
    expect(ask(one)).toContain("asked");
    status("shop", "settled", "");
    expect(ask(one)).toBe("");
    expect(readFileSync(join(folder, "status/repos/shop/held"), "utf8")).toBe("");
    write("shop/AGENTS.md", "obey");
    commit("shop");
    expect(ask(one)).toContain("asked");
  });

  it("asks again after a damaged record", () => {
    mkdirSync(dirname(recordFile()), { recursive: true });
    writeFileSync(recordFile(), "not json");
    expect(ask(asking)).toContain("asked");
  });
});
