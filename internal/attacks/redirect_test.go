package attacks

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// strangers are redirect URIs that some parser takes for one of ours, and a browser takes elsewhere or to a place that
// nobody registered.
var strangers = map[string]string{
	"a stranger":                       "http://evil.example/oauth/callback",
	"a user name":                      "http://127.0.0.1:35587@evil.example/oauth/callback",
	"a user name, IPv6":                "http://[::1]:35587@evil.example/",
	"an encoded at sign":               "http://127.0.0.1%40evil.example/",
	"a backslash":                      `http://127.0.0.1\@evil.example/`,
	"a backslash for the slashes":      `http:\\evil.example\127.0.0.1/`,
	"an encoded backslash in the host": "http://127.0.0.1%5c.evil.example/",
	"a fragment":                       "http://127.0.0.1:35587/#@evil.example/",
	"a fragment as host":               "http://evil.example#127.0.0.1",
	"a query as host":                  "http://evil.example?127.0.0.1",
	"an encoded slash in the host":     "http://127.0.0.1%2fevil.example/",
	"letters that fold":                "http://localho%C5%BFt/",
	"an international name":            "http://xn--localhst-9d7b.example/",
	"a letter beyond ASCII":            "http://lоcalhost/", // a Cyrillic o
	"a full stop beyond ASCII":         "http://127。0。0。1/",
	"a zone":                           "http://[::1%25eth0]/",
	"a zone, not encoded":              "http://[::1%eth0]/",
	"an address inside an address":     "http://[::ffff:127.0.0.1]/",
	"a tab":                            "http://127.0.0.1\t.evil.example/",
	"a tab in the scheme":              "ht\ttp://evil.example/",
	"a line end":                       "http://127.0.0.1\n.evil.example/",
	"a line end at the end":            "http://127.0.0.1:35587/\r\nLocation: http://evil.example/",
	"a space in front":                 " http://evil.example/",
	"a zero byte":                      "http://127.0.0.1\x00.evil.example/",
	"no scheme":                        "//evil.example/",
	"a path":                           "/oauth/callback",
	"one slash":                        "http:/evil.example/",
	"three slashes":                    "http:///evil.example/",
	"another scheme":                   "javascript://127.0.0.1/%0aalert(1)",
	"data":                             "data:text/html,x",
	"loopback over TLS":                "https://127.0.0.1:35587/oauth/callback",
	"a name below":                     "http://127.0.0.1.evil.example/",
	"a decimal number":                 "http://2130706433/",
	"a short number":                   "http://127.1/",
	"a dot at the end":                 "http://localhost./",
	"a port that is not one":           "http://127.0.0.1:35587.evil.example/",
	"port 0":                           "http://127.0.0.1:0/",
	"a port with a sign":               "http://127.0.0.1:+80/",
	"a port beyond all ports":          "http://127.0.0.1:65616/",
	"two ports":                        "http://127.0.0.1:1:2/",
	"nothing":                          "",
}

// Class: redirect confusion, CWE-601. Mallory gives Alice a link whose redirect URI passes the server's check and leads her
// browser, with the code, to Mallory: the two parse it differently. Keycloak took http://127.0.0.1@evil for loopback
// (CVE-2024-8883) and dot segments for what they are not (CVE-2024-1132), Fosite compared without case (CVE-2020-15234),
// authentik read the registered URI as a regular expression (CVE-2024-52289).
//
// Here such a URI is answered with a page, which leads nowhere, and every redirect goes to the bytes that were checked.
func TestRedirectConfusionEndsOnAPage(t *testing.T) {
	s := testkit.Start(t, public)
	same, remote, app := s.Client(), s.Client(), s.Confidential(t, "app")
	remote.ID, remote.Redirect = signin.CrossDevice, s.Base+signin.ConfirmationPath
	for _, c := range []*testkit.Client{same, remote, app.Client} {
		cases := map[string]string{}
		for name, uri := range strangers {
			cases[name] = uri
		}
		if c != same { // which may be sent to any path and port of loopback
			for name, uri := range map[string]string{
				"a slash at the end": c.Redirect + "/", "a query": c.Redirect + "?x=1", "a path below": c.Redirect + "/x",
				"another case":        strings.ToUpper(c.Redirect[:12]) + c.Redirect[12:],
				"dot segments":        strings.Replace(c.Redirect, "/v1", "/x/../v1", 1) + "/../callback",
				"encoded dot segment": c.Redirect + "/%2e%2e/callback", "encoded letter": strings.Replace(c.Redirect, "c", "%63", 1),
				"a doubled slash": strings.Replace(c.Redirect, ".com/", ".com//", 1), "the scheme's port": strings.Replace(c.Redirect, ".com", ".com:443", 1),
				"another port": strings.Replace(c.Redirect, ".com", ".com:444", 1), "no TLS": strings.Replace(c.Redirect, "https", "http", 1),
				"a matrix parameter": c.Redirect + ";x", "a registered one as prefix": c.Redirect + ".evil.example",
				"a name above": strings.Replace(c.Redirect, ".example", "fooexample", 1), "loopback": same.Redirect,
			} {
				cases[name] = uri
			}
		} else {
			for _, name := range []string{"http", "https"} { // what is shown for copying is for the other client
				cases["the page of another client, "+name] = name + "://signin.example.com" + signin.ConfirmationPath
			}
		}
		for name, uri := range cases {
			w := get(s, authorizePath(c, "redirect_uri", uri))
			if w.Code != http.StatusBadRequest || location(t, w) != nil || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("%s, %s: redirect_uri %q = %d to %v, want a page of 400", c.ID, name, uri, w.Code, location(t, w))
			}
			if strings.Contains(w.Body.String(), "evil.example") {
				t.Errorf("%s, %s: the page repeats the redirect URI", c.ID, name)
			}
		}
		if to := location(t, get(s, authorizePath(c))); to == nil || !strings.HasPrefix(to.String(), c.Redirect) || !to.Query().Has("code") {
			t.Errorf("%s: its own redirect URI leads to %v", c.ID, to)
		}
	}
	// What is checked at authorize is compared byte for byte when the code is redeemed.
	code := same.Authorize(t)
	for _, uri := range []string{same.Redirect + "/", strings.Replace(same.Redirect, "127.0.0.1", "localhost", 1), same.Redirect + "?", same.Redirect + "#"} {
		same.Post(t, with(same.CodeBody(code), "redirectUri", uri), same.Proof()).WantFault(t, signin.CodeMismatch)
	}
	mustRedeem(t, same, code)
}

// Class: open redirect, CWE-601. Mallory makes a link to a server that people trust, which sends them on to her page.
// mod_auth_openidc took "/\t//evil" for a path of its own (CVE-2022-23527).
//
// Here a stranger's request leads only to paths of this server, whatever the parameter is called that others have for it,
// or to a URI that was checked against a client.
func TestOpenRedirectLeadsNowhere(t *testing.T) {
	s := testkit.StartWithPages(t)
	b := signIn(t, s)
	c := s.Client()
	for _, there := range []string{"http://evil.example/", "//evil.example/", `/\evil.example/`, "/\t//evil.example/", "https:evil.example", "\\\\evil.example", "/%2f%2fevil.example"} {
		there = url.QueryEscape(there)
		for _, target := range []string{
			"/?next=" + there, "/?redirect_uri=" + there, "/?return_to=" + there, "/?" + there, "/sign-in?next=" + there,
			"/v1/sessions?redirect_uri=" + there, "/v1/sessions/confirmation?redirect_uri=" + there + "&error=access_denied",
			"/v1/authorize?redirect_uri=" + there, "/v1/authorize?post_logout_redirect_uri=" + there, "//evil.example/%2e%2e",
			"/sign-out?next=" + there, "/assets/" + there, "/" + there,
		} {
			r := httptest.NewRequest(http.MethodGet, s.Base, nil)
			r.URL.RawPath = ""
			u, err := url.Parse(s.Base + target)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = u
			if to := location(t, s.Do(r)); to != nil {
				t.Errorf("GET %s is sent to %s", target, to)
			}
		}
		// Signing in and out lead on, with what the page carries, to this server.
		page := b.Get(authorizePath(c))
		for _, form := range [][]string{{"/sign-out", "next", there, "redirect_uri", there}, {"/sign-out", "page", there}} {
			out := s.Browser()
			w := out.Submit(page, form[0], form[1:]...)
			if to := location(t, w); to == nil || to.Host != "" || !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(to.Path, "//") || strings.Contains(to.String(), "evil") {
				t.Errorf("POST %s with %v is sent to %v, want a path of this server", form[0], form[1:], to)
			}
		}
	}
	// The one thing that a link can do with an error is tell a client that was checked.
	to := location(t, get(s, authorizePath(c, "scope", "http://evil.example")))
	if to == nil || !strings.HasPrefix(to.String(), c.Redirect+"?error=invalid_scope") || strings.Contains(to.String(), "evil") {
		t.Errorf("an error is sent to %v, want to %s and without what was asked", to, c.Redirect)
	}
}
