/** The real notice page on another port and folder: the index by person, and notices for programs. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { indexFile } from "../../components/proxy/routes.ts";
import { publicUrls } from "../../config/naming/urls.ts";
import { accessListOf, canOpen } from "../../config/projects/members.ts";
import { freePort } from "../support/free-port.ts";
import { waitFor } from "../support/wait.ts";

const IMAGE = join(import.meta.dirname, "../../opencode/rootfs/usr/local/lib/opencode-platform");
const source = readFileSync(join(IMAGE, "notice.mjs"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "notice-"));
const stack = { accessEmails: ["boss@elsewhere.example"], accessEmailDomains: ["example.com"] };
const urls = publicUrls({ domain: "example.com", hostnamePattern: "{name}-code", panelHostname: "code" });
const projects = [
  { name: "closed", state: "stopped", members: ["ann@partner.example", "dev@example.com"] },
  {
    name: "open",
    state: "running",
    members: [],
    ports: [
      { port: 3000, label: "3000" },
      { port: 8080, label: "admin" },
    ],
  },
] as const;

let server: ChildProcess;
let base = "";

beforeAll(async () => {
  mkdirSync(join(folder, "index"));
  for (const project of projects)
    writeFileSync(
      join(folder, "index", `${project.name}.json`),
      indexFile({ ...project, urls, admitted: accessListOf(project, stack) }),
    );
  writeFileSync(join(folder, "index", "torn.json"), '{"name":"to');
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  const program = join(folder, "notice.mjs");
  const here = source
    .replace("const PORT = 8080", `const PORT = ${port}`)
    .replace("/run/index", `${folder}/index`);
  writeFileSync(program, here);
  for (const file of ["open.html", "page.mjs", "waker.mjs", "keeper-client.mjs", "heartbeats.mjs"])
    cpSync(join(IMAGE, file), join(folder, file));
  const states = readFileSync(join(IMAGE, "keeper-states.mjs"), "utf8");
  writeFileSync(
    join(folder, "keeper-states.mjs"),
    states
      .replace("/run/keeper/wake/wake.sock", join(folder, "wake.sock"))
      .replace("[500, 3000]", "[10_000, 0]"),
  );
  server = spawn(process.execPath, [program], { stdio: "inherit" });
  await waitFor("the notice page", () =>
    fetch(base).then(
      () => ({ done: true }) as const,
      (error: Error) => ({ seen: error.message }),
    ),
  );
});
afterAll(() => {
  server.kill();
  rmSync(folder, { recursive: true });
});

const token = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;

async function listed(headers: Record<string, string>, path = "/projects.json") {
  const answer = await fetch(base + path, { headers: { "x-opencode-state": "index", ...headers } });
  return path === "/"
    ? await answer.text()
    : ((await answer.json()) as { projects: { name: string }[] }).projects;
}
const listedTo = async (claims: object) => {
  const found = await listed({ "cf-access-jwt-assertion": token(claims) });
  return (found as { name: string }[]).map(({ name }) => name);
};

describe("the platform's index", () => {
  it("has the ports of a project, in the list and on the page", async () => {
    const dev = { "cf-access-jwt-assertion": token({ email: "other@example.com" }) };
    expect(await listed(dev)).toEqual([
      {
        name: "open",
        url: "https://open-code.example.com/",
        state: "running",
        ports: {
          "3000": "https://open-3000-code.example.com/",
          admin: "https://open-admin-code.example.com/",
        },
      },
    ]);
    expect(await listed(dev, "/")).toContain(
      '<a href="https://open-code.example.com/">open</a> · <a href="https://open-3000-code.example.com/">3000</a>',
    );
  });

  it.each([
    "dev@example.com",
    "Ann@Partner.example",
    "other@example.com",
    "boss@elsewhere.example",
    "x@y.example",
  ])("shows %s the projects that the person can open", async (email) => {
    const may = projects.filter((project) => canOpen(project, email, stack)).map(({ name }) => name);
    expect(await listedTo({ email })).toEqual(may);
  });

  it("shows a machine everything, and an anonymous visitor nothing", async () => {
    expect(await listedTo({ common_name: "id.access" })).toEqual(["closed", "open"]);
    expect(await listedTo({})).toEqual([]);
    expect(await listed({})).toEqual([]);
    expect(await listed({ "cf-access-jwt-assertion": "nonsense" })).toEqual([]);
  });

  it("says which project sleeps, and since when; as the entries have it where the keeper doesn't answer", async () => {
    const machine = { "cf-access-jwt-assertion": token({ common_name: "id.access" }) };
    const since = "2026-11-30T03:12:44.000Z";
    const answers: [number, unknown][] = [
      [200, [{ project: "open", state: "asleep", since }]],
      [
        200,
        [
          { project: "closed", state: "waiting", since },
          { project: "open", state: "awake", since },
        ],
      ],
      [200, [{ project: "open", state: "falling-asleep", since: "nonsense" }]],
      [500, { error: "no" }],
      [200, "nonsense"],
      [200, [null]],
    ];
    const asked: string[] = [];
    let answer: [number, unknown] = [200, []];
    const keeper = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(answer[0]).end(JSON.stringify(answer[1]));
    });
    await new Promise<void>((resolve) => keeper.listen(join(folder, "wake.sock"), resolve));
    const seen: unknown[] = [];
    for (answer of answers)
      seen.push(
        ((await listed(machine)) as unknown as { state: string; since?: string }[]).map(
          ({ state, since }) => [state, since],
        ),
      );
    const closed = ["stopped", undefined];
    const awake = [closed, ["running", undefined]];
    expect(seen).toEqual([
      [closed, ["asleep", since]],
      awake,
      [closed, ["falling-asleep", undefined]],
      awake,
      awake,
      awake,
    ]);
    [answer = answer] = answers;
    expect(await listed(machine, "/")).toContain(" (asleep since 2026-11-30 03:12 UTC)</");
    await new Promise((resolve) => keeper.close(resolve));
    expect(await listed(machine)).toEqual(await listed(machine));
    expect(new Set(asked)).toEqual(new Set(["GET /projects"]));
  });

  it("lists name, URL and state, not the members", async () => {
    const headers = { "cf-access-jwt-assertion": token({ email: "ann@partner.example" }) };
    expect(await listed(headers)).toEqual([
      { name: "closed", url: "https://closed-code.example.com/", state: "stopped" },
    ]);
    const page = String(await listed(headers, "/"));
    expect(page).toContain('href="https://closed-code.example.com/"');
    expect(page).not.toMatch(/open-code|dev@example/);
  });
});

describe("a notice", () => {
  it.each([
    ["stopped", "shop", "stopped", 503],
    ["running", "shop", "starting", 503],
    ["refused", "shop", "refused", 403],
    ["safari", "shop", "safari", 200],
    ["", "", "unknown", 404],
    ["constructor", "shop", "unknown", 404],
  ])("reports the state %j to programs", async (state, project, shown, status) => {
    const headers = { "x-opencode-state": state, "x-opencode-project": project };
    const answer = await fetch(base, { headers });
    expect([
      answer.status,
      answer.headers.get("x-opencode-state"),
      answer.headers.get("x-opencode-project"),
    ]).toEqual([status, shown, shown === "unknown" ? null : "shop"]);
  });
});

it("links the project for Safari, and says what to do where the link does not open", async () => {
  const headers = {
    "x-opencode-state": "safari",
    "x-opencode-project": "shop",
    "x-opencode-url": "http://shop.localhost:4080/",
    accept: "text/html",
  };
  const text = await (await fetch(base, { headers })).text();
  expect(text).toContain('<a href="http://shop.localhost:4080/">');
  expect(text).toContain("config set localDomain");
});

describe("every answer", () => {
  it.each([
    ["the index", "/", { "x-opencode-state": "index" }],
    ["the list", "/projects.json", { "x-opencode-state": "index" }],
    ["a notice", "/", { "x-opencode-state": "refused", "x-opencode-project": "shop" }],
    ["an unknown hostname", "/", {}],
    ["the page that opens a session", "/", { "x-opencode-state": "open", "x-opencode-project": "shop" }],
  ] as const)("of %s can't be framed, sniffed or read by another site", async (_, path, headers) => {
    const answer = await fetch(base + path, { headers: { ...headers, accept: "text/html" } });
    await answer.body?.cancel();
    expect(answer.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'.*frame-ancestors 'none'/,
    );
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
  });
});

it("lets the page that opens a session run its own script, and no other", async () => {
  const answer = await fetch(base, {
    headers: { "x-opencode-project": "shop", "x-opencode-state": "open", accept: "text/html" },
  });
  const scripts = [...(await answer.text()).matchAll(/<script>(.*?)<\/script>/gs)].map(
    ([, script = ""]) => script,
  );
  expect(scripts).toHaveLength(1);
  const hash = createHash("sha256").update(String(scripts[0])).digest("base64");
  expect(answer.headers.get("content-security-policy")).toContain(`script-src 'sha256-${hash}'`);
});

it("gives a browser the page that opens a session, and names no project in it", async () => {
  const response = await fetch(base, {
    headers: { "x-opencode-project": "shop", "x-opencode-state": "open", accept: "text/html" },
  });
  expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
  const text = await response.text();
  expect(text).toContain("Opening the workspace");
  expect(text).not.toContain("shop");
});
