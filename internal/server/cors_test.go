package server_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// open are the paths that pages of other origins may use: what OAuth and MCP clients in browsers need.
var open = map[string]string{
	"/.well-known/oauth-authorization-server": "GET",
	"/.well-known/openid-configuration":       "GET",
	"/.well-known/jwks.json":                  "GET",
	"/openapi.json":                           "GET",
	"/v1/token":                               "POST",
	"/v1/register":                            "POST",
	"/v1/revoke":                              "POST",
}

// A client in a browser asks with an Origin, and first whether it may. Without these answers it can only say that the
// network failed.
func TestClientsInBrowsersMayDiscoverAndAsk(t *testing.T) {
	s := testkit.Start(t)
	for path, method := range open {
		for _, slash := range []string{"", "/"} {
			r := httptest.NewRequest("OPTIONS", s.Base+path+slash, nil)
			r.Header.Set("Origin", "https://app.example")
			r.Header.Set("Access-Control-Request-Method", method)
			r.Header.Set("Access-Control-Request-Headers", "content-type,dpop,mcp-protocol-version")
			w := s.Do(r)
			h := w.Header()
			allowed := strings.ToLower(h.Get("Access-Control-Allow-Headers"))
			if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), method) ||
				!strings.Contains(allowed, "dpop") || !strings.Contains(allowed, "content-type") || !strings.Contains(allowed, "mcp-protocol-version") {
				t.Errorf("OPTIONS %s%s = %d %v", path, slash, w.Code, h)
			}
			r = httptest.NewRequest(method, s.Base+path+slash, nil)
			r.Header.Set("Origin", "https://app.example")
			if w := s.Do(r); w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s%s: %v", method, path, slash, w.Header())
			}
		}
	}
}

// The pages go by cookies, so no other origin may read them, nor send what needs leave; and credentials are read by programs.
func TestNoOtherPathIsOpenToPagesOfOtherOrigins(t *testing.T) {
	s := testkit.Start(t)
	for path, methods := range everyPath {
		if open[path] != "" {
			continue
		}
		for _, method := range append(slices.Clone(methods), "OPTIONS") {
			r := httptest.NewRequest(method, s.Base+path, nil)
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Access-Control-Request-Method", method)
			for name := range s.Do(r).Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s answers with %s", method, path, name)
				}
			}
		}
	}
}
