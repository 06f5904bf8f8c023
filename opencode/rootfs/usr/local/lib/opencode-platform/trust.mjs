// Stands in for opencode until a person has said that what the repository brings may run: it shows what that is, and takes the answer.
// Ends with 0 once it is a yes. No secret is in its environment. `trust.mjs look`, for several repositories, ends with 0 if nothing has to be asked.

import { createHash, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { listBrought, parseSettings, plain } from "./brings.mjs";
import { commit, missingSubmodules } from "./clones.mjs";
import { document, escapeHtml } from "./page.mjs";

const PORT = 4096;
const WORKSPACE = "/workspace";
const SECRETS = "/run/opencode";
const STATUS = "/tmp/opencode-platform";
const ENFORCED = "/etc/opencode/opencode.json";

/** What is asked about: one repository, which fills the workspace, or several in folders of it. */
const isSeveral = Boolean(process.env.OPENCODE_PLATFORM_TRUST_REPOS);
const repos = isSeveral
  ? JSON.parse(process.env.OPENCODE_PLATFORM_TRUST_REPOS)
  : [{ repo: process.env.OPENCODE_PLATFORM_TRUST_REPO ?? "", path: "" }];
const these = ["what is in the workspace", "this repository"][repos.length] ?? "these repositories";
/** The project's address in a browser, and its name. */
const url = process.env.OPENCODE_PLATFORM_URL ?? "";
const project = process.env.OPENCODE_PLATFORM_PROJECT ?? "";
/** A line for each yes: repository, person, time. Only written before anything of a repository has run. */
const RECORD = join(process.env.HOME ?? "/home/opencode", ".local/share/opencode-platform/trusted");
/** Likewise a line for each folder that was said yes to as it is, where that is no commit of a repository; "" is the workspace itself, beside several. */
const FOLDERS = `${RECORD}-folders`;
/** Files that every process of `workspace` may keep in its folder of the status, and this program. */
const partOf = (path, name) => join(STATUS, "repos", path.replaceAll("/", ","), name);

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "x-opencode-state": "untrusted",
  "x-opencode-project": project,
};
/** Bytes of a form that are read. */
const MAX_BODY = 4096;

function settings(file) {
  try {
    return parseSettings(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

function lineOf(file) {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "not looked at yet";
  }
}

/** What the workspace itself has, which opencode starts in, outside of several repositories' folders. */
function besides(platform) {
  return isSeveral ? [...listBrought(WORKSPACE, platform), ...missingSubmodules(WORKSPACE)] : [];
}

/** What is shown, and a digest of what would run: a yes is to that alone. How the clone goes on is no part of it. */
function whatIsShown() {
  const platform = { ...settings(join(SECRETS, "opencode.json")), ...settings(ENFORCED) };
  const brought = repos.map(({ repo, path }) => {
    const folder = join(WORKSPACE, path);
    const kinds = [...listBrought(folder, platform), ...missingSubmodules(folder)];
    return { repo, path, commit: commit(folder), kinds };
  });
  const own = besides(platform);
  const digest = createHash("sha256")
    .update(JSON.stringify([brought, own]))
    .digest("hex");
  return { brought, own, workspace: lineOf(join(STATUS, "workspace")), digest };
}

/** Whether there is something to answer: what is not cloned of several holds up no other, once it has been tried. */
const isReady = (brought) =>
  brought.every(({ path, commit: at }) => at !== "" || (isSeveral && existsSync(partOf(path, "settled"))));

/**
 * Keeps what is not cloned out of the workspace until the next start, since nobody has seen it. Fails if one of them is just being put there:
 * `workspace` says that first and looks for this sign then, and here it is the other way round.
 */
function hold(brought) {
  if (!isSeveral) return true;
  const absent = brought.filter(({ commit: at }) => at === "");
  for (const { path } of absent) {
    mkdirSync(dirname(partOf(path, "held")), { recursive: true });
    writeFileSync(partOf(path, "held"), "");
  }
  return absent.every(({ path }) => !existsSync(partOf(path, "placing")));
}

/** Whether all is held as it was shown. */
function isHeldAt(digest, brought) {
  if (hold(brought) && whatIsShown().digest === digest) return true;
  for (const { path } of brought) rmSync(partOf(path, "held"), { force: true });
  return false;
}

function knownFolders() {
  try {
    const lines = readFileSync(FOLDERS, "utf8").trim().split("\n");
    return new Set(lines.map((line) => JSON.parse(line).folder));
  } catch {
    return new Set();
  }
}

function recordFolders(folders, by) {
  mkdirSync(dirname(FOLDERS), { recursive: true });
  const at = new Date().toISOString();
  const lines = folders.map((folder) => `${JSON.stringify({ folder, by, at })}\n`);
  appendFileSync(FOLDERS, lines.join(""), { mode: 0o600 });
}

/** Whether opencode may start without a question: of several, those without a commit are as they were when somebody said yes. */
function isAnswered() {
  const { brought, own, digest } = whatIsShown();
  const known = knownFolders();
  if (own.length > 0 && !known.has("")) return false;
  if (!isReady(brought) || brought.some(({ path, commit: at }) => at !== "" || !known.has(path)))
    return false;
  if (!isHeldAt(digest, brought)) return false;
  // What agents write there later is asked about no more than what they write elsewhere.
  if (!known.has("")) recordFolders([""], "nobody was asked, it had nothing");
  return true;
}

const STYLE =
  "body{margin:2rem auto;max-width:72ch;padding:0 1rem}h2{font-size:1rem;margin-bottom:0}small{opacity:.75}li{overflow-wrap:anywhere}button{font:inherit;padding:.5rem 1rem;cursor:pointer}";

const kindsList = (kinds) =>
  kinds
    .map(({ title, note, lines }) => {
      const items = lines.map((line) => `<li>${escapeHtml(line)}`).join("");
      return `<section><h2>${escapeHtml(title)}</h2><small>${escapeHtml(note)}</small><ul>${items}</ul></section>`;
    })
    .join("") || "<p>Nothing that opencode would run or obey was found in it.</p>";

/** A repository's address, with its commit once it is cloned, and its folder where it has one. */
const nameOf = ({ repo, path, commit: at }) =>
  `<p>${path ? `${escapeHtml(path)}: ` : ""}${escapeHtml(repo)}${at ? ` at ${escapeHtml(at)}` : ""}</p>`;

/** What of several has no commit, with the reason. */
const absence = ({ path, commit: at }) =>
  isSeveral && at === ""
    ? `<p role="status">Not cloned yet: ${escapeHtml(plain(lineOf(partOf(path, "workspace")), 700))}. The yes is to what its folder holds now: once it is cloned, it is asked about at the next start.</p>`
    : "";

/** What the workspace has beside several repositories. */
const ownList = (own) =>
  own.length > 0 ? `<p>${WORKSPACE} itself, outside of the repositories' folders:</p>${kindsList(own)}` : "";

function askPage(problem = "") {
  const { brought, own, workspace, digest } = whatIsShown();
  const ready = isReady(brought);
  const form = `<form method="post" action="/trust"><input type="hidden" name="digest" value="${digest}"><button>Trust ${these} and start</button></form>`;
  // Of several, each list below its own repository.
  const isFirst = brought.length === 1;
  const lists = brought
    .map((each) => (isFirst ? "" : nameOf(each)) + (ready ? absence(each) + kindsList(each.kinds) : ""))
    .join("");
  const what = ["is there", "the repository brings"][repos.length] ?? "the repositories bring";
  return document(
    `${project}: do you trust ${these}?`,
    `${problem ? `<p role="alert">${escapeHtml(problem)}</p>` : ""}
${isFirst ? nameOf(brought[0]) : ""}
<p>opencode has not been started. Once it is, it runs what ${what}, with this project's secrets:</p>
${lists}${ready ? ownList(own) : ""}
${ready ? form : `<p role="status">${escapeHtml(workspace)}</p><script>setTimeout(() => location.reload(), 3000)</script>`}`,
    { style: STYLE },
  );
}

const STARTING = () =>
  document(
    `${project} is starting`,
    `<p role="status">opencode starts …</p><script>
const look = async () => {
  // opencode 1.x never answers what it is asked in its first second.
  const answer = await fetch("/trust", { redirect: "manual", signal: AbortSignal.timeout(3000) }).catch(() => undefined);
  if (answer && answer.status < 500 && answer.headers.get("x-opencode-state") === null) location.replace("/");
  else setTimeout(look, 1000);
};
setTimeout(look, 1000);
</script>`,
    { style: STYLE },
  );

/** The gateway has found the sender in Access's token; on a machine of one's own there is none. */
const personOf = ({ headers }) =>
  String(headers["x-opencode-person"] ?? "")
    .replace(/[^\w.+@-]/g, "")
    .slice(0, 254) || "somebody at this machine";

/**
 * Whether the page's form was sent, by a person: behind Access, everybody has an address. A worker that an earlier project of the hostname has left
 * in a browser can send requests by itself, but no form. (Safari doesn't say whether a button was pressed.)
 */
function isPerson(request) {
  const isForm = (request.headers["sec-fetch-mode"] ?? "navigate") === "navigate";
  const person = personOf(request);
  return isForm && person !== "machine" && (url.startsWith("http:") || person.includes("@"));
}

function trust(who, brought) {
  mkdirSync(dirname(RECORD), { recursive: true });
  const at = new Date().toISOString();
  const [seen, absent] = [brought.filter((each) => each.commit), brought.filter((each) => !each.commit)];
  const lines = seen.map(({ repo }) => `${JSON.stringify({ repo, by: who, at })}\n`);
  appendFileSync(RECORD, lines.join(""), { mode: 0o600 });
  if (isSeveral) recordFolders(["", ...absent.map(({ path }) => path)], who);
  writeFileSync(join(STATUS, "trusted"), who);
  for (const { repo } of seen) console.log(`[trust] ${repo} is trusted by ${who}`);
  for (const { repo } of absent) console.log(`[trust] ${repo} is not cloned, and asked about once it is`);
  if (brought.length === 0) console.log(`[trust] what is in ${WORKSPACE} is trusted by ${who}`);
}

function isAllowed({ headers }) {
  const given = Buffer.from(String(headers.authorization ?? ""));
  const password = readFileSync(join(SECRETS, "password"), "utf8");
  const wanted = Buffer.from(`Basic ${Buffer.from(`opencode:${password}`).toString("base64")}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function formOf(request) {
  let body = "";
  for await (const chunk of request) {
    body += chunk;
    if (body.length > MAX_BODY) return new URLSearchParams();
  }
  return new URLSearchParams(body);
}

const html = (response, status, page, more = {}) =>
  response.writeHead(status, { ...HEADERS, "content-type": "text/html; charset=utf-8", ...more }).end(page);

async function answer(request, response) {
  if (!isAllowed(request)) return response.writeHead(401, HEADERS).end();
  const path = (request.url ?? "/").split("?")[0];
  if (request.method === "POST" && path === "/trust") {
    // Of this page alone: not of another site's, and not of a program that has no page.
    if (request.headers.origin !== new URL(url).origin) return refuse(response);
    if (!isPerson(request)) return refuse(response);
    const given = (await formOf(request)).get("digest");
    const { brought, digest } = whatIsShown();
    if (!isReady(brought) || given !== digest || !isHeldAt(digest, brought))
      return html(response, 409, askPage("What the repository brings has changed since you looked."));
    trust(personOf(request), brought);
    response.on("close", () => {
      server.close();
      server.closeAllConnections();
    });
    return html(response, 200, STARTING(), { connection: "close" });
  }
  const isPage = request.method === "GET" && /\btext\/html\b/.test(request.headers.accept ?? "");
  return isPage ? html(response, 403, askPage()) : refuse(response);
}

const refuse = (response) =>
  response
    .writeHead(403, { ...HEADERS, "content-type": "text/plain; charset=utf-8" })
    .end(
      `${project} has not been started: somebody has to look at what its repository brings first. Open ${url} in a browser.\n`,
    );

if (process.argv[2] === "look") process.exit(isAnswered() ? 0 : 1);

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(`[trust] ${error}`);
    response.destroy();
  });
});
server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n"));
server.on("close", () => rmSync(join(STATUS, "asking"), { force: true }));
server.listen(PORT, "0.0.0.0", () => writeFileSync(join(STATUS, "asking"), ""));
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(1));
