/**
 * What every answer of the gateway says to browsers, whoever made it (a project, the notice page, the panel or Traefik), and what a request to a
 * project's question says of who sends it.
 */
import { createHash } from "node:crypto";
import { GATEWAY_FILE } from "../../config/naming/names.ts";
import { type PublicUrls, projectPath } from "../../config/naming/urls.ts";
import { shellQuote } from "../../config/text/shell.ts";
import { MODULE, PLUGIN } from "./answers-plugin.ts";
import { entryState, NOTICE, PERSON_HEADER, PRIORITY, q, WAKE_PATH } from "./rules.ts";

/** Set on every answer, over what it has. No page frames another's, takes a file for a script, or embeds another origin's answer. */
const SET = {
  "X-Frame-Options": "DENY",
  "X-Content-Type-Options": "nosniff",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/**
 * Put before what the answer has. A browser enforces each of several policies by itself, and of several referrer policies takes the last: so
 * opencode's page and the panel keep theirs.
 */
const ADDED = { "Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "same-origin" };

/** Where Traefik looks for plugins that are not downloaded, from its working directory, which is `/`. */
const PLUGINS = "/plugins-local";

/**
 * Cookies of Cloudflare Access: the token of a hostname, and what binds it to a browser and a log-in (Cloudflare One, "Authorization cookie").
 */
const ACCESS_COOKIES = ["CF_Authorization", "CF_Binding", "CF_AppSession", "CF_Session", "CF_Device_Token"];

/** A page of a project's own may frame others of its hostname, as Storybook does. Browsers then don't look at X-Frame-Options. */
const FRAMES_ITSELF = { "Content-Security-Policy": "frame-ancestors 'self'" };

/** Of these, browsers put one or more on whatever a page sends, and a page can't take them off. */
const PAGES = ["Origin", "Sec-Fetch-Site"];

/** Changes with the plugin's source, which Traefik reads only when it starts. */
const REVISION = createHash("sha256").update(JSON.stringify(PLUGIN)).digest("hex").slice(0, 12);

/** Directory on the host of the plugin, to be mounted at the other one. */
export const pluginMount = (runtimeDir: string) => ({
  hostPath: `${runtimeDir}/gateway/${REVISION}`,
  containerPath: PLUGINS,
});

/** Part of Traefik's static configuration: the plugin, and the middlewares that every router gets. */
export const answerFlags: readonly string[] = [
  `--experimental.localPlugins.answers.moduleName=${MODULE}`,
  // Without it, Traefik would start and answer 404 to everything.
  "--experimental.abortOnPluginFailure=true",
  "--entryPoints.web.http.middlewares=_set@file,_added@file",
];

/** Traefik's dynamic configuration of those middlewares, and of one that says who sends a request. */
export const gatewayFile = (urls?: Pick<PublicUrls, "panel" | "browser">): string =>
  `${JSON.stringify({
    http: {
      routers: { _wake: WAKE.router, ...(urls ? { _to_project: toProject(urls).router } : {}) },
      middlewares: {
        _wake: WAKE.middleware,
        ...(urls ? { _to_project: toProject(urls).middleware } : {}),
        _set: { headers: { customResponseHeaders: SET } },
        _added: { plugin: { answers: { headers: ADDED } } },
        _person: { plugin: { answers: { person: PERSON_HEADER } } },
        _preview: { plugin: { answers: { replace: FRAMES_ITSELF, cookies: ACCESS_COOKIES } } },
      },
    },
  })}\n`;

/**
 * What Traefik asks itself for each request that waits for a sleeping project: the waker, at an address that no other machine reaches. A page in a browser of
 * this machine reaches it, and is refused: of the request that waits, Traefik's question has the headers of `authRequestHeaders` alone (components/proxy/asleep.ts).
 */
const WAKE = {
  router: {
    rule: `Host(${q("127.0.0.1")}) && PathPrefix(${q(WAKE_PATH)}) && ${PAGES.map((name) => `!HeaderRegexp(${q(name)}, ${q(".+")})`).join(" && ")}`,
    priority: PRIORITY.navigate + 3,
    middlewares: ["_wake"],
    service: `${NOTICE}@docker`,
  },
  middleware: entryState("", "wake"),
};

/**
 * `/p/<name>` at the panel's hostname, as addresses are on a machine of one's own. Whether there is such a project its own hostname says, to whom
 * it may.
 */
const toProject = (urls: Pick<PublicUrls, "panel" | "browser">) => ({
  router: {
    rule: `Host(${q(urls.panel)}) && PathRegexp(${q(`^${projectPath("[a-z][a-z0-9-]*")}(/|$)`)})`,
    priority: PRIORITY.navigate + 2,
    middlewares: ["_to_project"],
    service: "noop@internal",
  },
  middleware: {
    redirectRegex: {
      regex: `^https?://[^/]+${projectPath("([a-z][a-z0-9-]*)")}/?(.*)$`,
      replacement: `${urls.browser(`\${1}`)}\${2}`,
    },
  },
});

/** Shell script for the host that writes the plugin, and to its file the configuration that comes on standard input. */
export function gatewayScript(runtimeDir: string, routesDir: string): string {
  const folder = `${pluginMount(runtimeDir).hostPath}/src/${MODULE}`;
  const file = `${routesDir}/${GATEWAY_FILE}`;
  return [
    "set -eu",
    `mkdir -p ${shellQuote(folder)}`,
    ...Object.entries(PLUGIN).map(
      ([name, text]) => `printf '%s' ${shellQuote(text)} > ${shellQuote(`${folder}/${name}`)}`,
    ),
    // As the route files beside it, and renamed, so that Traefik reads no half of it.
    "umask 077",
    `cat > ${shellQuote(`${file}.new`)}`,
    `mv -f ${shellQuote(`${file}.new`)} ${shellQuote(file)}`,
  ].join("\n");
}
