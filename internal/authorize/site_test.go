package authorize

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/identity"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
	"github.com/latchkey-id/latchkey/internal/wire"
)

const (
	base      = "https://signin.example.com"
	region    = "us-east-1"
	account   = "111122223333"
	password  = "correct horse battery"
	challenge = "edRCII2FCu3lbsFkghWqmFwxXKUiZ2CVidFwqZ2t2EI"
	state     = "c3b82723-094f-4b36-8b3e-4d902fd46a99"
	callback  = "http://127.0.0.1:35587/oauth/callback"
	confirm   = base + signin.ConfirmationPath
	appURI    = "https://app.example.org/cb?tenant=7"
	appID     = signin.ConfidentialPrefix + "app"

	denyRemote = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},` +
		`{"Effect":"Deny","Action":"signin:AuthorizeOAuth2Access","Resource":"arn:aws:signin:` + region + `:` + account + `:oauth2/public-client/remote"}]}`
	denyAll = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
)

// passwordHash is of password; it is made once, because that takes a while.
var passwordHash = func() string {
	h, err := identity.HashPassword(password)
	if err != nil {
		panic(err)
	}
	return h
}()

// site is the pages over a database, and the time there.
type site struct {
	*Pages
	mux    *http.ServeMux
	store  *sqlite.Store
	now    time.Time
	people map[string]store.Person
	roles  map[string]store.Role // by account/name
	last   *wire.Call            // the last call that was answered
}

// newSite returns a site with: alice, who has three roles in two accounts; bob, who has one; carol, who has none; dave,
// who is disabled; and a confidential client.
func newSite(t *testing.T, change func(*Deps)) *site {
	t.Helper()
	ctx, now := t.Context(), time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	db, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "latchkey.db"), now, sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	root, err := keyring.ParseRoot(keyring.NewRootKey())
	must(t, err)
	ring, err := keyring.Open(ctx, db, root, keyring.Options{
		Issuer: base, Algorithm: "ES256", Rotate: 720 * time.Hour, Publish: time.Minute, Longest: 13 * time.Hour,
	}, now)
	must(t, err)
	board, err := notice.Open(ctx, db, 10*time.Minute, now)
	must(t, err)
	wall, err := perimeter.Open(ctx, db, region, 0, now)
	must(t, err)

	redirects, err := signin.ParseRedirectList(signin.DefaultRedirects())
	must(t, err)
	d := Deps{
		Base: []string{base, "http://127.0.0.1:8080"}, Region: region, Lifetimes: signin.DefaultLifetimes(),
		Clients: &clients.Finder{Directory: db, Grants: db, Redirects: redirects}, Directory: db, Resources: db, Judge: permit.New(db, region), Audit: db, Board: board, Wall: wall, Keys: ring,
	}
	if change != nil {
		change(&d)
	}
	pages, err := New(d)
	must(t, err)
	s := &site{
		Pages: pages, mux: http.NewServeMux(), store: db, now: now.Add(time.Hour),
		people: map[string]store.Person{}, roles: map[string]store.Role{},
	}
	for pattern, handle := range pages.Routes() {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			address := netip.MustParseAddr("203.0.113.9")
			s.last = &wire.Call{Request: r, ID: "11111111-2222-4333-8444-555555555555", Now: s.now, Remote: address, Network: signin.Network{SourceIP: address}}
			handle(w, s.last)
		})
	}
	s.fill(t, now)
	s.pass(t, 0)
	return s
}

// pass lets time go by. The board hears of what changed meanwhile.
func (s *site) pass(t *testing.T, d time.Duration) {
	t.Helper()
	s.now = s.now.Add(d)
	must(t, s.Board.Poll(t.Context(), s.now))
}

func (s *site) fill(t *testing.T, now time.Time) {
	t.Helper()
	ctx := t.Context()
	must(t, s.store.AddAccount(ctx, store.Account{ID: account, Name: "Sandbox", Created: now}))
	must(t, s.store.AddAccount(ctx, store.Account{ID: "444455556666", Name: "Production <live>", Created: now}))
	for _, r := range []struct{ account, name, policy string }{
		{account, "Developer", policy.LocalDevelopment},
		{account, "Auditor", denyRemote},
		{"444455556666", "Read,Only@ops=1", policy.LocalDevelopment},
		{"444455556666", "Closed", denyAll},
	} {
		role := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: r.account, Name: r.name, Policy: r.policy, Created: now}
		must(t, s.store.AddRole(ctx, role))
		s.roles[r.account+"/"+r.name] = role
	}
	for name, roles := range map[string][]string{
		"alice": {account + "/Developer", account + "/Auditor", "444455556666/Read,Only@ops=1", "444455556666/Closed"},
		"bob":   {account + "/Developer"},
		"carol": {"444455556666/Closed"},
		"dave":  {account + "/Developer"},
	} {
		p := store.Person{ID: signin.NewUniqueID(signin.PrefixPerson), Name: name, PasswordHash: passwordHash, Created: now, PasswordChanged: now}
		must(t, s.store.AddPerson(ctx, p))
		for _, role := range roles {
			must(t, s.store.Assign(ctx, p.ID, s.roles[role].ID))
		}
		s.people[name] = p
	}
	must(t, s.store.DisablePerson(ctx, s.people["dave"].ID, now, now.Add(time.Hour)))
	must(t, s.store.AddServiceUser(ctx, store.ServiceUser{ID: "AIDAAAAAAAAAAAAAAAAA", Account: account, Name: "app", Policy: policy.ExchangeToken, Created: now}))
	must(t, s.store.AddClient(ctx, signin.Client{
		ID: appID, Class: signin.Confidential, Name: "The <b>App</b>", RedirectURIs: []string{appURI}, Principal: "AIDAAAAAAAAAAAAAAAAA",
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser keeps cookies, and remembers the page that it shows.
type browser struct {
	*site
	host    string
	cookies map[string]string
	header  http.Header
}

func (s *site) browser() *browser {
	return &browser{site: s, host: "signin.example.com", cookies: map[string]string{}, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}}
}

// page is an answer.
type page struct {
	*httptest.ResponseRecorder
	body string
}

func (b *browser) do(method, target string, form url.Values) page {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Host = b.host
	for name, values := range b.header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	for _, line := range w.Header()["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		if strings.Contains(attributes, "Max-Age=0") {
			delete(b.cookies, name)
		} else {
			b.cookies[name] = value
		}
	}
	return page{w, w.Body.String()}
}

func (b *browser) get(target string) page                   { return b.do("GET", target, nil) }
func (b *browser) post(target string, form url.Values) page { return b.do("POST", target, form) }

// location returns where the answer leads.
func (p page) location(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(p.Header().Get("Location"))
	if err != nil || p.Header().Get("Location") == "" {
		t.Fatalf("status %d, Location %q (%v), want a redirect; body:\n%s", p.Code, p.Header().Get("Location"), err, p.body)
	}
	return u
}

// heading returns the text of h1, or the empty string.
func (p page) heading() string {
	if m := regexp.MustCompile(`<h1>(.*)</h1>`).FindStringSubmatch(p.body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// want fails the test unless the page has the status and the heading.
func (p page) want(t *testing.T, status int, heading string) page {
	t.Helper()
	if p.Code != status || p.heading() != heading {
		t.Fatalf("answer is %d %q (Location %q), want %d %q; body:\n%s", p.Code, p.heading(), p.Header().Get("Location"), status, heading, p.body)
	}
	return p
}

// fields returns the values of a page's hidden fields.
func (p page) fields() url.Values {
	v := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`).FindAllStringSubmatch(p.body, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

// with returns the fields of p and more.
func (p page) with(pairs ...string) url.Values {
	v := p.fields()
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// query returns the parameters of a good request, with changes: a name and a value each. The value "-" takes away.
func query(changes ...string) url.Values {
	q := url.Values{
		"response_type": {"code"}, "client_id": {signin.SameDevice}, "state": {state}, "code_challenge_method": {"SHA-256"},
		"scope": {"openid"}, "redirect_uri": {callback}, "code_challenge": {challenge},
	}
	for i := 0; i < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
		if changes[i+1] == "-" {
			q.Del(changes[i])
		}
	}
	return q
}

func begin(changes ...string) string { return authorizePath + "?" + query(changes...).Encode() }

func remote(changes ...string) string {
	return begin(append([]string{"client_id", signin.CrossDevice, "redirect_uri", confirm}, changes...)...)
}

// signInAs signs in and returns the page that the person comes to.
func (b *browser) signInAs(t *testing.T, name, target string) page {
	t.Helper()
	p := b.get(target).want(t, 200, "Sign in")
	p = b.post(signInPath, p.with("username", name, "password", password))
	if p.Code != http.StatusSeeOther {
		t.Fatalf("sign in as %s: status %d, want 303; body:\n%s", name, p.Code, p.body)
	}
	return b.get(p.location(t).String())
}

// opened returns what the code of a redirect says.
func (s *site) opened(t *testing.T, p page) signin.Authorization {
	t.Helper()
	if p.Code != http.StatusFound {
		t.Fatalf("status %d, want 302; body:\n%s", p.Code, p.body)
	}
	code := p.location(t).Query().Get("code")
	auth, err := seal.OpenCode(s.Keys, code)
	if err != nil {
		t.Fatalf("OpenCode(%q): %v; Location %q", code, err, p.Header().Get("Location"))
	}
	return auth
}
