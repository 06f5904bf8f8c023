import { describe, expect, it } from "vitest";
import {
  askedRule,
  calmRule,
  eventsRule,
  openPageRule,
  releaseHeader,
} from "../../components/proxy/wakes.ts";
import { PORTS_PATH } from "../../config/naming/urls.ts";
import { MAJORS, unsupportedHealth } from "../../opencode/api/index.ts";

interface Request {
  method?: string;
  path: string;
  accept?: string;
  mode?: string;
  agent?: string;
  upgrade?: string;
  origin?: string;
  site?: string;
}

const BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36";

/** Evaluates the part of Traefik's rule language that the rules use. */
function matches(
  rule: string,
  { method = "GET", path, accept = "*/*", mode, agent = "", upgrade, origin, site }: Request,
): boolean {
  const headers: Record<string, string | undefined> = {
    Accept: accept,
    "Sec-Fetch-Mode": mode,
    "User-Agent": agent,
    Upgrade: upgrade,
    Origin: origin,
    "Sec-Fetch-Site": site,
  };
  const script = rule
    .replaceAll(/Host\(`[^`]*`\)/g, "true")
    .replaceAll(/Method\(`(\w+)`\)/g, (_, name) => String(name === method))
    .replaceAll(/PathRegexp\(`([^`]*)`\)/g, (_, text) => String(new RegExp(text).test(path)))
    .replaceAll(/Path\(`([^`]*)`\)/g, (_, text) => String(text === path))
    .replaceAll(/PathPrefix\(`([^`]*)`\)/g, (_, text) => String(path.startsWith(text)))
    .replaceAll(/HeaderRegexp\(`([^`]*)`, `([^`]*)`\)/g, (_, name, text) => {
      const [, flags = "", pattern = ""] = /^(?:\(\?(i)\))?(.*)$/.exec(text) ?? [];
      return String(headers[name] !== undefined && new RegExp(pattern, flags).test(headers[name]));
    })
    .replaceAll(/Header\(`([^`]*)`, `([^`]*)`\)/g, (_, name, text) => String(headers[name] === text));
  expect(script).toMatch(/^[truefals&|!() ]+$/);
  return new Function(`return ${script}`)() as boolean;
}

const page = { agent: BROWSER, mode: "cors" };

describe.each(MAJORS)("opencode $major.x", (api) => {
  const at = { rule: "Host(`web.localhost`)", api };
  const isStream = (request: Request) => matches(eventsRule(at), request);
  const isCalm = (request: Request) => matches(calmRule(at), request);

  it("sleeps through the event streams of a page and of a terminal client", () => {
    for (const path of [api.eventsPath, ...api.asleep.streams])
      expect([isStream({ path, ...page }), isStream({ path })], path).toEqual([true, true]);
    for (const path of api.asleep.streams) expect(api.isEventStream(path), path).toBe(true);
  });

  it("sleeps through health checks and polls of an open page", () => {
    const health = [...MAJORS.map((each) => each.health), ...unsupportedHealth].map(({ path }) => path);
    for (const path of [...health, ...api.asleep.polls, PORTS_PATH]) {
      expect(isCalm({ path, ...page }), path).toBe(true);
      expect(isCalm({ method: "HEAD", path }), path).toBe(true);
    }
  });

  it("sleeps through lists that a program polls, and wakes for a page's, where somebody looks", () => {
    const [list = ""] = api.sessions(10).path.split("?");
    for (const path of [list, api.busy.path])
      expect([isCalm({ path, agent: "curl/8.5" }), isCalm({ path, ...page })], path).toEqual([true, false]);
  });

  it("wakes when somebody opens a page, whatever its path", () => {
    for (const path of ["/", api.health.path, api.eventsPath])
      for (const request of [
        { path, agent: BROWSER, mode: "navigate", accept: "text/html,*/*" },
        { path, agent: BROWSER, accept: "text/html,*/*" },
      ])
        expect([isStream(request), isCalm(request)], path).toEqual([false, false]);
  });

  it("wakes for a session that somebody opens, a prompt, a terminal and whatever changes something", () => {
    const prompt = api.prompt("ses_1", "hi");
    const requests = [
      { method: prompt.method, path: prompt.path },
      { path: `${api.createSession().path}/ses_1`, ...page },
      { path: `${api.createSession().path}/ses_1/message`, ...page },
      { path: api.terminalPath("pty_1").replace(/\?.*/, ""), ...page },
      { method: "POST", path: api.createSession().path },
      ...["POST", "PUT", "PATCH", "DELETE"].map((method) => ({ method, path: api.health.path })),
    ];
    for (const request of requests)
      expect([isStream(request), isCalm(request)], request.path).toEqual([false, false]);
  });

  it("knows the same paths below the gateway, and no other project's", () => {
    const below = { rule: "Host(`localhost`) && PathPrefix(`/p/web/`)", api, prefix: "/p/web" };
    const { path } = api.health;
    expect(matches(eventsRule(below), { path: `/p/web${api.eventsPath}` })).toBe(true);
    expect(matches(calmRule(below), { path: `/p/web${path}` })).toBe(true);
    expect(matches(calmRule(below), { path })).toBe(false);
    expect(matches(calmRule(below), { path: `/p/web${path}/more` })).toBe(false);
  });
});

it("knows the platform's own question", () => {
  expect(matches(askedRule({ rule: "Host(`web.localhost`)" }), { path: "/_platform/asleep" })).toBe(true);
  expect(matches(askedRule({ rule: "Host(`web.localhost`)" }), { path: "/" })).toBe(false);
});

it("says the release to whoever answers for it", () => {
  expect(releaseHeader("1.18.33")).toEqual({ "X-Opencode-Release": "1.18.33" });
});

describe("a page of a program of the project's own", () => {
  const isByItself = (request: Omit<Request, "path">) =>
    matches(openPageRule("Host(`web-3000.localhost`)"), { path: "/", ...request });
  const socket = { upgrade: "WebSocket", origin: "http://web-3000.localhost:4080" };

  it("wakes nothing while it is only open", () => {
    const requests = [
      { ...page, accept: "text/html", site: "same-origin" },
      page,
      { ...page, method: "HEAD" },
      { agent: BROWSER },
    ];
    const pings = [{ ...page, mode: "no-cors", accept: "text/x-vite-ping" }, socket];
    for (const request of [...requests, ...pings, { ...socket, mode: "websocket" }])
      expect(isByItself(request), JSON.stringify(request)).toBe(true);
  });

  it("wakes it when somebody opens it or changes something, as does a program", () => {
    const opened = { agent: BROWSER, mode: "navigate", accept: "text/html" };
    const program = [{}, { agent: "node", mode: "cors" }, { agent: "curl/8" }, { upgrade: "websocket" }];
    for (const request of [
      opened,
      { agent: BROWSER, accept: "text/html" },
      { ...page, method: "POST" },
      ...program,
    ])
      expect(isByItself(request), JSON.stringify(request)).toBe(false);
  });
});
