package attacks

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// everyAnswer is one answer of each kind that the server gives to a browser, by name.
func everyAnswer(t *testing.T, s *testkit.Server) map[string]*httptest.ResponseRecorder {
	t.Helper()
	c, remote := s.Client(), s.Client()
	remote.ID, remote.Redirect = signin.CrossDevice, s.Base+signin.ConfirmationPath
	b := s.Browser()
	answers := map[string]*httptest.ResponseRecorder{"sign-in": b.Get(authorizePath(c)), "home": b.Get("/")}
	answers["wrong password"] = b.Submit(answers["sign-in"], "/sign-in", "username", testkit.Person, "password", "x")
	answers["signed in"] = b.Submit(answers["sign-in"], "/sign-in", "username", testkit.Person, "password", testkit.Password)
	answers["consent"] = b.Get(authorizePath(c))
	answers["wrong role"] = b.Submit(answers["consent"], "/consent", "decision", "allow", "assignment", "x")
	answers["code"] = b.Submit(b.Get(authorizePath(remote)), "/consent", "decision", "allow")
	answers["confirmation"] = b.Get(location(t, answers["code"]).RequestURI())
	answers["denied"] = b.Submit(answers["consent"], "/consent", "decision", "deny")
	answers["error for the client"] = b.Get(authorizePath(c, "scope", "x"))
	answers["error on a page"] = b.Get("/v1/authorize")
	answers["expired"] = b.Submit(answers["error on a page"], "/consent", "page", "x")
	answers["home, signed in"] = b.Get("/")
	answers["signed out"] = b.Submit(answers["home"], "/sign-out")
	return answers
}

// Class: clickjacking, CWE-1021. Mallory's page has the consent page in a frame that nobody sees, under a button of hers.
// Keycloak's console could be framed (CVE-2020-1728).
//
// Here no page can be framed, in two ways of saying it. A browser tries it in test/browser.
func TestPagesCannotBeFramed(t *testing.T) {
	s := testkit.StartWithPages(t)
	pages := 0
	for name, w := range everyAnswer(t, s) {
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		pages++
		h := w.Header()
		if !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Frame-Options") != "DENY" ||
			h.Get("Cross-Origin-Opener-Policy") != "same-origin" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s can be framed or opened: %v", name, h)
		}
	}
	if pages < 8 {
		t.Errorf("only %d pages were looked at", pages)
	}
}

// Class: cross-site request forgery, CWE-352. Mallory's page sends Alice's browser here with a form of hers: to allow a
// client, to sign in as Mallory, to sign out. Casdoor changed a password on such a form (CVE-2023-34927).
//
// Here a form of another site is refused by what the browser says of it, the page in it is sealed, and the one for consent
// names the sign-in that saw it.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	s := testkit.StartWithPages(t)
	c := s.Client()
	alice, mallory := signIn(t, s), signIn(t, s) // Mallory's own sign-in; the test has one person
	consent, login := alice.Get(authorizePath(c)), s.Browser().Get(authorizePath(c))
	hers := mallory.Get(authorizePath(s.Client()))
	for _, origin := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, {"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.example.com"}},
		{"Origin": {"https://evil.example"}}, {"Origin": {"null"}}, {"Origin": {s.Base + ".evil.example"}}, {"Origin": {strings.Replace(s.Base, "8080", "8081", 1)}},
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"Same-Origin"}, "Origin": {"https://evil.example"}},
	} {
		for path, fields := range map[string][]string{
			"/consent":  {"page", pageField(t, consent), "decision", "allow", "browser", browserField(t, consent)},
			"/sign-in":  {"page", pageField(t, login), "username", testkit.Person, "password", testkit.Password},
			"/sign-out": {},
		} {
			r := form(s, path, fields...)
			r.Header.Del("Sec-Fetch-Site")
			for name, values := range origin {
				r.Header[name] = values
			}
			for name, value := range alice.Cookies() {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			w := s.Do(r)
			if w.Code != status(signin.OriginForeign) || len(w.Header()["Set-Cookie"]) > 0 || w.Header().Get("Location") != "" {
				t.Errorf("POST %s with %v = %d %v, want %d", path, origin, w.Code, w.Header(), status(signin.OriginForeign))
			}
		}
	}
	// A form is a POST with a body, so that no picture or link of another site sends one.
	for _, path := range []string{"/consent", "/sign-in", "/sign-out"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
			r := form(s, path, "page", pageField(t, consent), "decision", "allow")
			if r.Method = method; s.Do(r).Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s is not refused", method, path)
			}
		}
	}
	// What the page of one sign-in says does not count for another: Alice sees it first.
	r := form(s, "/consent", "page", pageField(t, hers), "browser", browserField(t, hers), "decision", "allow")
	for name, value := range alice.Cookies() {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if w := s.Do(r); location(t, w) == nil || location(t, w).Query().Has("code") || location(t, w).Path != "/v1/authorize" {
		t.Errorf("a page of another sign-in = %d to %v, want the page again", w.Code, location(t, w))
	}
	if w := alice.Submit(consent, "/consent", "decision", "allow"); location(t, w) == nil || !location(t, w).Query().Has("code") {
		t.Errorf("Alice's own form = %d to %v, want a code", w.Code, location(t, w))
	}
}

// browserField returns the hidden field that names the sign-in.
func browserField(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	_, after, ok := strings.Cut(w.Body.String(), `name="browser" value="`)
	value, _, ok2 := strings.Cut(after, `"`)
	if !ok || !ok2 {
		t.Fatalf("the page does not name its sign-in:\n%s", w.Body)
	}
	return value
}

// Class: session fixation, CWE-384. Mallory plants a cookie in Alice's browser; Alice signs in, and the cookie that Mallory
// knows is now Alice's session. Jenkins' plugin for Keycloak kept the session of before (CVE-2023-24456), NGINX's OpenID
// Connect did not tie the answer to the browser that had asked (CVE-2024-10318).
//
// Here a sign-in makes a session of its own whatever cookies came, and what came before it is worth what it was.
func TestPlantedCookiesAreWorthNothing(t *testing.T) {
	s := testkit.StartWithPages(t)
	c := s.Client()
	mallorys := s.Browser().Get(authorizePath(c)) // a page that she had made, whose hidden field Alice will send
	known := signIn(t, s).Cookies()
	for name, planted := range map[string]map[string]string{
		"nonsense": {"latchkey": "x", "latchkey-device": "y"}, "another's": known, "a page": {"latchkey": pageField(t, mallorys)},
	} {
		r := form(s, "/sign-in", "page", pageField(t, mallorys), "username", testkit.Person, "password", testkit.Password)
		for cookie, value := range planted {
			r.AddCookie(&http.Cookie{Name: cookie, Value: value})
		}
		w := s.Do(r)
		fresh := ""
		for _, cookie := range w.Result().Cookies() {
			if cookie.Name == "latchkey" {
				fresh = cookie.Value
			}
		}
		if w.Code != http.StatusSeeOther || fresh == "" || fresh == planted["latchkey"] {
			t.Errorf("%s: sign-in = %d and the cookie %q, want a fresh one", name, w.Code, fresh)
		}
	}
	// A second cookie of the name, from a neighbouring host, is not looked for. Under https, nobody else can set it.
	r := httptest.NewRequest(http.MethodGet, s.Base+"/", nil)
	r.Header.Set("Cookie", "latchkey=x; latchkey="+known["latchkey"])
	if w := s.Do(r); strings.Contains(w.Body.String(), testkit.Person) {
		t.Error("of two cookies of one name, the second counts")
	}
	// Signing out ends the session for whoever has a copy of its cookie.
	out := signIn(t, s)
	copied := out.Cookies()["latchkey"]
	out.Submit(out.Get("/"), "/sign-out")
	r = httptest.NewRequest(http.MethodGet, s.Base+"/", nil)
	r.AddCookie(&http.Cookie{Name: "latchkey", Value: copied})
	if w := s.Do(r); strings.Contains(w.Body.String(), testkit.Person) {
		t.Error("a copy of the cookie is good after signing out")
	}
}

// Class: cookie scope, CWE-1275 and CWE-614. Mallory has a neighbouring host, a script on a page, or a network without TLS,
// and reads or sets the cookie of the session.
//
// Here cookies are for this host alone, out of reach of scripts, sent with links and never with forms of other sites, and
// under https only over TLS; their names say so, which browsers hold others to.
func TestCookiesAreForThisHostAlone(t *testing.T) {
	for _, secure := range []bool{true, false} {
		s := testkit.StartWithPages(t, func(c *serverConfig) {
			if secure {
				public(c)
			}
		})
		seen := map[string]bool{}
		for name, w := range everyAnswer(t, s) {
			for _, cookie := range w.Result().Cookies() {
				seen[cookie.Name] = true
				if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Domain != "" || cookie.Path != "/" || cookie.Secure != secure ||
					strings.HasPrefix(cookie.Name, "__Host-") != secure {
					t.Errorf("%s sets %s", name, cookie.Raw)
				}
			}
		}
		if len(seen) != 3 {
			t.Errorf("secure %v: the cookies are %v, want 3", secure, seen)
		}
	}
}

// Class: secrets in caches, CWE-525. Mallory uses the computer after Alice, or shares a proxy with her, and finds what was
// kept: a page, a redirect with a code, credentials.
//
// Here no answer is kept but the files of the pages, which are the same for everybody.
func TestNothingSecretIsKept(t *testing.T) {
	s := testkit.StartWithPages(t)
	c, app := s.Client(), s.Confidential(t, "app")
	answers := everyAnswer(t, s)
	code := s.Browser().Approve(t, c)
	login := c.Redeem(t, code)
	for name, r := range map[string]*http.Request{
		"refresh":         tokenRequest(s, jsonType, text(t, c.RefreshBody(login.RefreshToken)), c.Proof()),
		"replay":          tokenRequest(s, jsonType, text(t, c.CodeBody(code)), c.Proof()),
		"a broken body":   tokenRequest(s, jsonType, "{", c.Proof()),
		"a signed caller": app.SignedRequest(t, app.RefreshBody(login.RefreshToken)),
		"no path":         httptest.NewRequest(http.MethodGet, s.Base+"/nothing", nil),
		"no method":       httptest.NewRequest(http.MethodDelete, s.Base+"/v1/token", nil),
		"health":          httptest.NewRequest(http.MethodGet, s.Base+"/healthz", nil),
	} {
		answers[name] = s.Do(r)
	}
	answers["who I am"] = signedBy(s, testkit.Credentials{AccessKeyID: login.AccessToken.AccessKeyID, SecretAccessKey: login.AccessToken.SecretAccessKey, SessionToken: login.AccessToken.SessionToken})
	answers["who nobody is"] = signedBy(s, testkit.Credentials{AccessKeyID: "ASIAX", SecretAccessKey: "x"})
	for name, w := range answers {
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s (%d) has Cache-Control %q, want no-store", name, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	if login.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a login has Cache-Control %q, want no-store", login.Header.Get("Cache-Control"))
	}
	// Nor may other sites' scripts read what is answered.
	for name, w := range answers {
		if w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s may be read by scripts of other sites: %v", name, w.Header())
		}
	}
}
