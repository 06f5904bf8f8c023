/**
 * What every answer of the gateway says to browsers, whoever made it (a project, the notice page, the panel or Traefik), and what a request to a
 * project's question says of who sends it.
 */
import { createHash } from "node:crypto";
import { GATEWAY_FILE } from "../../config/naming/names.ts";
import { shellQuote } from "../../config/text/shell.ts";

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
const MODULE = "opencode/answers";

/** Who sends a request: an e-mail address, `machine`, or nothing on a machine of one's own. */
export const PERSON_HEADER = "X-Opencode-Person";

/**
 * Traefik's own middleware for headers replaces a policy and can't add one, and neither can any other: hence a plugin of our own. It also finds the
 * person in the token that the connector has checked: Cloudflare's header with an address can be sent by a machine as well.
 */
const PLUGIN: Readonly<Record<string, string>> = {
  ".traefik.yml": `displayName: Answers
type: middleware
import: ${MODULE}
summary: Adds headers to answers, beside those that they have, and the sender to requests.
testData: {}
`,
  "go.mod": `module ${MODULE}\n\ngo 1.22\n`,
  "answers.go": `// Package answers adds headers to answers, beside those that they have, and the sender to requests.
package answers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// Config has headers of answers by name, and the name of the header of requests for their sender.
type Config struct {
	Headers map[string]string
	Person  string
}

// CreateConfig makes one without headers.
func CreateConfig() *Config {
	return &Config{Headers: map[string]string{}}
}

type handler struct {
	next    http.Handler
	headers map[string]string
	person  string
}

// New makes the middleware.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	return &handler{next: next, headers: config.Headers, person: config.Person}, nil
}

// senderOf returns the address in an Access token, or "machine" for any other.
func senderOf(token string) string {
	if token == "" {
		return ""
	}
	var claims struct {
		Email string \`json:"email"\`
	}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			if json.Unmarshal(text, &claims) == nil && strings.Contains(claims.Email, "@") {
				return claims.Email
			}
		}
	}
	return "machine"
}

// ServeHTTP adds them first: what comes from a server is added to them, and nothing wraps the connection of a WebSocket.
func (h *handler) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	for name, value := range h.headers {
		answer.Header().Add(name, value)
	}
	if h.person != "" {
		request.Header.Set(h.person, senderOf(request.Header.Get("Cf-Access-Jwt-Assertion")))
	}
	h.next.ServeHTTP(answer, request)
}
`,
};

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
export const gatewayFile = (): string =>
  `${JSON.stringify({
    http: {
      middlewares: {
        _set: { headers: { customResponseHeaders: SET } },
        _added: { plugin: { answers: { headers: ADDED } } },
        _person: { plugin: { answers: { person: PERSON_HEADER } } },
      },
    },
  })}\n`;

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
