package authorize

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// everyPage returns each kind of page once, by name.
func everyPage(t *testing.T, s *site) map[string]page {
	t.Helper()
	pages := map[string]page{}
	b := s.browser()
	pages["home"] = b.get("/")
	pages["sign-in"] = b.get(begin())
	pages["wrong password"] = b.post(signInPath, pages["sign-in"].with("username", "alice", "password", "wrong"))
	pages["consent"] = b.signInAs(t, "alice", begin())
	pages["home, signed in"] = b.get("/")
	pages["consent, wrong role"] = b.post(consentPath, pages["consent"].with("decision", "allow", "assignment", "x"))
	pages["consent, remote"] = b.get(remote())
	done := b.post(consentPath, pages["consent, remote"].with("decision", "allow", "assignment", account+"/Developer"))
	pages["confirmation"] = b.get(done.location(t).RequestURI())
	pages["confirmation, error"] = b.get(signin.ConfirmationPath + "?error=access_denied")
	pages["no role"] = s.browser().signInAs(t, "carol", begin())
	pages["one role"] = s.browser().signInAs(t, "bob", begin("client_id", appID, "redirect_uri", appURI))
	pages["error"] = b.get(authorizePath)
	pages["expired"] = b.post(consentPath, url.Values{})
	return pages
}

func TestEveryPageIsKeptToItself(t *testing.T) {
	s := newSite(t, nil)
	targets := map[string]string{
		"home": ownForms, "home, signed in": ownForms, "sign-in": ownForms, "wrong password": ownForms,
		"consent": "'self' http://127.0.0.1:35587", "consent, wrong role": "'self' http://127.0.0.1:35587",
		"consent, remote": "'self' https://signin.example.com", "one role": "'self' https://app.example.org",
		"no role": "'self' http://127.0.0.1:35587",
	}
	for name, p := range everyPage(t, s) {
		forms, referrer, scripts := targets[name], "same-origin", ""
		if forms == "" {
			forms, referrer = noForms, "no-referrer"
		}
		if name == "confirmation" {
			scripts = "script-src 'self'; "
		}
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; " + scripts +
				"form-action " + forms + "; frame-ancestors 'none'; base-uri 'none'",
			"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin", "Referrer-Policy": referrer,
			"Content-Length": fmt.Sprint(len(p.body)),
		} {
			if got := p.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		for _, inline := range []string{"<style", " style=", " onclick=", " onload=", "<script>", "javascript:", "http-equiv"} {
			if strings.Contains(p.body, inline) {
				t.Errorf("%s holds %q, which the policy forbids", name, inline)
			}
		}
	}
}

func TestEveryPageIsReadable(t *testing.T) {
	s := newSite(t, nil)
	input := regexp.MustCompile(`<(?:input|textarea)\b[^>]*>`)
	for name, p := range everyPage(t, s) {
		problem := ""
		if strings.Contains(p.body, `id="problem"`) {
			problem = "Problem: " // what a screen reader says first
		}
		for _, want := range []string{`<html lang="en">`, "<title>" + problem + regexp.MustCompile(`<h1>(.*)</h1>`).FindStringSubmatch(p.body)[1] + " · Latchkey</title>",
			`name="viewport"`, `<code id="request-id">11111111-2222-4333-8444-555555555555</code>`, `<main `} {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s does not hold %s", name, want)
			}
		}
		if n := strings.Count(p.body, "<h1"); n != 1 {
			t.Errorf("%s has %d headings h1, want 1", name, n)
		}
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
			if seen[m[1]] {
				t.Errorf("%s has the id %q twice", name, m[1])
			}
			seen[m[1]] = true
		}
		for _, m := range regexp.MustCompile(` aria-(?:describedby|labelledby)="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
			if !seen[m[1]] {
				t.Errorf("%s refers to the id %q, which it does not have", name, m[1])
			}
		}
		for _, in := range input.FindAllString(p.body, -1) {
			id := regexp.MustCompile(` id="([^"]*)"`).FindStringSubmatch(in)
			switch {
			case strings.Contains(in, `type="hidden"`), strings.Contains(in, `type="radio"`): // which stands inside its label
			case id == nil || !strings.Contains(p.body, `<label for="`+id[1]+`"`):
				t.Errorf("%s: %s has no label", name, in)
			}
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
			if !strings.HasPrefix(m[1], "/") || strings.HasPrefix(m[1], "//") {
				t.Errorf("%s refers to %q, which is not of this server", name, m[1])
			}
			if strings.HasPrefix(m[1], assetPath) {
				if a := s.browser().get(m[1]); a.Code != 200 {
					t.Errorf("%s refers to %q: %d", name, m[1], a.Code)
				}
			}
		}
	}
}

// Whatever a stranger can have shown is text, and stays text.
func TestNothingShownBecomesMarkup(t *testing.T) {
	s := newSite(t, nil)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}'`
	b := s.browser()
	b.header.Set("User-Agent", evil+"Firefox/1 Linux")
	b.host = "signin.example.com"
	shown := map[string]page{
		"user name":     b.post(signInPath, b.get(begin()).with("username", evil, "password", evil)),
		"client":        b.get(begin("client_id", evil)),
		"redirect":      b.get(begin("redirect_uri", evil)),
		"redirect path": b.signInAs(t, "alice", begin("redirect_uri", `http://127.0.0.1:1/"><script>alert(1)</script>'`, "state", evil)),
		"app":           s.browser().signInAs(t, "alice", begin("client_id", appID, "redirect_uri", appURI, "state", evil)),
		"assignment":    b.post(consentPath, b.get(begin("state", evil)).with("decision", "allow", "assignment", evil)),
		"role cookie":   b.withLastRole(evil),
		"confirmation":  b.get(signin.ConfirmationPath + "?" + url.Values{"code": {evil}, "state": {evil}}.Encode()),
		"error":         b.get(signin.ConfirmationPath + "?" + url.Values{"error": {evil}, "error_description": {evil}}.Encode()),
		"home":          b.get("/?" + url.QueryEscape(evil)),
		"form":          b.post(consentPath, url.Values{"page": {evil}}),
	}
	expired := b.get(begin("state", evil)).with("decision", "allow")
	s.pass(t, 2*pageLifetime)
	shown["expired"] = b.post(consentPath, expired)
	for why, p := range shown {
		if p.heading() == "" {
			t.Errorf("%s: no page, but %d to %q", why, p.Code, p.Header().Get("Location"))
		}
		for _, tag := range []string{"<script>", "<img src=x", "<live>", "<b>"} {
			if strings.Contains(p.body, tag) {
				t.Errorf("%s: the page holds %s as markup:\n%s", why, tag, p.body)
			}
		}
		if csp := p.Header().Get("Content-Security-Policy"); strings.ContainsAny(csp, `"<>`) {
			t.Errorf("%s: Content-Security-Policy is %q", why, csp)
		}
	}
	if p := shown["app"]; !strings.Contains(p.body, "The &lt;b&gt;App&lt;/b&gt;") || !strings.Contains(p.body, "Production &lt;live&gt;") {
		t.Errorf("names of client and account are not shown as they are:\n%s", p.body)
	}
	if p := shown["redirect path"]; !strings.Contains(p.body, "Firefox on Linux") {
		t.Errorf("the browser is not named:\n%s", p.body)
	}
}

// withLastRole returns the consent page of a browser whose role cookie somebody changed.
func (b *browser) withLastRole(role string) page {
	b.cookies["__Host-latchkey-role"] = role
	return b.get(begin())
}

// The attack: another site sends the browser here with a form of its own.
func TestFormFromAnotherSiteIsRefused(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	login := b.get(begin()).with("username", "bob", "password", password)
	consent := b.signInAs(t, "bob", begin()).with("decision", "allow")
	for _, tt := range []struct {
		why    string
		header http.Header
		passes bool
	}{
		{"another site", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"a neighbouring host", http.Header{"Sec-Fetch-Site": {"same-site"}}, false},
		{"another site that says our origin", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, false},
		{"older browser, another site", http.Header{"Origin": {"https://evil.example"}}, false},
		{"older browser, sandboxed frame", http.Header{"Origin": {"null"}}, false},
		{"our page", http.Header{"Sec-Fetch-Site": {"same-origin"}}, true},
		{"our page under no-referrer", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"null"}}, true},
		{"older browser, our page", http.Header{"Origin": {base}}, true},
		{"a program", http.Header{}, true},
	} {
		b.header = tt.header
		for path, form := range map[string]url.Values{signInPath: login, consentPath: consent, signOutPath: {"page": {"x"}}} {
			if path == signOutPath && tt.passes {
				continue // which would end what the next ones need
			}
			p := b.post(path, form)
			if refused := p.Code == 403 && p.heading() == "Refused for your safety"; refused == tt.passes {
				t.Errorf("%s to %s: %d %q, want refused %v", tt.why, path, p.Code, p.heading(), !tt.passes)
			}
			if !tt.passes && (len(p.Header()["Set-Cookie"]) > 0 || s.last.Record.Outcome != "OriginForeign") {
				t.Errorf("%s to %s: cookies %v, outcome %s", tt.why, path, p.Header()["Set-Cookie"], s.last.Record.Outcome)
			}
		}
	}
}

func TestFormsHaveOneShape(t *testing.T) {
	s := newSite(t, nil)
	for _, tt := range []struct {
		why, contentType, body string
		status                 int
	}{
		{"JSON", "application/json", "{}", 415},
		{"no type", "", "page=x", 415},
		{"several parts", "multipart/form-data; boundary=x", "--x--", 415},
		{"too large", "application/x-www-form-urlencoded", "page=" + strings.Repeat("x", maxForm), 413},
		{"bad escape", "application/x-www-form-urlencoded", "page=%zz", 400},
		{"a field twice", "application/x-www-form-urlencoded", "page=a&page=b", 400},
		{"nothing", "application/x-www-form-urlencoded", "", 400},
		{"with charset", "application/x-www-form-urlencoded; charset=utf-8", "page=x", 400},
	} {
		for _, path := range []string{signInPath, consentPath} {
			r := httptest.NewRequest("POST", path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.contentType)
			w := httptest.NewRecorder()
			s.mux.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("%s to %s: %d %s, want a page of %d", tt.why, path, w.Code, w.Header().Get("Content-Type"), tt.status)
			}
		}
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	s := newSite(t, nil)
	for path, a := range s.assets.byPath {
		p := s.browser().get(path)
		if p.Code != 200 || p.body != string(a.body) || p.Header().Get("Content-Type") != a.contentType ||
			p.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || p.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("asset %s: %d %v", path, p.Code, p.Header())
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	s := newSite(t, nil)
	for _, target := range []string{"/", begin(), s.assets.style, authorizePath} {
		get, head := s.browser().get(target), s.browser().do("HEAD", target, nil)
		if head.Code != get.Code || head.body != "" || head.Header().Get("Content-Type") != get.Header().Get("Content-Type") {
			t.Errorf("HEAD %s: %d, %d bytes; want %d and none", target, head.Code, len(head.body), get.Code)
		}
	}
}

// Logs and metrics take the operation from a closed list, and every answer says how it came out.
func TestEveryAnswerIsRecorded(t *testing.T) {
	s := newSite(t, nil)
	var calls []*wire.Call
	watch := func(p page) page { calls = append(calls, s.last); return p }
	b := s.browser()
	watch(b.get("/"))
	watch(b.get(authorizePath))
	watch(b.get(begin("scope", "x")))
	p := watch(b.get(begin()))
	watch(b.post(signInPath, p.with("username", "bob", "password", "x")))
	watch(b.post(signInPath, p.with("username", "bob", "password", password)))
	p = watch(b.get(begin()))
	watch(b.post(consentPath, p.with("decision", "allow")))
	watch(b.post(consentPath, p.with("decision", "deny")))
	watch(b.post(signOutPath, url.Values{}))
	watch(b.post(consentPath, p.with("decision", "allow")))
	watch(b.get(signin.ConfirmationPath))
	watch(b.get(s.assets.style))
	outcomes := map[string]bool{"ok": true}
	for _, k := range signin.Kinds() {
		outcomes[k.String()] = true
	}
	operations := map[string]bool{"AuthorizeOAuth2Access": true, "SignIn": true, "SignOut": true, "Confirmation": true, "Home": true, "Asset": true}
	for _, c := range calls {
		if !operations[c.Record.Operation] || !outcomes[c.Record.Outcome] {
			t.Errorf("%s %s: record %+v, want an operation and an outcome of the lists", c.Method, c.URL.Path, c.Record)
		}
	}
}

func TestAutoApproveGivesACodeAtOnce(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.Development, d.AutoApprove = true, "alice" })
	for target, role := range map[string]string{begin(): account + "/Auditor", remote(): account + "/Developer"} {
		p := s.browser().get(target)
		auth := s.opened(t, p)
		if auth.Principal.Person != "alice" || auth.Principal.Account+"/"+auth.Principal.Role != role || !auth.AuthTime.Equal(s.now) ||
			p.location(t).Query().Get("state") != state || len(p.Header()["Set-Cookie"]) != 0 {
			t.Errorf("%s: code for %+v, headers %v; want alice as %s, the state and no cookie", target, auth, p.Header(), role)
		}
	}
	// Nothing else is laxer.
	if p := s.browser().get(begin("redirect_uri", "https://evil.example/")); p.Code != 400 || p.Header().Get("Location") != "" {
		t.Errorf("foreign redirect URI: %d to %q, want a page of 400", p.Code, p.Header().Get("Location"))
	}
	if q := s.browser().get(begin("scope", "x")).location(t).Query(); q.Get("error") != "invalid_scope" || q.Has("code") {
		t.Errorf("wrong scope: %v, want invalid_scope", q)
	}
	must(t, s.store.DisablePerson(t.Context(), s.people["alice"].ID, s.now, s.now))
	if q := s.browser().get(begin()).location(t).Query(); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("disabled person: %v, want access_denied", q)
	}
}

func TestAutoApproveIsForDevelopmentOnly(t *testing.T) {
	s := newSite(t, nil)
	d := s.Deps
	d.AutoApprove = "alice"
	if _, err := New(d); err == nil {
		t.Error("New let AutoApprove through without Development")
	}
}

func TestDevelopmentIsSaidOnEveryPage(t *testing.T) {
	s := newSite(t, func(d *Deps) { d.Development = true })
	for name, p := range everyPage(t, s) {
		if !strings.Contains(p.body, `id="development"`) {
			t.Errorf("%s does not say that the server is for development", name)
		}
	}
	for name, p := range everyPage(t, newSite(t, nil)) {
		if strings.Contains(p.body, `id="development"`) {
			t.Errorf("%s says that the server is for development", name)
		}
	}
}

// A detail of the server must not reach the page.
func TestInternalErrorShowsNoDetail(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.get(begin())
	must(t, s.store.Close())
	p = b.post(signInPath, p.with("username", "bob", "password", password)).want(t, 500, "Something went wrong")
	if strings.Contains(p.body, "sql") || strings.Contains(p.body, "closed") || s.last.Record.Err == nil || s.last.Record.Outcome != "Internal" {
		t.Errorf("record %+v, page:\n%s", s.last.Record, p.body)
	}
	if !strings.Contains(p.body, `id="again"`) {
		t.Error("the page has no link to start again")
	}
}
