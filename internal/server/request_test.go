package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

func debug(c *config.Config) { c.Log.Level = "debug" }

// everyPath is each path of the server with its methods.
var everyPath = map[string][]string{
	"/v1/token":                         {"POST", "OPTIONS"},
	"/v1/authorize":                     {"GET"},
	"/v1/sessions":                      {"GET"},
	signin.ConfirmationPath:             {"GET"},
	"/sign-in":                          {"POST"},
	"/consent":                          {"POST"},
	"/sign-out":                         {"POST"},
	"/":                                 {"GET", "POST"},
	"/healthz":                          {"GET"},
	"/.well-known/openid-configuration": {"GET", "OPTIONS"},
	"/.well-known/oauth-authorization-server":                      {"GET", "OPTIONS"},
	"/.well-known/jwks.json":                                       {"GET", "OPTIONS"},
	"/openapi.json":                                                {"GET", "OPTIONS"},
	"/v1/register":                                                 {"POST", "OPTIONS"},
	"/v1/introspect":                                               {"POST"},
	"/v1/revoke":                                                   {"POST", "OPTIONS"},
	"/put-resource-permission-statement":                           {"POST"},
	"/delete-resource-permission-statement":                        {"POST"},
	"/list-resource-permission-statements":                         {"POST"},
	"/get-resource-policy":                                         {"POST"},
	"/put-console-authorization-configuration":                     {"POST"},
	"/get-console-authorization-configuration":                     {"POST"},
	"/delete-console-authorization-configuration":                  {"POST"},
	"/create-trusted-identity-propagation-application-for-console": {"POST"},
	"/list-trusted-identity-propagation-applications-for-console":  {"POST"},
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// Operators find a request by the id that its caller got, so every answer has one, spelled as AWS does.
func TestEveryAnswerHasARequestIDOfItsOwn(t *testing.T) {
	s := testkit.Start(t, debug)
	seen := map[string]bool{}
	for _, path := range append(slices.Collect(maps.Keys(everyPath)), "/nothing", "/v1/token/x", "/%2e%2e", "*") {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "BREW"} {
			r := httptest.NewRequest(method, s.Base, nil)
			r.URL.Path = path
			w := s.Do(r)
			id := w.Header()["X-Amzn-RequestId"]
			if len(id) != 1 || !uuid.MatchString(id[0]) || seen[id[0]] {
				t.Errorf("%s %s = %d with the id %q, seen before: %v", method, path, w.Code, id, len(id) == 1 && seen[id[0]])
				continue
			}
			seen[id[0]] = true
			if n := strings.Count(s.Log(), id[0]); n != 1 {
				t.Errorf("%s %s: the log has %d records with its id, want 1", method, path, n)
			}
		}
	}
}

// SDKs take an answer that is not JSON for a broken server.
func TestUnknownPathsAndMethodsAreRefusedInJSON(t *testing.T) {
	s := testkit.Start(t)
	check := func(method, path string, status int, exception, allow string) {
		t.Helper()
		r := httptest.NewRequest(method, s.Base, nil)
		r.URL.Path = path
		w := s.Do(r)
		var body struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil && method != "HEAD" {
			t.Errorf("%s %s: %v\n%s", method, path, err, w.Body)
		}
		h := w.Header()
		if w.Code != status || method != "HEAD" && body.Type != exception || h["X-Amzn-ErrorType"][0] != exception || h.Get("Allow") != allow ||
			h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Length") == "" {
			t.Errorf("%s %s = %d %s %v, want %d %s, Allow %q", method, path, w.Code, body.Type, h, status, exception, allow)
		}
	}
	for _, path := range []string{"/nothing", "/v1", "/v1/", "/v1/token/x", "/v1/tokens", "/V1/TOKEN", "/v1/token.json", "/metrics", "/..", "/debug/pprof/", "*", ""} {
		if path != "" {
			check("GET", path, 404, "ResourceNotFoundException", "")
			check("POST", path, 404, "ResourceNotFoundException", "")
		}
	}
	for path, methods := range everyPath {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			if !slices.Contains(methods, method) && !(method == "HEAD" && slices.Contains(methods, "GET")) {
				check(method, path, 405, "ValidationException", strings.Join(methods, ", "))
			}
		}
	}
}

// Some clients double the slash between their endpoint and the path, or end the path with one.
func TestDoubledSlashesLeadToTheSamePath(t *testing.T) {
	s := testkit.Start(t)
	for _, path := range []string{"//healthz", "/healthz/", "///healthz//", "//.well-known//jwks.json"} {
		r := httptest.NewRequest("GET", s.Base, nil)
		r.URL.Path = path
		if w := s.Do(r); w.Code != 200 {
			t.Errorf("GET %s = %d, want 200", path, w.Code)
		}
	}
}

func TestHEADIsGETWithoutTheBody(t *testing.T) {
	s := testkit.StartWithPages(t)
	for path, methods := range everyPath {
		if !slices.Contains(methods, "GET") {
			continue
		}
		get, head := s.Do(httptest.NewRequest("GET", s.Base+path, nil)), s.Do(httptest.NewRequest("HEAD", s.Base+path, nil))
		if head.Code != get.Code || head.Body.Len() != 0 {
			t.Errorf("HEAD %s = %d with a body of %d bytes, GET is %d", path, head.Code, head.Body.Len(), get.Code)
		}
		for _, name := range []string{"Content-Type", "Cache-Control", "Content-Security-Policy"} {
			if head.Header().Get(name) != get.Header().Get(name) {
				t.Errorf("HEAD %s: %s is %q, of GET %q", path, name, head.Header().Get(name), get.Header().Get(name))
			}
		}
		if head.Header().Get("Content-Length") == "" {
			t.Errorf("HEAD %s has no Content-Length", path)
		}
	}
}

// What a page refers to is there. Pages have no other way to look like something.
func TestPagesFindTheirAssets(t *testing.T) {
	s := testkit.StartWithPages(t)
	page := s.Do(httptest.NewRequest("GET", s.Base+"/", nil)).Body.String()
	found := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(found) < 2 {
		t.Fatalf("the page refers to %v", found)
	}
	for _, m := range found {
		for _, method := range []string{"GET", "HEAD"} {
			w := s.Do(httptest.NewRequest(method, s.Base+m[1], nil))
			if w.Code != 200 || strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") || (w.Body.Len() == 0) != (method == "HEAD") {
				t.Errorf("%s %s = %d %s, %d bytes", method, m[1], w.Code, w.Header().Get("Content-Type"), w.Body.Len())
			}
		}
	}
	for _, path := range []string{"/assets/", "/assets", "/assets/none.css", "/assets/../healthz", "/assets/a/b"} {
		r := httptest.NewRequest("GET", s.Base, nil)
		r.URL.Path = path
		if w := s.Do(r); w.Code != 404 {
			t.Errorf("GET %s = %d, want 404", path, w.Code)
		}
	}
	if w := s.Do(httptest.NewRequest("POST", s.Base+found[0][1], nil)); w.Code != 405 {
		t.Errorf("POST %s = %d, want 405", found[0][1], w.Code)
	}
}

// Attack: lead a browser to the server under a name of the attacker's, whose address changes to the server's (DNS
// rebinding); then the attacker's page is of the same origin.
func TestPagesAreOnlyUnderABaseURL(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) {
		c.BaseURLs = []string{"https://signin.example.com:443", "http://127.0.0.1:8080"}
	})
	query := "?" + s.Client().AuthorizeQuery().Encode()
	visit := func(method, host, path string) int {
		r := httptest.NewRequest(method, "http://x"+path, strings.NewReader("a=b"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Host = host
		return s.Do(r).Code
	}
	for _, host := range []string{"signin.example.com", "SIGNIN.example.com", "127.0.0.1:8080"} {
		if got := visit("GET", host, "/v1/authorize"+query); got != http.StatusFound {
			t.Errorf("GET /v1/authorize under %s = %d, want 302", host, got)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:8080", "127.0.0.1", "127.0.0.1:8081", "localhost:8080", "signin.example.com.evil.example", "signin.example.com:8443", ""} {
		for _, path := range []string{"/v1/authorize", "/v1/authorize/", "//v1/authorize", "/v1//authorize", "/v1/sessions", "//v1/sessions//"} {
			if got := visit("GET", host, path+query); got != http.StatusBadRequest {
				t.Errorf("GET %s under %q = %d, want 400", path, host, got)
			}
		}
		for _, path := range []string{"/sign-in", "/consent", "/sign-out", "//sign-in", "/consent/"} {
			if got := visit("POST", host, path); got != http.StatusBadRequest {
				t.Errorf("POST %s under %q = %d, want 400", path, host, got)
			}
		}
	}
}
