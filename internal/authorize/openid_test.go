package authorize

import (
	"testing"
	"time"
)

// A client that wants a fresh sign-in gets one, also in a browser where somebody is signed in (OpenID Connect Core section
// 3.1.2.1, prompt and max_age).
func TestClientCanAskForAFreshSignIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.signInAs(t, "alice", begin())
	s.pass(t, time.Minute)
	for query, want := range map[[2]string]string{
		{"prompt", "login"}: "Sign in", {"prompt", "consent login"}: "Sign in", {"max_age", "59"}: "Sign in", {"max_age", "0"}: "Sign in",
		{"prompt", "consent"}: "Allow access?", {"max_age", "61"}: "Allow access?", {"max_age", "2147483647"}: "Allow access?",
	} {
		if page := b.get(begin(query[0], query[1])); page.heading() != want {
			t.Errorf("with %s=%s a browser that signed in a minute ago is shown %q, want %q", query[0], query[1], page.heading(), want)
		}
	}
	for _, query := range [][2]string{{"max_age", "-1"}, {"max_age", "soon"}, {"max_age", "99999999999"}, {"prompt", "create"}, {"prompt", "login none"}} {
		if to := b.get(begin(query[0], query[1])).location(t); to.Query().Get("error") == "" || to.Query().Has("code") {
			t.Errorf("with %s=%s the client is sent to %v, want an error", query[0], query[1], to)
		}
	}
	b.signInAs(t, "alice", begin("prompt", "login")).want(t, 200, "Allow access?")
}
