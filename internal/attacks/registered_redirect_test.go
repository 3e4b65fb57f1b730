package attacks

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Class: redirect confusion of registered clients, CWE-601. The same URIs that lead the clients of everybody astray, Mallory
// registers, hoping that the list of the operator is read in another way than by browsers; and she gives Alice links of honest
// clients that registered themselves, with a redirect URI that is nearly theirs.
//
// Here the list is read as browsers read, at registration and again at every use, and at authorization a URI is one that was
// registered, byte for byte; only the port of a loopback address may be another (RFC 8252 section 7.3).
func TestRegisteredRedirectsAreNotTalkedAround(t *testing.T) {
	s := testkit.Start(t, public, unlimited, func(c *serverConfig) { c.Registration.Address.PerSecond = 0 })
	for name, uri := range strangers {
		body := text(t, map[string]string{"x": uri})
		quoted := strings.TrimSuffix(strings.TrimPrefix(body, `{"x":`), "}")
		for _, list := range []string{"[" + quoted + "]", `["http://127.0.0.1/cb",` + quoted + "]"} {
			w := enrol(s, `{"redirect_uris":`+list+`}`)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"invalid_`) || strings.Contains(w.Body.String(), "evil") {
				t.Errorf("%s: registration with %q = %d %s, want 400", name, uri, w.Code, w.Body)
			}
		}
	}
	const page = "https://claude.ai/api/mcp/auth_callback"
	honest := s.Dynamic(t, func(m *clients.Metadata) { m.RedirectURIs = []string{page, testkit.DynamicRedirect} })
	nearly := map[string]string{
		"a slash at the end": page + "/", "a query": page + "?x=1", "a path below": page + "/x", "a fragment": page + "#x", "another case": strings.ToUpper(page),
		"dot segments": "https://claude.ai/x/../api/mcp/auth_callback", "an encoded dot segment": page + "/%2e%2e/auth_callback",
		"an encoded letter": strings.Replace(page, "auth", "%61uth", 1), "a doubled slash": strings.Replace(page, ".ai/", ".ai//", 1),
		"the scheme's port": strings.Replace(page, ".ai", ".ai:443", 1), "no TLS": strings.Replace(page, "https", "http", 1),
		"a matrix parameter": page + ";x", "a name below": strings.Replace(page, "claude", "x.claude", 1), "a dot at the end of the name": strings.Replace(page, ".ai", ".ai.", 1),
		"a user": strings.Replace(page, "//", "//evil.example@", 1), "the first of two": page + " " + testkit.DynamicRedirect,
		"another path on loopback": "http://127.0.0.1:41753/other", "loopback by name": strings.Replace(testkit.DynamicRedirect, "127.0.0.1", "localhost", 1),
		"loopback of the other family": strings.Replace(testkit.DynamicRedirect, "127.0.0.1", "[::1]", 1), "another loopback": strings.Replace(testkit.DynamicRedirect, "0.0.1", "0.0.2", 1),
		"loopback with a query": testkit.DynamicRedirect + "?x", "loopback over TLS": strings.Replace(testkit.DynamicRedirect, "http", "https", 1),
	}
	for name, uri := range strangers {
		nearly["like loopback, "+name] = uri
	}
	authorize := func(uri ...string) string {
		q := honest.AuthorizeQuery()
		q["redirect_uri"] = uri
		return "/v1/authorize?" + q.Encode()
	}
	for name, uri := range nearly {
		if w := get(s, authorize(uri)); w.Code != http.StatusBadRequest || location(t, w) != nil || w.Header().Get("Refresh") != "" {
			t.Errorf("%s: redirect_uri %q = %d to %v, want a page of 400", name, uri, w.Code, location(t, w))
		}
	}
	if w := get(s, authorize(page, "http://evil.example/")); location(t, w) != nil && strings.Contains(location(t, w).Host, "evil") {
		t.Errorf("two redirect URIs lead to %v", location(t, w))
	}
	for _, uri := range []string{page, testkit.DynamicRedirect, strings.Replace(testkit.DynamicRedirect, "41753", "1024", 1)} {
		to := location(t, get(s, authorize(uri)))
		if to == nil || !strings.HasPrefix(to.String(), uri+"?") || !to.Query().Has("code") {
			t.Errorf("the registered redirect URI %s leads to %v", uri, to)
		}
	}
	// The code goes with the URI that it was sent to.
	code := location(t, get(s, authorize(page))).Query().Get("code")
	for _, uri := range []string{testkit.DynamicRedirect, page + "/", strings.ToUpper(page), ""} {
		form := honest.CodeForm(code)
		form.Set("redirect_uri", uri)
		if g := honest.Post(t, form, ""); g.Status != http.StatusBadRequest || g.AccessToken != "" {
			t.Errorf("the code of %s, redeemed with %q = %d %s", page, uri, g.Status, g.Body)
		}
	}
	form := url.Values(honest.CodeForm(code))
	form.Set("redirect_uri", page)
	honest.Post(t, form, "").WantOK(t)
}
