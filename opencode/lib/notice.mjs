// The plain page for a hostname that no running project answers. The gateway says in two headers which project was asked for
// and why it ended here; nothing else of the request is used.
import { createServer } from "node:http";

const PORT = 8080;

/** @type {Record<string, {status: number, title: string, text: string, refresh?: number}>} */
const NOTICES = {
  stopped: {
    status: 503,
    title: "is stopped",
    text: "Its workspace is kept. To start it, set state: running in projects.yaml and apply it.",
  },
  running: {
    status: 503,
    title: "is starting",
    text: "This page looks again every few seconds. If it stays, npm run doctor says why.",
    refresh: 3,
  },
  refused: {
    status: 403,
    title: "does not answer other sites",
    text: "The request came from a page of another origin.",
  },
  unknown: {
    status: 404,
    title: "There is no such project",
    text: "Projects are the entries of projects.yaml; each has its own hostname.",
  },
};

const escapeHtml = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function page(title, notice) {
  const refresh = notice.refresh ? `<meta http-equiv="refresh" content="${notice.refresh}">` : "";
  return `<!doctype html><html lang="en"><meta charset="utf-8">${refresh}
<meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 ui-monospace,monospace;display:grid;place-content:center;min-height:100vh;margin:0 1rem;background:light-dark(#fff,#131010);color:light-dark(#211e1e,#f1ecec)}h1{font-size:1.25rem}p{max-width:60ch}</style>
<main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(notice.text)}</p></main></html>\n`;
}

const server = createServer((request, response) => {
  const project = String(request.headers["x-opencode-project"] ?? "");
  const state = String(request.headers["x-opencode-state"] ?? "");
  const notice = (project && Object.hasOwn(NOTICES, state) && NOTICES[state]) || NOTICES.unknown;
  const title = notice === NOTICES.unknown ? notice.title : `${project} ${notice.title}`;
  const html = /\btext\/html\b/.test(request.headers.accept ?? "");
  response.writeHead(notice.status, {
    "content-type": html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
    ...(notice.status === 503 ? { "retry-after": "5" } : {}),
  });
  response.end(
    request.method === "HEAD" ? undefined : html ? page(title, notice) : `${title}. ${notice.text}\n`,
  );
  request.resume();
});

server.listen(PORT, "0.0.0.0");
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
