package browser

import (
	"net/url"
	"strings"
	"testing"
)

// TestRequestThatMayNotBeAnsweredIsToldOnAPage: where the client or the redirect URI is not known to be good, no browser
// goes anywhere, or the server would lend its name to whoever makes a link.
func TestRequestThatMayNotBeAnsweredIsToldOnAPage(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	for name, change := range map[string]func(url.Values){
		"no client":                    func(q url.Values) { q.Del("client_id") },
		"unknown client":               func(q url.Values) { q.Set("client_id", "arn:aws:signin:::devtools/other-device") },
		"no redirect URI":              func(q url.Values) { q.Del("redirect_uri") },
		"redirect URI of a stranger":   func(q url.Values) { q.Set("redirect_uri", "http://"+foreignName+"/oauth/callback") },
		"redirect URI that looks good": func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1@"+foreignName+"/oauth/callback") },
		"script as redirect URI":       func(q url.Values) { q.Set("redirect_uri", "javascript:alert(1)") },
		"remote page of other client":  func(q url.Values) { q.Set("redirect_uri", s.base+"/v1/sessions/confirmation") },
		"two redirect URIs":            func(q url.Values) { q.Add("redirect_uri", q.Get("redirect_uri")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := newTab(t, s), newProgram(t, s)
			link := p.changed(t, change)
			b.open(link)
			b.see("This request cannot be used")
			if !b.has("[role=alert]") || b.has("form") {
				t.Errorf("the page has an alert: %v, and a form: %v; want true and false", b.has("[role=alert]"), b.has("form"))
			}
			if b.address() != link {
				t.Errorf("the browser went to %s, want it to stay at %s", b.address(), link)
			}
			p.unanswered(t)
		})
	}
}

// TestOtherMistakesAreToldToTheProgram: its redirect URI is good, so it hears at once what is wrong.
func TestOtherMistakesAreToldToTheProgram(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	for name, c := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"no challenge":       {func(q url.Values) { q.Del("code_challenge") }, "invalid_request"},
		"plain challenge":    {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"token, not code":    {func(q url.Values) { q.Set("response_type", "token") }, "unsupported_response_type"},
		"scope of something": {func(q url.Values) { q.Set("scope", "everything") }, "invalid_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := newTab(t, s), newProgram(t, s)
			b.allow(p.redirect)
			b.open(p.changed(t, c.change))
			answer := p.answer(t)
			if answer.Get("error") != c.want || answer.Get("error_description") == "" || answer.Has("code") {
				t.Errorf("callback with %v, want error=%s, a description and no code", answer, c.want)
			}
		})
	}
}

// TestForeignHostNameIsRefused: a name server of a stranger leads the browser here (DNS rebinding), so that a page of the
// stranger shares an origin with whatever is shown. It must see no form.
func TestForeignHostNameIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	for _, path := range []string{"/v1/authorize", "/v1/authorize/", "//v1/authorize", "/v1/sessions", "/v1/sessions/confirmation"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b, p := newTab(t, s), newProgram(t, s)
			_, query, _ := strings.Cut(p.link(), "?")
			base := strings.Replace(s.base, "127.0.0.1", foreignName, 1)
			b.allow(base)
			b.open(base + path + "?" + query)
			b.says("host name")
			if b.has("form") {
				t.Errorf("GET %s under the name %s shows a form, want none", path, foreignName)
			}
			b.complained("favicon.ico")
			b.complained("Failed to load resource")
		})
	}
}

// TestServerIsTheSameUnderItsOtherName: latchkey dev is also known as localhost, and the AWS Tools for PowerShell open
// only that name.
func TestServerIsTheSameUnderItsOtherName(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	p.base = strings.Replace(s.base, "127.0.0.1", "localhost", 1)
	b.allow(p.base)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#allow")
	p.wantSession(t, p.code(t), "Developer", alice)
}

// changed returns the program's link with another query.
func (p *program) changed(t *testing.T, change func(url.Values)) string {
	t.Helper()
	u, err := url.Parse(p.link())
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	change(query)
	u.RawQuery = query.Encode()
	return u.String()
}
