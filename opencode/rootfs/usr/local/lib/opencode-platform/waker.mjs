// What a sleeping project is asked: its event streams are kept open, its polls are answered, and all else waits until it is awake. The gateway says in headers
// which project is meant, which release it runs and what is asked; it passes requests that have waited on by itself, so that none goes through here.

import { heartbeats, isEventStream } from "./heartbeats.mjs";
import { askKeeper, NoKeeper } from "./keeper-client.mjs";
import { document, escapeHtml } from "./page.mjs";

const SOCKET = "/run/keeper/wake/wake.sock";

/** Milliseconds. */
const TIMES = {
  /** A browser that opens a page sees after this that something happens. */
  page: 1000,
  /** The gateway waits 30 seconds and no longer (Traefik, forwardAuth). */
  held: 25_000,
  /** The keeper's own limit is below. */
  keeper: 60_000,
  /** For a question about a project that is not awake yet. */
  asked: 500,
  /** Until the keeper is asked again, when it did not answer. */
  retry: 250,
  /** Between two looks whether a project with open streams is awake. */
  watch: 1000,
  /** A stream of a project that is awake stays for this: the gateway's routes follow in a moment, and the page would only come back. */
  settle: 500,
  /**
   * The page of 1.x opens its stream again after 250 ms, and never hears what happened until then: a prompt that has woken its project is let through when
   * the stream is there. That of 2.x asks for everything anew.
   */
  reopened: 700,
};

/** A project that these say is on its way, or sleeps: its streams stay. */
const SLEEPS = ["falling-asleep", "asleep", "waking", "waiting", "parked"];

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
};
const ASLEEP = (project) => `${project} is asleep. It wakes when somebody opens it.\n`;
/** What is said where the keeper is away. */
const LOST = { status: 503, error: "The platform's keeper does not answer." };
const STYLE = "body{display:grid;place-content:center;min-height:100vh;margin:0 1rem}p{max-width:60ch}";

const header = (request, name) => String(request.headers[name] ?? "");
/** A reason of the keeper's, which completes a line of its history, as a sentence of its own; a project's name keeps its first letter. */
const sentence = (text, project) =>
  `${text.startsWith(`${project} `) ? text : text.charAt(0).toUpperCase() + text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Whether a browser opens a page, and can do so again: a form that has been sent can't. The gateway asks with the request's own method
 * (`preserveRequestMethod`): its X-Forwarded-Method does not get past its own entry point.
 */
const isNavigation = (request) =>
  ["GET", "HEAD"].includes(request.method) &&
  (header(request, "sec-fetch-mode") === "navigate" || /\btext\/html\b/.test(header(request, "accept")));

/** Health and what else pages poll, as the release answers it. By path, without the query. */
function answersOf(release) {
  const isRelease = /^\d+\.\d+\.\d+[\w.+-]*$/.test(release);
  return {
    ...(isRelease && release.startsWith("1.")
      ? { "/global/health": { healthy: true, version: release } }
      : {}),
    ...(isRelease && release.startsWith("1.") ? { "/api/health": { healthy: true } } : {}),
    ...(isRelease && release.startsWith("2.")
      ? { "/api/info": { version: release, pid: 1, urls: [], paths: { tmp: "/tmp" } } }
      : {}),
    // Asked for anew as soon as the stream is there again.
    "/api/config": [],
  };
}

/** The path as opencode sees it: without the query, and without the prefix of a project's address below the gateway. */
function pathOf(request, project) {
  const [path = ""] = request.url.split("?");
  const prefix = `/p/${project}`;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

/** @typedef {{isLost: boolean, waiting: number, answer?: Promise<{status: number, error?: string}>}} Wake */

/**
 * @param {{socket?: string, times?: Partial<typeof TIMES>, most?: number}} [options] most: event streams at once
 * @returns {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => boolean} whether it has answered
 */
export function makeWaker({ socket = SOCKET, times: given = {}, most } = {}) {
  const times = { ...TIMES, ...given };
  const keeper = askKeeper(socket);
  const streams = heartbeats({ most });
  /** Wakes under way, by project: several requests share one. @type {Map<string, Wake>} */
  const wakes = new Map();
  let watching = false;

  /** Asks the keeper until it answers, for as long as somebody waits: it may be restarting, and takes up what it finds. */
  async function ask(project, wake) {
    const path = `/wake?project=${encodeURIComponent(project)}`;
    do {
      try {
        const { status, body } = await keeper("POST", path, { timeout: times.keeper });
        if (status === 200) await resume(project);
        return { status, ...(typeof body.error === "string" ? { error: body.error } : {}) };
      } catch (error) {
        if (!(error instanceof NoKeeper)) throw error;
        wake.isLost = true;
        await pause(times.retry);
      }
    } while (wake.waiting > 0);
    return LOST;
  }

  /** The project is awake: whoever listens here hears the rest there. */
  async function resume(project) {
    if (streams.end(project) > 0) await pause(times.reopened);
  }

  /** The keeper's answer, or undefined after so many milliseconds. */
  async function woken(project, patience) {
    const wake = wakes.get(project) ?? { isLost: false, waiting: 0 };
    wakes.set(project, wake);
    wake.waiting++;
    wake.answer ??= ask(project, wake).finally(() => wakes.delete(project));
    try {
      return (await Promise.race([wake.answer, pause(patience)])) ?? (wake.isLost ? LOST : undefined);
    } finally {
      wake.waiting--;
    }
  }

  /** Whether it is stopped for its files' sake, as far as the keeper says so at once. */
  async function isParked(project) {
    try {
      const { body } = await keeper("GET", "/projects", { timeout: times.asked });
      return body.some((each) => each.project === project && each.state === "parked");
    } catch {
      return false;
    }
  }

  /** Ends the streams of projects that have been woken, or have gone, for as long as there is a stream. */
  async function watch() {
    if (watching) return;
    watching = true;
    while (streams.projects().length > 0) {
      await pause(times.watch);
      try {
        const { body } = await keeper("GET", "/projects", { timeout: times.watch * 5 });
        const asleep = new Set(
          body.filter(({ state }) => SLEEPS.includes(state)).map(({ project }) => project),
        );
        for (const project of streams.projects())
          if (!asleep.has(project)) streams.end(project, times.settle);
      } catch {
        // It is restarting, and until then nothing wakes.
      }
    }
    watching = false;
  }

  function say(request, response, project, { status, title, text, refresh }) {
    const html = /\btext\/html\b/.test(header(request, "accept"));
    response.writeHead(status, {
      ...HEADERS,
      "content-type": html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
      "x-opencode-state": status === 404 ? "unknown" : "waking",
      ...(status === 404 ? {} : { "x-opencode-project": project }),
      ...(status === 503 ? { "retry-after": String(refresh) } : {}),
    });
    const head = refresh ? `<meta http-equiv="refresh" content="${refresh}">` : "";
    const page = document(title, `<p>${escapeHtml(text)}</p>`, { style: STYLE, head });
    response.end(request.method === "HEAD" ? undefined : html ? page : `${title}. ${text}\n`);
  }

  /** The gateway asks whether a request may go on to its project: when that is awake. */
  async function answerWake(request, response, project) {
    const result = await woken(project, isNavigation(request) ? times.page : times.held);
    if (response.destroyed) return;
    if (result?.status === 200) return response.writeHead(204, { "x-opencode-state": "awake" }).end();
    const waking = { status: 503, title: `${project} is waking`, refresh: 1 };
    if (result?.status !== 404 && (await isParked(project)) && !response.destroyed)
      return say(request, response, project, {
        ...waking,
        title: `${project} is being restored`,
        text: "Its files are being replaced. This page opens as soon as they are there.",
        refresh: 3,
      });
    if (response.destroyed) return;
    if (result === undefined)
      return say(request, response, project, {
        ...waking,
        text: "It was asleep. This page opens as soon as it is awake.",
      });
    if (result.status === 404)
      return say(request, response, project, {
        status: 404,
        title: "There is no such project",
        text: "Projects are the entries of projects.yaml; each has its own hostname.",
      });
    const reason = sentence(result.error || "the platform's keeper did not say why", project);
    say(request, response, project, {
      ...waking,
      title: `${project} is asleep and could not be woken`,
      text: `${reason} This page tries again every few seconds. If it stays, npm run doctor says why.`,
      refresh: 3,
    });
  }

  /** A poll: answered as the project would, so that an open page stays as it is, or refused for a while. */
  function answerPoll(request, response, project) {
    const path = pathOf(request, project);
    const headers = { ...HEADERS, "x-opencode-state": "asleep", "x-opencode-project": project };
    const end = (body) => response.end(request.method === "HEAD" ? undefined : body);
    if (path === "/_platform/asleep") return response.writeHead(204, headers).end();
    // A browser compares its copy of a page's worker: nothing is newer while the project sleeps.
    if (request.headers["if-none-match"] || request.headers["if-modified-since"])
      return response.writeHead(304, headers).end();
    const answers = answersOf(header(request, "x-opencode-release"));
    if (Object.hasOwn(answers, path)) {
      response.writeHead(200, { ...headers, "content-type": "application/json" });
      return end(JSON.stringify(answers[path]));
    }
    response.writeHead(503, { ...headers, "content-type": "text/plain; charset=utf-8", "retry-after": "5" });
    end(ASLEEP(project));
  }

  /** What an open page of one of its programs asks: none of it is ours to answer. */
  function answerPort(request, response, project) {
    const headers = { ...HEADERS, "x-opencode-state": "asleep", "x-opencode-project": project };
    // Vite up to 6.0.8 reloads its page on any answer to this, which would wake the project; a browser follows a redirect to http alone, and so has none.
    if (header(request, "accept") === "text/x-vite-ping")
      return response.writeHead(307, { ...headers, location: "data:," }).end();
    response.writeHead(503, { ...headers, "content-type": "text/plain; charset=utf-8", "retry-after": "5" });
    response.end(request.method === "HEAD" ? undefined : ASLEEP(project));
  }

  return (request, response) => {
    const state = header(request, "x-opencode-state");
    const project = header(request, "x-opencode-project");
    const [, woken] = /^\/_wake\/([a-z][a-z0-9-]*)$/.exec(request.url.split("?")[0]) ?? [];
    if (state === "wake" && woken) {
      answerWake(request, response, woken).catch(() => response.destroy());
    } else if (project && state === "asleep-events" && isEventStream(pathOf(request, project))) {
      streams.open(response, {
        project,
        path: pathOf(request, project),
        release: header(request, "x-opencode-release"),
      });
      void watch();
    } else if (project && state === "asleep-port") answerPort(request, response, project);
    else if (project && state.startsWith("asleep")) answerPoll(request, response, project);
    else return false;
    request.resume();
    return true;
  };
}
