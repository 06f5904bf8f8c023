// The plain page for a hostname that no running project answers. The gateway says in two headers which project was asked for
// and why it ended here; nothing else of the request is used. What a sleeping project is asked ends here too, in waker.mjs.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { keeperStates } from "./keeper-states.mjs";
import { document, escapeHtml } from "./page.mjs";
import { makeWaker } from "./waker.mjs";

const PORT = 8080;
/** A file for each project, where the platform has an index. */
const INDEX = "/run/index";

/** What a browser gets at a project's hostname where only sessions have an address: it finds the one to open. */
const OPEN = readFileSync(new URL("./open.html", import.meta.url), "utf8");

/** By why a request ended here; `shown` is what programs are told in a header.
 * @type {Record<string, {shown: string, status: number, title: string, text: string, refresh?: number}>} */
const NOTICES = {
  stopped: {
    shown: "stopped",
    status: 503,
    title: "is stopped",
    text: "Its workspace is kept. To start it, set state: running in projects.yaml and apply it.",
  },
  running: {
    shown: "starting",
    status: 503,
    title: "is starting",
    text: "This page looks again every few seconds. If it stays, npm run doctor says why.",
    refresh: 3,
  },
  refused: {
    shown: "refused",
    status: 403,
    title: "does not answer other sites",
    text: "The request came from a page of another origin.",
  },
  safari: {
    shown: "safari",
    status: 200,
    title: "has a hostname below localhost",
    text: "Safari finds it only on systems that know such names. If the link does not open: use another browser, or set localDomain to a domain of your own whose names lead to 127.0.0.1 (npm run pulumi -- config set localDomain opencode.test).",
  },
  unknown: {
    shown: "unknown",
    status: 404,
    title: "There is no such project",
    text: "Projects are the entries of projects.yaml; each has its own hostname.",
  },
};

/** Of every answer. The gateway adds its own; these hold where it does not. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
};

/** The page that finds a session has one script, which asks the project's own server. */
const [, SCRIPT = ""] = /<script>(.*?)<\/script>/s.exec(OPEN) ?? [];
const OPEN_POLICY = `${HEADERS["content-security-policy"]}; connect-src 'self'; script-src 'sha256-${createHash("sha256").update(SCRIPT).digest("base64")}'`;

const STYLE =
  "body{display:grid;place-content:center;min-height:100vh;margin:0 1rem}p{max-width:60ch}ul{padding:0;list-style:none;line-height:2}";

const linkTo = (url) => `<p><a href="${escapeHtml(url)}">${escapeHtml(url)}</a></p>`;

/** @param {string} url where the project is, for a notice that links it */
const page = (title, notice, url) =>
  document(title, `${url ? linkTo(url) : ""}<p>${escapeHtml(notice.text)}</p>`, {
    style: STYLE,
    head: notice.refresh ? `<meta http-equiv="refresh" content="${notice.refresh}">` : "",
  });

/**
 * Whom the request comes from. Access has put the token there and the connector has checked it; nobody else reaches the gateway.
 * @returns {{email?: string, isMachine: boolean}}
 */
function personOf(request) {
  try {
    const [, claims] = String(request.headers["cf-access-jwt-assertion"]).split(".");
    const { email, common_name } = JSON.parse(Buffer.from(claims, "base64url").toString("utf8"));
    return email
      ? { email: String(email).toLowerCase(), isMachine: false }
      : { isMachine: Boolean(common_name) };
  } catch {
    return { isMachine: false };
  }
}

/** Whether somebody is shown a project: as config/members.ts decides who may open it. */
function isShown({ admitted }, { email = "", isMachine }) {
  const domain = email.slice(email.lastIndexOf("@") + 1);
  return (
    isMachine || admitted.emails.includes(email) || (email.includes("@") && admitted.domains.includes(domain))
  );
}

/** @returns {Promise<{name: string, url: string, state: string, since?: string, ports?: Record<string, string>}[]>} the projects that whoever asks may open, by name */
async function projectsFor(request) {
  const states = await keeperStates();
  const person = personOf(request);
  const files = readdirSync(INDEX).filter((file) => file.endsWith(".json"));
  return files.sort().flatMap((file) => {
    try {
      const project = JSON.parse(readFileSync(`${INDEX}/${file}`, "utf8"));
      const { name, url, state, ports } = project;
      const kept = state === "running" ? states.get(name) : undefined;
      return isShown(project, person) ? [{ name, url, state, ...kept, ...(ports ? { ports } : {}) }] : [];
    } catch {
      return []; // it is being written, or has just gone
    }
  });
}

/** The projects as a page at `/`, as JSON at `/projects.json`. */
async function answerIndex(request, response) {
  const path = request.url.split("?")[0];
  if (path === "/projects.json") {
    response.writeHead(200, { ...HEADERS, "content-type": "application/json" });
    return response.end(JSON.stringify({ projects: await projectsFor(request) }));
  }
  if (path !== "/") return false;
  const link = ([text, url]) => `<a href="${escapeHtml(url)}">${escapeHtml(text)}</a>`;
  const items = (await projectsFor(request)).map(({ name, url, state, since, ports = {} }) => {
    const when = since ? ` since ${new Date(since).toISOString().slice(0, 16).replace("T", " ")} UTC` : "";
    const word = state === "parked" ? "being restored" : state.replace("-", " ");
    const note = state === "running" ? "" : ` (${escapeHtml(word)}${when})`;
    return `<li>${[link([name, url]), ...Object.entries(ports).map(link)].join(" · ")}${note}`;
  });
  const body = items.length > 0 ? `<ul>${items.join("")}</ul>` : "<p>There is none that you may open.</p>";
  response.writeHead(200, { ...HEADERS, "content-type": "text/html; charset=utf-8" });
  return response.end(document("Projects", body, { style: STYLE }));
}

/** For projects that sleep, and for those that wake. */
const answerForSleeper = makeWaker();

const server = createServer(async (request, response) => {
  if (answerForSleeper(request, response)) return;
  if (request.headers["x-opencode-state"] === "index" && (await answerIndex(request, response)))
    return request.resume();
  const project = String(request.headers["x-opencode-project"] ?? "");
  const state = String(request.headers["x-opencode-state"] ?? "");
  if (project && state === "open") {
    response.writeHead(200, {
      ...HEADERS,
      "content-security-policy": OPEN_POLICY,
      "content-type": "text/html; charset=utf-8",
    });
    response.end(request.method === "HEAD" ? undefined : OPEN);
    return request.resume();
  }
  const notice = (project && Object.hasOwn(NOTICES, state) && NOTICES[state]) || NOTICES.unknown;
  const title = notice === NOTICES.unknown ? notice.title : `${project} ${notice.title}`;
  const html = /\btext\/html\b/.test(request.headers.accept ?? "");
  response.writeHead(notice.status, {
    "content-type": html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
    ...HEADERS,
    "x-opencode-state": notice.shown,
    ...(notice === NOTICES.unknown ? {} : { "x-opencode-project": project }),
    ...(notice.status === 503 ? { "retry-after": "5" } : {}),
  });
  response.end(
    request.method === "HEAD"
      ? undefined
      : html
        ? page(
            title,
            notice,
            notice === NOTICES.safari ? String(request.headers["x-opencode-url"] ?? "") : "",
          )
        : `${title}. ${notice.text}\n`,
  );
  request.resume();
});

server.listen(PORT, "0.0.0.0");
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
