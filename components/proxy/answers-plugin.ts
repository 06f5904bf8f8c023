/** Its name for Traefik, and the folder that Traefik finds it in. */
export const MODULE = "opencode/answers";

/**
 * The plugin of the gateway, in Go, which Traefik interprets (Yaegi). Traefik's own middleware for headers replaces a policy and can't add one, and
 * neither can any other: hence a plugin of our own. It also finds the person in the token that the connector has checked, since Cloudflare's header
 * with an address can be sent by a machine as well; and what a project's own programs serve gets no cookie of Access, and sets none for a domain.
 */
export const PLUGIN: Readonly<Record<string, string>> = {
  ".traefik.yml": `displayName: Answers
type: middleware
import: ${MODULE}
summary: Adds headers to answers, beside those that they have, and the sender to requests; keeps cookies to their hostname.
testData: {}
`,
  "go.mod": `module ${MODULE}\n\ngo 1.22\n`,
  "answers.go": `// Package answers adds headers to answers, beside those that they have, and the sender to requests; and keeps cookies to their hostname.
package answers

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strings"
)

// Config has headers of answers by name, the name of the header of requests for their sender, and names of cookies that requests lose.
type Config struct {
	Headers map[string]string
	Replace map[string]string
	Person  string
	Cookies []string
}

// CreateConfig makes one without headers.
func CreateConfig() *Config {
	return &Config{Headers: map[string]string{}, Replace: map[string]string{}}
}

type handler struct {
	next   http.Handler
	config *Config
}

// New makes the middleware.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	return &handler{next: next, config: config}, nil
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

// withoutCookies takes cookies out of a request, and leaves the others as they were written.
func withoutCookies(header http.Header, names []string) {
	kept := []string{}
	for _, line := range header["Cookie"] {
		for _, pair := range strings.Split(line, ";") {
			pair = strings.TrimSpace(pair)
			if pair == "" {
				continue
			}
			isOurs := false
			for _, name := range names {
				if strings.TrimSpace(strings.SplitN(pair, "=", 2)[0]) == name {
					isOurs = true
				}
			}
			if !isOurs {
				kept = append(kept, pair)
			}
		}
	}
	header.Del("Cookie")
	if len(kept) > 0 {
		header.Set("Cookie", strings.Join(kept, "; "))
	}
}

// keepToHostname takes the domain out of the cookies that an answer sets.
func keepToHostname(header http.Header) {
	for index, cookie := range header["Set-Cookie"] {
		kept := []string{}
		for at, part := range strings.Split(cookie, ";") {
			if at == 0 || !strings.EqualFold(strings.TrimSpace(strings.SplitN(part, "=", 2)[0]), "domain") {
				kept = append(kept, part)
			}
		}
		header["Set-Cookie"][index] = strings.Join(kept, ";")
	}
}

// hostOnly is an answer whose cookies stay at their hostname. Traefik can't flush it, so each write is flushed.
type hostOnly struct {
	answer http.ResponseWriter
}

// Header has what will be sent.
func (h *hostOnly) Header() http.Header {
	return h.answer.Header()
}

// WriteHeader sends it.
func (h *hostOnly) WriteHeader(status int) {
	keepToHostname(h.answer.Header())
	h.answer.WriteHeader(status)
	// Its reader waits for the headers, and the first event may come late.
	if strings.HasPrefix(h.answer.Header().Get("Content-Type"), "text/event-stream") {
		h.flush()
	}
}

func (h *hostOnly) flush() {
	if flusher, ok := h.answer.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Write sends a part of the body.
func (h *hostOnly) Write(part []byte) (int, error) {
	keepToHostname(h.answer.Header())
	count, err := h.answer.Write(part)
	h.flush()
	return count, err
}

// Hijack gives the connection of a WebSocket, for which the headers are written past WriteHeader.
func (h *hostOnly) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	keepToHostname(h.answer.Header())
	return h.answer.(http.Hijacker).Hijack()
}

// ServeHTTP adds headers first: what comes from a server is added to them. Only where cookies are looked at is anything wrapped.
func (h *handler) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	for name, value := range h.config.Headers {
		answer.Header().Add(name, value)
	}
	for name, value := range h.config.Replace {
		answer.Header().Set(name, value)
	}
	if h.config.Person != "" {
		request.Header.Set(h.config.Person, senderOf(request.Header.Get("Cf-Access-Jwt-Assertion")))
	}
	if len(h.config.Cookies) > 0 {
		withoutCookies(request.Header, h.config.Cookies)
		answer = &hostOnly{answer: answer}
	}
	h.next.ServeHTTP(answer, request)
}
`,
};
