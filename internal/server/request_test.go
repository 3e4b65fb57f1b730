package server_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

func debug(c *config.Config) { c.Log.Level = "debug" }

// everyPath is each path of the server with its methods.
var everyPath = map[string][]string{
	"/v1/token":                         {"POST"},
	"/v1/authorize":                     {"GET"},
	"/v1/sessions":                      {"GET"},
	signin.ConfirmationPath:             {"GET"},
	"/sign-in":                          {"POST"},
	"/consent":                          {"POST"},
	"/sign-out":                         {"POST"},
	"/":                                 {"GET", "POST"},
	"/healthz":                          {"GET"},
	"/.well-known/openid-configuration": {"GET"},
	"/.well-known/oauth-authorization-server": {"GET"},
	"/.well-known/jwks.json":                  {"GET"},
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

// remoteIn returns the address that the log has for the last request.
func remoteIn(t *testing.T, s *testkit.Server) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(s.Log()), "\n")
	var record struct{ Remote string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &record); err != nil {
		t.Fatal(err)
	}
	return record.Remote
}

// Attack: write an address into X-Forwarded-For to have another's limit, or to put the blame on another. What a caller
// wrote stands to the left of what the proxies added.
func TestForwardedAddressesAreBelievedOfProxiesOnly(t *testing.T) {
	trusting := testkit.Start(t, debug, func(c *config.Config) { c.TrustedProxies = []string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"} })
	trustingNobody := testkit.Start(t, debug)
	for _, tt := range []struct {
		name      string
		s         *testkit.Server
		peer      string
		forwarded []string
		want      string
	}{
		{"a direct caller", trusting, "203.0.113.9:1", nil, "203.0.113.9"},
		{"a direct caller who writes an address", trusting, "203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"},
		{"a direct caller who writes a proxy's", trusting, "203.0.113.9:1", []string{"10.0.0.1"}, "203.0.113.9"},
		{"through a proxy", trusting, "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"through two", trusting, "10.0.0.1:1", []string{"203.0.113.9, 192.0.2.1"}, "203.0.113.9"},
		{"through two, in two headers", trusting, "10.0.0.1:1", []string{"203.0.113.9", "192.0.2.1"}, "203.0.113.9"},
		{"through a proxy, having written one", trusting, "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"through a proxy, having written a header", trusting, "10.0.0.1:1", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"through a proxy, having written a proxy's", trusting, "10.0.0.1:1", []string{"10.0.0.7, 203.0.113.9"}, "203.0.113.9"},
		{"through a proxy, having written nonsense", trusting, "10.0.0.1:1", []string{"nonsense, 203.0.113.9"}, "203.0.113.9"},
		{"a proxy that writes nonsense", trusting, "10.0.0.1:1", []string{"198.51.100.1, nonsense"}, "10.0.0.1"},
		{"a proxy that writes nothing", trusting, "10.0.0.1:1", nil, "10.0.0.1"},
		{"a proxy that writes an empty one", trusting, "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"a proxy itself", trusting, "10.0.0.1:1", []string{"10.0.0.2"}, "10.0.0.2"},
		{"an IPv4 proxy on an IPv6 socket", trusting, "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"an IPv6 proxy", trusting, "[2001:db8::1]:1", []string{"2001:db9::9"}, "2001:db9::9"},
		{"nobody is trusted", trustingNobody, "127.0.0.1:1", []string{"203.0.113.9"}, "127.0.0.1"},
		{"no address", trusting, "@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", tt.s.Base+"/healthz", nil)
		r.RemoteAddr = tt.peer
		for _, f := range tt.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		r.Header.Set("X-Real-Ip", "198.51.100.99")
		r.Header.Set("Forwarded", "for=198.51.100.99")
		tt.s.Do(r)
		if got := remoteIn(t, tt.s); got != tt.want {
			t.Errorf("%s: peer %s, X-Forwarded-For %q: the caller is %s, want %s", tt.name, tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

// Of a busy server, operators may want to hear only what went wrong in it.
func TestQuietLogHasOnlyFailuresOfTheServer(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.Log.Level = "warn" })
	c := s.Client()
	c.Login(t)
	c.Post(t, map[string]string{}, "")
	s.Do(httptest.NewRequest("GET", s.Base+"/nothing", nil))
	if log := s.Log(); log != "" {
		t.Errorf("the log has:\n%s", log)
	}
	s.TakeStoreAway(t)
	w := s.Do(httptest.NewRequest("GET", s.Base+"/healthz", nil))
	if log := s.Log(); strings.Count(log, w.Header()["X-Amzn-RequestId"][0]) != 1 || !strings.Contains(log, `"status":503`) {
		t.Errorf("the failure is not in the log:\n%s", log)
	}
}

// bodyFunc is a body that does what a test wants when it is read.
type bodyFunc func([]byte) (int, error)

func (f bodyFunc) Read(b []byte) (int, error) { return f(b) }
func (f bodyFunc) Close() error               { return nil }

// A mistake of this program costs one request, tells the caller nothing, and tells the operator where it is.
func TestPanicIsABareError(t *testing.T) {
	s := testkit.Start(t, debug)
	r := httptest.NewRequest("POST", s.Base+"/v1/token", nil)
	r.Header.Set("Content-Type", "application/json")
	r.Body, r.ContentLength = bodyFunc(func([]byte) (int, error) { panic("s3cret detail") }), 10
	w := s.Do(r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"__type":"InternalServerException"`) || w.Header()["X-Amzn-ErrorType"][0] != "InternalServerException" {
		t.Errorf("answer = %d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, detail := range []string{"s3cret", "panic", ".go", "goroutine"} {
		if strings.Contains(w.Body.String(), detail) {
			t.Errorf("the answer tells %q: %s", detail, w.Body)
		}
	}
	id := w.Header()["X-Amzn-RequestId"][0]
	log := s.Log()
	if !strings.Contains(log, "s3cret detail") || !strings.Contains(log, "wire/token.go") || strings.Count(log, id) != 2 {
		t.Errorf("the log does not have the panic, its place and the record under %s:\n%s", id, log)
	}
	if !strings.Contains(w.Body.String(), id) {
		t.Errorf("the answer does not name the request id: %s", w.Body)
	}
	if c := s.Client(); c.Login(t).Status != 200 {
		t.Error("the server does not serve on")
	}
	// The server of net/http wants this one to go through.
	r.Body = bodyFunc(func([]byte) (int, error) { panic(http.ErrAbortHandler) })
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("recovered %v, want http.ErrAbortHandler to go through", p)
			}
		}()
		s.Do(r)
	}()
}

func TestHealthSaysWhetherRequestsCanBeServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		health := func() *httptest.ResponseRecorder { return s.Do(httptest.NewRequest("GET", s.Base+"/healthz", nil)) }
		if w := health(); w.Code != 200 || w.Body.String() != `{"status":"ok"}` {
			t.Errorf("GET /healthz = %d %s, want 200", w.Code, w.Body)
		}
		s.TakeStoreAway(t)
		w := health()
		if w.Code != 503 || w.Header()["X-Amzn-ErrorType"][0] != "ServiceUnavailableException" {
			t.Errorf("without a database, GET /healthz = %d %s, want 503", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "sqlite") || strings.Contains(w.Body.String(), "closed") || strings.Contains(w.Body.String(), ".db") {
			t.Errorf("the answer tells an internal detail: %s", w.Body)
		}
	})
}

// With all hands full, a request waits a second for its turn and is then told to come back: 503, which clients try again.
func TestOverloadIsAnswered503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Limits.InFlight = 2 })
		c := s.Client()
		token := c.Login(t).RefreshToken
		codes := []string{c.Authorize(t), c.Authorize(t)}
		resume := s.StallLogins()
		logins := make([]testkit.Answer, len(codes))
		var slow sync.WaitGroup
		for i, code := range codes {
			slow.Go(func() { logins[i] = c.Redeem(t, code) })
		}
		synctest.Wait()
		began := time.Now()
		a := c.Refresh(t, token)
		a.WantFault(t, signin.Overloaded)
		if a.Type != "ServiceUnavailableException" || a.Header.Get("Retry-After") == "" || time.Since(began) != time.Second {
			t.Errorf("answer after %v = %d %s, Retry-After %q, want 503 after 1s", time.Since(began), a.Status, a.Type, a.Header.Get("Retry-After"))
		}
		// Other paths are not held up.
		if w := s.Do(httptest.NewRequest("GET", s.Base+"/healthz", nil)); w.Code != 200 {
			t.Errorf("GET /healthz meanwhile = %d, want 200", w.Code)
		}
		// A request that is waiting when a place gets free is served.
		var next testkit.Answer
		slow.Go(func() { next = c.Refresh(t, token) })
		time.Sleep(500 * time.Millisecond)
		resume()
		slow.Wait()
		for _, a := range append(logins, next) {
			if a.Status != 200 {
				t.Errorf("a request that had its place, or got one in time = %d %s, want 200", a.Status, a.Body)
			}
		}
	})
}

// The documents say what is true of this server, and each URL in them leads to it.
func TestDiscoveryDocuments(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) {
		c.BaseURLs, c.IDToken.Algorithm = []string{"http://127.0.0.1:8080", "http://localhost:8080"}, "ES256"
	})
	var first string
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		w := s.Do(httptest.NewRequest("GET", s.Base+path, nil))
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%v\n%s", err, w.Body)
		}
		for name, want := range map[string]string{
			"issuer": `"http://127.0.0.1:8080"`, "authorization_endpoint": `"http://127.0.0.1:8080/v1/authorize"`,
			"token_endpoint": `"http://127.0.0.1:8080/v1/token"`, "jwks_uri": `"http://127.0.0.1:8080/.well-known/jwks.json"`,
			"response_types_supported": `["code"]`, "subject_types_supported": `["public"]`, "id_token_signing_alg_values_supported": `["ES256"]`,
			"grant_types_supported": `["authorization_code","refresh_token"]`, "code_challenge_methods_supported": `["S256","SHA-256"]`,
			"dpop_signing_alg_values_supported": `["ES256"]`, "scopes_supported": `["openid"]`,
		} {
			if b, _ := json.Marshal(got[name]); string(b) != want {
				t.Errorf("%s: %s = %s, want %s", path, name, b, want)
			}
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
		if first == "" {
			first = w.Body.String()
		} else if first != w.Body.String() {
			t.Error("the two documents differ")
		}
	}
	login := s.Client().Login(t)
	w := s.Do(httptest.NewRequest("GET", s.Base+"/.well-known/jwks.json", nil))
	var set struct{ Keys []struct{ Kid, Alg string } }
	if err := json.NewDecoder(bufio.NewReader(w.Body)).Decode(&set); err != nil || len(set.Keys) != 1 || set.Keys[0].Alg != "ES256" {
		t.Errorf("JWKS = %+v, %v", set, err)
	}
	if header := decodePart(t, login.IDToken); !strings.Contains(header, set.Keys[0].Kid) {
		t.Errorf("the id token's header is %s, the published key %s", header, set.Keys[0].Kid)
	}
}
