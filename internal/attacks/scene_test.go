package attacks

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// public makes the server one that browsers reach under https.
func public(c *config.Config) { c.BaseURLs = []string{"https://signin.example.com"} }

// keepLog makes the test kit keep the log, which it does for any level but info.
func keepLog(c *config.Config) { c.Log.Level = "debug" }

// unlimited takes the limits away where a test sends much from one address.
func unlimited(c *config.Config) { c.Limits.Client, c.Limits.Address = config.Rate{}, config.Rate{} }

// get visits a path of the server like a browser that was never here.
func get(s *testkit.Server, target string) *httptest.ResponseRecorder {
	return s.Do(httptest.NewRequest(http.MethodGet, s.Base+target, nil))
}

// tokenRequest is a token request with that body and, unless it is empty, that proof.
func tokenRequest(s *testkit.Server, contentType, body, proof string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, s.Base+wire.TokenPath, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return r
}

// text is body in JSON.
func text(t testing.TB, body map[string]string) string {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// without returns a copy of body without a member, with returns one with it changed.
func without(body map[string]string, name string) map[string]string {
	return edit(body, func(m map[string]string) { delete(m, name) })
}

func with(body map[string]string, name, value string) map[string]string {
	return edit(body, func(m map[string]string) { m[name] = value })
}

func edit(body map[string]string, change func(map[string]string)) map[string]string {
	m := make(map[string]string, len(body))
	for name, value := range body {
		m[name] = value
	}
	change(m)
	return m
}

// mustRedeem fails the test unless code is still good for its client: what was refused before changed nothing.
func mustRedeem(t *testing.T, c *testkit.Client, code string) testkit.Answer {
	t.Helper()
	a := c.Redeem(t, code)
	if a.Status != http.StatusOK {
		t.Fatalf("after what was refused, the rightful client's redemption = %d %s, want 200", a.Status, a.Body)
	}
	return a
}

// mustRefresh fails the test unless the token is still good for its client.
func mustRefresh(t *testing.T, c *testkit.Client, token string) testkit.Answer {
	t.Helper()
	a := c.Refresh(t, token)
	if a.Status != http.StatusOK {
		t.Fatalf("after what was refused, the rightful client's refresh = %d %s, want 200", a.Status, a.Body)
	}
	return a
}

// location returns where w sends the browser, or nil when it shows a page.
func location(t testing.TB, w *httptest.ResponseRecorder) *url.URL {
	t.Helper()
	to := w.Header().Get("Location")
	if to == "" {
		return nil
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatalf("Location is %q: %v", to, err)
	}
	return u
}

// authorizePath is GET /v1/authorize for c, with changed parameters: a name and a value each, an empty value takes the
// parameter away.
func authorizePath(c *testkit.Client, changes ...string) string {
	q := c.AuthorizeQuery()
	for i := 0; i+1 < len(changes); i += 2 {
		if q.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return "/v1/authorize?" + q.Encode()
}

// signIn makes a browser of the test's person, who is signed in.
func signIn(t testing.TB, s *testkit.Server) *testkit.Browser {
	t.Helper()
	b := s.Browser()
	page := b.Get(authorizePath(s.Client()))
	if w := b.Submit(page, "/sign-in", "username", testkit.Person, "password", testkit.Password); w.Code != http.StatusSeeOther {
		t.Fatalf("POST /sign-in = %d\n%s", w.Code, w.Body)
	}
	return b
}

// status is the HTTP status of kind k.
func status(k signin.Kind) int { return wire.Status(k) }

// readJSON reads the body of w into v.
func readJSON(t testing.TB, w *httptest.ResponseRecorder, v any) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, w.Body)
	}
}

// claimsOf returns the claims of a JWT, unverified.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a JWT of %d parts", len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// hexByte is c in two hexadecimal digits.
func hexByte(c byte) string { return hex.EncodeToString([]byte{c}) }

// serverConfig is what options of the test kit change.
type serverConfig = config.Config

// encode is a form: a name and a value for each field.
func encode(fields ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	return v.Encode()
}
