package authorize

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/signin"
)

func TestEveryWrongParameterIsToldToTheClient(t *testing.T) {
	s := newSite(t, nil)
	long := strings.Repeat("x", 129)
	for _, tt := range []struct {
		why, name, value, code, says string
	}{
		{"no response_type", "response_type", "-", "invalid_request", "response_type is missing"},
		{"empty response_type", "response_type", "", "invalid_request", "response_type is missing"},
		{"another response_type", "response_type", "token", "unsupported_response_type", "must be code"},
		{"two response types", "response_type", "code id_token", "unsupported_response_type", "must be code"},
		{"no challenge", "code_challenge", "-", "invalid_request", "code_challenge is missing"},
		{"short challenge", "code_challenge", challenge[:42], "invalid_request", "code_challenge must be"},
		{"padded challenge", "code_challenge", challenge + "=", "invalid_request", "code_challenge must be"},
		{"challenge of standard base64", "code_challenge", "+" + challenge[1:], "invalid_request", "code_challenge must be"},
		{"no method", "code_challenge_method", "-", "invalid_request", "code_challenge_method is missing"},
		{"plain", "code_challenge_method", "plain", "invalid_request", "must be SHA-256 or S256"},
		{"method in lower case", "code_challenge_method", "s256", "invalid_request", "must be SHA-256 or S256"},
		{"another scope", "scope", "email", "invalid_scope", "scope must be openid"},
		{"one scope more", "scope", "openid email", "invalid_scope", "scope must be openid"},
		{"a resource", "resource", "https://api.example.com/", "invalid_target", "resource must be left out"},
		{"long state", "state", long, "invalid_request", "state must be"},
		{"state with a line end", "state", "a\r\nb", "invalid_request", "state must be"},
		{"state outside ASCII", "state", "zürich", "invalid_request", "state must be"},
	} {
		p := s.browser().get(begin(tt.name, tt.value))
		if p.Code != 302 || !strings.HasPrefix(p.Header().Get("Location"), callback+"?error=") {
			t.Errorf("%s: %d %q, want a redirect to the client", tt.why, p.Code, p.Header().Get("Location"))
			continue
		}
		q := p.location(t).Query()
		wantState := state
		if tt.name == "state" { // which cannot be given back
			wantState = ""
		}
		if q.Get("error") != tt.code || !strings.Contains(q.Get("error_description"), tt.says) || q.Get("state") != wantState || q.Has("iss") || q.Has("code") {
			t.Errorf("%s: %v, want error=%s, a description with %q, state=%s and no more", tt.why, q, tt.code, tt.says, wantState)
		}
		for _, c := range q.Get("error_description") { // RFC 6749 section 4.1.2.1
			if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
				t.Errorf("%s: description %q holds %q", tt.why, q.Get("error_description"), c)
			}
		}
		if s.last.Record.Outcome == "ok" || s.last.Record.Outcome == "" || s.last.Record.Client != signin.SameDevice {
			t.Errorf("%s: record %+v, want the kind of the fault and the client", tt.why, s.last.Record)
		}
	}
}

func TestGoodRequestsAreTaken(t *testing.T) {
	s := newSite(t, nil)
	for why, target := range map[string]string{
		"as the CLI sends it":      begin(),
		"S256":                     begin("code_challenge_method", "S256"),
		"no scope":                 begin("scope", "-"),
		"no state":                 begin("state", "-"),
		"empty state":              begin("state", ""),
		"state with blanks":        begin("state", "a b+c&d=%20"),
		"longest state":            begin("state", strings.Repeat("~", 128)),
		"unknown parameters":       begin("ui_locales", "de", "login_hint", "x"),
		"prompts":                  begin("prompt", "consent select_account", "max_age", "0"),
		"trailing slash":           begin("redirect_uri", callback+"/"),
		"no path":                  begin("redirect_uri", "http://127.0.0.1:1"),
		"localhost":                begin("redirect_uri", "http://localhost:4711/cb"),
		"IPv6":                     begin("redirect_uri", "http://[::1]:4711/cb"),
		"cross-device":             remote(),
		"cross-device, other base": remote("redirect_uri", "http://127.0.0.1:8080"+signin.ConfirmationPath),
		"confidential client":      begin("client_id", appID, "redirect_uri", appURI),
		"other path":               strings.Replace(begin(), authorizePath, sessionsPath, 1),
	} {
		p := s.browser().get(target)
		if p.Code != 200 || p.heading() != "Sign in" {
			t.Errorf("%s: %d %q, Location %q; want the sign-in page", why, p.Code, p.heading(), p.Header().Get("Location"))
		}
	}
}

// The state that the client gets back is the one that it sent, whatever characters are in it.
func TestErrorKeepsStateAndQueryOfTheClient(t *testing.T) {
	s := newSite(t, nil)
	const odd = `a b+c&d="%20'<e>#\`
	for uri, prefix := range map[string]string{
		"http://127.0.0.1:5/cb?x=1&y=%2F": "http://127.0.0.1:5/cb?x=1&y=%2F&error=",
		"http://127.0.0.1:5/cb?":          "http://127.0.0.1:5/cb?error=",
		"http://127.0.0.1:5/cb?x=1&":      "http://127.0.0.1:5/cb?x=1&error=",
		"http://127.0.0.1:5":              "http://127.0.0.1:5?error=",
	} {
		p := s.browser().get(begin("redirect_uri", uri, "state", odd, "scope", "x"))
		if got := p.Header().Get("Location"); !strings.HasPrefix(got, prefix) || p.location(t).Query().Get("state") != odd {
			t.Errorf("redirect_uri %s: Location %q, want %s… with the state", uri, got, prefix)
		}
	}
}

func TestConfidentialClientIsToldWhoAnswers(t *testing.T) {
	s := newSite(t, nil)
	p := s.browser().get(begin("client_id", appID, "redirect_uri", appURI, "scope", "x"))
	if q := p.location(t).Query(); q.Get("iss") != base || q.Get("tenant") != "7" || q.Get("error") != "invalid_scope" {
		t.Errorf("query of the redirect is %v, want iss=%s, tenant=7 and the error", q, base)
	}
}

// attacks are redirect URIs that must never be followed, for the client of the same device unless one is named.
var attacks = []string{
	"https://evil.example/", "http://evil.example/", "//evil.example/", "https:evil.example", "http:/evil.example/",
	"http://127.0.0.1.evil.example/", "http://127.0.0.1@evil.example/", "http://evil.example@127.0.0.1/", "http://127.0.0.1:80@evil.example/",
	"http://127.0.0.1\\@evil.example/", "http://127.0.0.1\\.evil.example/", "http://evil.example\\@127.0.0.1/", "http://127.0.0.1#@evil.example/",
	"http://127.0.0.1%00.evil.example/", "http://127.0.0.1%2eevil.example/", "http://127.0.0.1\t.evil.example/", "http://127.0.0.1 .evil.example/",
	"http://127.0.0.1:99999/", "http://127.0.0.1:/", "http://127.0.0.1:80:80/", "http://localhost.evil.example/", "http://localhost./",
	"http://[::1%25evil]/", "http://[::1].evil.example/", "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://0x7f000001/", "http://127.1/",
	"http://0.0.0.0/", "http://127.0.0.2/", "http://０.0.0.1/", "http://127。0。0。1/",
	"https://127.0.0.1/", "ftp://127.0.0.1/", "javascript:alert(1)", "javascript://127.0.0.1/%0aalert(1)", "data:text/html,x", "file:///etc/passwd",
	"http://127.0.0.1/cb#fragment", "http://127.0.0.1/\r\nSet-Cookie:x=1", "", "callback", "/v1/authorize", "?x", "http://", "http:///", "http://:80/",
	// this server itself, under every name of loopback
	confirm, base + "/", "http://127.0.0.1:8080" + signin.ConfirmationPath, "http://127.0.0.1:8080/", "http://localhost:8080/", "http://LOCALHOST:08080/",
	"http://[::1]:8080/", "http://[0:0:0:0:0:0:0:1]:8080/",
	appURI,
}

// An answer never leads to a URI that was not checked, and what is wrong with client or URI is told on a page.
func TestRedirectAttacksEndOnAPage(t *testing.T) {
	s := newSite(t, nil)
	cross := []string{"http://127.0.0.1:35587/oauth/callback", confirm + "/", confirm + "?x=1", strings.ToUpper(confirm), "https://signin.example.com:443" + signin.ConfirmationPath,
		"http://signin.example.com" + signin.ConfirmationPath, base, "https://evil.example" + signin.ConfirmationPath}
	app := []string{"https://app.example.org/cb", appURI + "&x=1", "https://app.example.org/cb/?tenant=7", "https://evil.example/", callback, "https://app.example.org.evil.example/cb?tenant=7"}
	for client, uris := range map[string][]string{signin.SameDevice: attacks, signin.CrossDevice: cross, appID: app} {
		for _, uri := range uris {
			p := s.browser().get(begin("client_id", client, "redirect_uri", uri))
			if p.Code != 400 || p.heading() != "This request cannot be used" || p.Header().Get("Location") != "" {
				t.Errorf("%s to %q: %d %q, Location %q; want a page of 400", client, uri, p.Code, p.heading(), p.Header().Get("Location"))
			}
			if len(uri) > 1 && strings.Contains(p.body, uri) {
				t.Errorf("%s to %q: the page shows the URI", client, uri)
			}
		}
	}
}

func TestUnknownClientIsToldOnAPage(t *testing.T) {
	s := newSite(t, nil)
	for _, id := range []string{"-", "", "x", "arn:aws:signin:::devtools/other", signin.SameDevice + "/", " " + signin.SameDevice, strings.ToUpper(signin.SameDevice),
		signin.ConfidentialPrefix + "nobody", signin.ConfidentialPrefix, signin.ConfidentialPrefix + "../app", signin.ConfidentialPrefix + strings.Repeat("a", 100)} {
		p := s.browser().get(begin("client_id", id))
		if p.Code != 400 || p.heading() != "This request cannot be used" || p.Header().Get("Location") != "" || s.last.Record.Client != "" {
			t.Errorf("client_id %q: %d %q, Location %q, record %+v; want a page of 400", id, p.Code, p.heading(), p.Header().Get("Location"), s.last.Record)
		}
	}
}

func TestParameterThatIsThereTwiceIsRefused(t *testing.T) {
	s := newSite(t, nil)
	for _, name := range append([]string{"unknown"}, parameters...) {
		p := s.browser().get(begin() + "&" + url.Values{name: {"1", "2"}}.Encode())
		switch name {
		case "client_id", "redirect_uri":
			if p.Code != 400 || p.Header().Get("Location") != "" {
				t.Errorf("%s twice: %d, Location %q; want a page of 400", name, p.Code, p.Header().Get("Location"))
			}
		default:
			q := p.location(t).Query()
			if q.Get("error") != "invalid_request" || q.Has("state") == (name == "state") || !strings.Contains(q.Get("error_description"), "more than once") {
				t.Errorf("%s twice: %v, want invalid_request, and the state unless it is in doubt", name, q)
			}
		}
	}
}

func TestBrokenQueryIsToldOnAPage(t *testing.T) {
	s := newSite(t, nil)
	for why, query := range map[string]string{
		"too long":     "&x=" + strings.Repeat("x", maxQuery),
		"bad escape":   "&x=%zz",
		"semicolon":    ";x=1",
		"empty at all": "",
	} {
		target := begin() + query
		if query == "" {
			target = authorizePath
		}
		if p := s.browser().get(target); p.Code != 400 || p.heading() != "This request cannot be used" {
			t.Errorf("%s: %d %q, want a page of 400", why, p.Code, p.heading())
		}
	}
}

// FuzzParse sends any query. Whatever it is, an answer leads only to a URI that the client may be sent to.
func FuzzParse(f *testing.F) {
	f.Add(query().Encode())
	f.Add(query("client_id", signin.CrossDevice, "redirect_uri", confirm).Encode())
	f.Add(query("state", "x y", "scope", "email").Encode())
	for _, uri := range attacks {
		f.Add(query("redirect_uri", uri).Encode())
	}
	p := &Pages{Deps: Deps{Base: []string{base, "http://127.0.0.1:8080"}, Clients: &clients.Finder{}}}
	f.Fuzz(func(t *testing.T, query string) {
		if strings.Contains(query, "confidential") { // which needs a database
			return
		}
		a, refused, err := p.parse(t.Context(), query, netip.Addr{}, time.Now())
		if err != nil {
			if signin.KindOf(err) == signin.Internal {
				t.Errorf("parse(%q): %v, want a fault", query, err)
			}
			return
		}
		if err := signin.AllowRedirect(a.client, a.request.RedirectURI, p.Base); err != nil {
			t.Errorf("parse(%q) lets %q through: %v", query, a.request.RedirectURI, err)
		}
		to := redirectTo(a.request.RedirectURI, parameter{"state", a.request.State})
		want, _ := url.Parse(a.request.RedirectURI)
		got, err := url.Parse(to)
		if err != nil || got.Host != want.Host || got.Scheme != want.Scheme || got.Path != want.Path || got.Fragment != "" {
			t.Errorf("redirectTo leads to %q, want a longer query only of %q", to, a.request.RedirectURI)
		}
		if refused != nil {
			return
		}
		again, refused, err := p.parse(t.Context(), strings.TrimPrefix(canonical(a.request), authorizePath+"?"), netip.Addr{}, time.Now())
		if refused != nil || err != nil || again.request != a.request {
			t.Errorf("parse(canonical(%+v)) = %+v, %v, %v; want the same", a.request, again.request, refused, err)
		}
	})
}

// FuzzParseDynamic sends any query of a dynamic client, whose redirect URI was checked. What is let through is asked for again
// by its canonical spelling, for one resource and under S256.
func FuzzParseDynamic(f *testing.F) {
	f.Add(query("code_challenge_method", "S256", "resource", "https://mcp.example.com/mcp", "scope", "offline_access openid").Encode())
	f.Add(query("code_challenge_method", "S256", "resource", "ecr.amazonaws.com", "scope", "-").Encode())
	f.Add(query("code_challenge_method", "plain", "resource", "https://mcp.example.com/#a").Encode() + "&resource=b")
	client := signin.Client{ID: signin.DynamicClientID(region, signin.SessionID{1}), Class: signin.Dynamic}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a := asked{client: client, request: signin.Request{ClientID: client.ID, RedirectURI: "https://claude.ai/cb"}}
		if a.parseRest(values) != nil {
			return
		}
		if values.Get("code_challenge_method") != "S256" || len(values["resource"]) != 1 || signin.CheckResource(a.request.Resource) != nil || len(a.request.State) > maxDynamicState {
			t.Errorf("parseRest(%q) lets %+v through", query, a.request)
		}
		values, err = url.ParseQuery(strings.TrimPrefix(canonical(a.request), authorizePath+"?"))
		again := asked{client: client, request: signin.Request{ClientID: values.Get("client_id"), RedirectURI: values.Get("redirect_uri")}}
		if refused := again.parseRest(values); err != nil || refused != nil || again.request != a.request {
			t.Errorf("parseRest(canonical(%+v)) = %+v, %v, %v; want the same", a.request, again.request, refused, err)
		}
	})
}
