package attacks

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// markup is text that becomes something else where it is not escaped: in HTML, in an attribute, in a script, in a template.
const markup = `'"><svg/onload=alert(1)></title><script>alert(1)</script>{{.}}<!--`

var element = regexp.MustCompile(`(?i)<(script(?: src="/assets/[0-9a-f]+\.js"[^>]*)?|svg|img src=x|iframe|object|base|meta http-equiv|!--)[^>]*>`)

// checkPage fails the test when a page holds markup of a stranger, or could run it.
func checkPage(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.String()
	for _, tag := range element.FindAllString(body, -1) {
		if !strings.HasPrefix(tag, `<script src="/assets/`) {
			t.Errorf("%s: the page holds %s:\n%s", what, tag, body)
			return
		}
	}
	kind := w.Header().Get("Content-Type")
	if strings.Contains(body, "onload=") && strings.HasPrefix(kind, "text/html") && !strings.Contains(body, "&gt;&lt;svg/onload=") {
		t.Errorf("%s: the page holds a handler:\n%s", what, body)
	}
	csp := w.Header().Get("Content-Security-Policy")
	if strings.HasPrefix(kind, "text/html") && (!strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "data:") || strings.ContainsAny(csp, "<>\"")) {
		t.Errorf("%s: Content-Security-Policy is %q", what, csp)
	}
	if !strings.HasPrefix(kind, "text/html") && !strings.HasPrefix(kind, "application/json") && kind != "text/xml" && w.Body.Len() > 0 {
		t.Errorf("%s: Content-Type is %q", what, kind)
	}
	for name, values := range w.Header() {
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n\x00") {
				t.Errorf("%s: the header %s holds a line end: %q", what, name, value)
			}
		}
	}
}

// Class: cross-site scripting, CWE-79. Mallory's link or form carries a script into a page that has Alice's session.
// Keycloak put what a client registration said into an error page (CVE-2021-20323), authentik a redirect URI with a script
// as its scheme into a form (CVE-2024-21637).
//
// Here everything that is shown goes through a template that knows where it stands, little is shown at all, and the policy
// of every page forbids scripts that are not files of this server.
func TestScriptsOfOthersDoNotRun(t *testing.T) {
	s := testkit.StartWithPages(t)
	c := s.Client()
	for name := range c.AuthorizeQuery() {
		checkPage(t, "authorize with "+name, get(s, authorizePath(c, name, markup)))
	}
	for _, name := range []string{"error", "error_description", "error_uri", "code", "state", "response_mode", "display", "ui_locales", "login_hint", markup} {
		q := url.Values{name: {markup}}
		for _, path := range []string{"/", "/v1/authorize", "/v1/sessions", "/v1/sessions/confirmation", "/healthz", "/v1/token", "/nothing"} {
			checkPage(t, path+" with "+name, get(s, path+"?"+q.Encode()))
		}
		checkPage(t, "authorize and "+name, get(s, authorizePath(c)+"&"+q.Encode()))
		checkPage(t, "STS with "+name, get(s, "/?Action="+url.QueryEscape(markup)+"&"+q.Encode()))
	}
	for _, header := range []string{"User-Agent", "Referer", "Accept-Language", "Accept", "X-Forwarded-For", "Cookie", "Origin", "X-Amzn-RequestId", "Authorization"} {
		b := httptest.NewRequest(http.MethodGet, s.Base+authorizePath(c), nil)
		b.Header.Set(header, strings.ReplaceAll(markup, ";", "")+" Firefox/1 Linux")
		checkPage(t, "authorize with the header "+header, s.Do(b))
	}
	b := signIn(t, s)
	page := b.Get(authorizePath(c, "redirect_uri", `http://127.0.0.1:1/`+markup, "state", "x"))
	checkPage(t, "consent with a path", page)
	page = b.Get(authorizePath(c))
	for _, path := range []string{"/sign-in", "/consent", "/sign-out"} {
		for _, field := range []string{"page", "username", "password", "assignment", "decision", "browser", markup} {
			checkPage(t, path+" with "+field, b.Submit(page, path, field, markup))
		}
		b = signIn(t, s) // after signing out
		page = b.Get(authorizePath(c))
	}
	r := httptest.NewRequest(http.MethodGet, s.Base+authorizePath(c), nil)
	for name, value := range b.Cookies() {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r.Header.Add("Cookie", "latchkey-role="+url.QueryEscape(markup))
	checkPage(t, "consent with a role cookie", s.Do(r))

	// What an administrator registered is text as well.
	app := s.Confidential(t, "app")
	loud := signin.Client{ID: signin.ConfidentialPrefix + "loud", Class: signin.Confidential, Name: markup, Principal: app.User.ID, RedirectURIs: []string{app.Redirect}}
	if err := s.Store.AddClient(t.Context(), loud); err != nil {
		t.Fatal(err)
	}
	app.ID = loud.ID
	checkPage(t, "the sign-in page of a client with a loud name", get(s, authorizePath(app.Client)))
	checkPage(t, "the consent page of a client with a loud name", b.Get(authorizePath(app.Client)))
}

// Class: SQL injection, CWE-89. Mallory writes SQL where a name belongs. Casdoor put a parameter of its query API into the
// statement (CVE-2022-24124).
//
// Here statements are constant and values are bound. A name is only ever somebody's name: what would match everybody or
// end the statement matches nobody, and the tables are what they were.
func TestNamesAreNotStatements(t *testing.T) {
	s := testkit.StartWithPages(t, unlimited)
	c := s.Client()
	ctx := t.Context()
	before := count(t, s)
	for _, name := range []string{
		"' OR '1'='1", "alice' --", "alice'/*", "'; DROP TABLE people; --", `alice" OR ""="`, "alice'||'", "al%", "a_ice", "alice\x00", "\x00", "alice\xff", "ALICE", "alice ",
		"1; ATTACH DATABASE '/tmp/x' AS y", "$1", "?", ":name", "@p1", "NULL", "alice' UNION SELECT * FROM people --", strings.Repeat("'", 1000), "älice", "aliﬁce", "0x616c696365",
	} {
		b := s.Browser()
		w := b.Submit(b.Get(authorizePath(c)), "/sign-in", "username", name, "password", testkit.Password)
		if w.Code != status(signin.PasswordWrong) && w.Code != status(signin.Throttled) {
			t.Errorf("sign-in as %q = %d, want %d", name, w.Code, status(signin.PasswordWrong))
		}
		for _, id := range []string{name, signin.ConfidentialPrefix + name} {
			if w := get(s, authorizePath(c, "client_id", id)); w.Code != status(signin.ClientUnknown) {
				t.Errorf("authorize of the client %q = %d, want %d", id, w.Code, status(signin.ClientUnknown))
			}
			if utf8Text(id) {
				a := c.Post(t, with(c.RefreshBody("x"), "clientId", id), c.Proof())
				if a.Status != status(signin.ClientUnknown) {
					t.Errorf("a token request of the client %q = %d %s, want %d", id, a.Status, a.Body, status(signin.ClientUnknown))
				}
			}
		}
		for _, keyID := range []string{"AKIA" + name, name} {
			r := httptest.NewRequest(http.MethodGet, s.Base+"/?Action=GetCallerIdentity&Version=2011-06-15", nil)
			testkit.Credentials{AccessKeyID: keyID, SecretAccessKey: "x"}.Presign(r, s.Scope("sts"), time.Minute)
			if w := s.Do(r); w.Code != http.StatusForbidden && w.Code != http.StatusBadRequest {
				t.Errorf("a caller with the access key id %q = %d", keyID, w.Code)
			}
		}
		// What the driver is given, it finds by that and nothing else.
		if _, err := s.Store.PersonByName(ctx, name); err == nil {
			t.Errorf("PersonByName(%q) finds somebody", name)
		}
		if _, err := s.Store.ClientByID(ctx, name); err == nil {
			t.Errorf("ClientByID(%q) finds something", name)
		}
		if _, err := s.Store.RoleByName(ctx, name, name); err == nil {
			t.Errorf("RoleByName(%q) finds something", name)
		}
		if _, err := s.Store.AccountByID(ctx, name); err == nil {
			t.Errorf("AccountByID(%q) finds something", name)
		}
		if _, _, err := s.Store.AccessKeyByID(ctx, name); err == nil {
			t.Errorf("AccessKeyByID(%q) finds something", name)
		}
	}
	if after := count(t, s); after != before {
		t.Errorf("the directory has %v, before it had %v", after, before)
	}
	// Text that goes in comes out.
	odd := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: testkit.Account, Name: "x'); DROP TABLE roles; --", Policy: policy.LocalDevelopment, Created: time.Now()}
	if err := s.Store.AddRole(ctx, odd); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Store.RoleByName(ctx, odd.Account, odd.Name); err != nil || got.ID != odd.ID {
		t.Errorf("RoleByName(%q) = %v, %v", odd.Name, got, err)
	}
}

// count is how many people and roles there are.
func count(t *testing.T, s *testkit.Server) [2]int {
	t.Helper()
	people, err := s.Store.People(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	roles, err := s.Store.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return [2]int{len(people), len(roles)}
}

func utf8Text(s string) bool { return strings.ToValidUTF8(s, "") == s }

// Class: header injection and response splitting, CWE-113. Mallory puts a line end into what becomes a header: a redirect,
// a cookie. Python's http.client sent such headers (CVE-2016-5699).
//
// Here what becomes a header is printable, or escaped, or made by the server.
func TestHeadersHoldNoLineEnds(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	for _, end := range []string{"\r\nSet-Cookie: x=1", "\nSet-Cookie: x=1", "\r\n\r\n<html>", "\x00", "\u2028", "%0d%0aSet-Cookie: x=1", "嘊Set-Cookie: x=1"} {
		for name, values := range c.AuthorizeQuery() {
			w := get(s, authorizePath(c, name, values[0]+end))
			checkPage(t, "authorize with a line end in "+name, w)
			if len(w.Header()["Set-Cookie"]) > 0 || strings.Contains(w.Header().Get("Location"), "Set-Cookie: ") {
				t.Errorf("authorize with %q in %s sets %v, Location %q", end, name, w.Header()["Set-Cookie"], w.Header().Get("Location"))
			}
		}
		r := tokenRequest(s, jsonType+end, text(t, c.CodeBody("x"+end)), c.Proof()+end)
		r.Header.Set("X-Amzn-RequestId", "x"+end)
		w := s.Do(r)
		checkPage(t, "a token request", w)
		if strings.Contains(strings.Join(headerLines(w), "\n"), "Set-Cookie") {
			t.Errorf("a token request with %q is answered with %v", end, w.Header())
		}
	}
	// A state that is printable comes back as it was, escaped.
	const state = `a b&c=d#e?f%0d"<>\`
	if to := location(t, get(s, authorizePath(c, "state", state))); to == nil || to.Query().Get("state") != state || to.Fragment != "" {
		t.Errorf("state %q comes back in %v", state, to)
	}
}

// Class: log injection, CWE-117. Mallory's name or address holds a line end and the rest of a record, and whoever reads the
// log believes that something happened which did not. Django wrote the path of a request as it came (CVE-2025-48432).
//
// Here a record is one line of JSON, in which little of what a caller wrote is.
func TestNobodyWritesIntoTheLog(t *testing.T) {
	s := testkit.StartWithPages(t, keepLog)
	c := s.Client()
	const forged = `{"msg":"request","outcome":"ok","principal":"forged"}`
	evil := "x\n" + forged + "\r\n\x1b[2J\x1b]0;x\x07\u2028" + forged
	requests := 0
	do := func(r *http.Request) { requests++; s.Do(r) }
	for _, name := range []string{"User-Agent", "Referer", "X-Forwarded-For", "Cookie", "DPoP", "Authorization", "Origin", "Content-Type", "X-Amzn-Trace-Id", "X-Amzn-RequestId", "Host", "Traceparent"} {
		r := tokenRequest(s, jsonType, "{}", "")
		r.Header.Set(name, evil)
		do(r)
	}
	for _, change := range []func(r *http.Request){
		func(r *http.Request) { r.Method = "GET" + evil }, func(r *http.Request) { r.URL.Path = "/" + evil }, func(r *http.Request) { r.URL.RawQuery = evil },
		func(r *http.Request) { r.Host = evil }, func(r *http.Request) { r.RemoteAddr = evil }, func(r *http.Request) { r.RequestURI = evil }, func(r *http.Request) { r.Proto = evil },
	} {
		r := tokenRequest(s, jsonType, "{}", "")
		change(r)
		do(r)
	}
	for _, body := range []map[string]string{with(c.CodeBody(evil), "clientId", evil), with(c.RefreshBody(evil), "grantType", evil), with(c.CodeBody("x"), "redirectUri", evil), {evil: evil}} {
		do(tokenRequest(s, jsonType, text(t, body), c.Proof()))
	}
	for name := range c.AuthorizeQuery() {
		do(httptest.NewRequest(http.MethodGet, s.Base+authorizePath(c, name, evil), nil))
	}
	page := pageField(t, get(s, authorizePath(c)))
	requests++
	do(form(s, "/sign-in", "page", page, "username", evil, "password", evil))
	do(form(s, "/sign-in", "page", evil))
	do(httptest.NewRequest(http.MethodGet, s.Base+"/?Action="+url.QueryEscape(evil), nil))
	records := 0
	lines := bufio.NewScanner(strings.NewReader(s.Log()))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var record map[string]any
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Errorf("a line that is no record: %s", lines.Bytes())
			continue
		}
		if record["msg"] != "request" {
			continue
		}
		records++
		if record["principal"] == "forged" || record["operation"] == nil || record["request_id"] == nil {
			t.Errorf("a record that the server did not write: %v", record)
		}
		for _, name := range []string{"client", "grant", "operation", "outcome", "session"} {
			if value, _ := record[name].(string); strings.Contains(value, "forged") {
				t.Errorf("%s of a record is what the caller wrote: %v", name, record)
			}
		}
		if strings.ContainsAny(lines.Text(), "\x1b\x07\r\u2028") {
			t.Errorf("a record holds what a terminal obeys: %q", lines.Text())
		}
	}
	if records != requests {
		t.Errorf("the log has %d records of %d requests", records, requests)
	}
	if strings.Contains(s.Metrics(t), "forged") {
		t.Error("a metric holds what a caller wrote")
	}
}

// Class: secrets in logs, metrics and URLs, CWE-532 and CWE-598. Mallory reads the log, or the Referer of a request that
// left a page. go-retryablehttp logged addresses with the password in them (CVE-2024-6104); Keycloak kept what a client had
// pushed in confidence in the clear in a cookie (CVE-2024-4540).
//
// Here the one secret in a URL is the code, on its way to the client; pages that see it send no Referer. What is logged is
// proved in all cases by internal/server; here is a login that goes well.
func TestSecretsStayOutOfLogsAndAddresses(t *testing.T) {
	s := testkit.StartWithPages(t, keepLog, func(c *config.Config) { c.Limits.Client = config.Rate{} })
	c := s.Client()
	c.ID, c.Redirect = signin.CrossDevice, s.Base+signin.ConfirmationPath
	b := signIn(t, s)
	w := b.Submit(b.Get(authorizePath(c)), "/consent", "decision", "allow")
	to := location(t, w)
	if to == nil || w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("POST /consent = %d %v", w.Code, w.Header())
	}
	shown := b.Get(to.RequestURI())
	if shown.Code != http.StatusOK || shown.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("the page with the code = %d %v, want it without a Referer", shown.Code, shown.Header())
	}
	code := to.Query().Get("code")
	proof := c.Proof()
	a := c.Post(t, c.CodeBody(code), proof)
	if a.Status != http.StatusOK {
		t.Fatalf("redemption = %d %s", a.Status, a.Body)
	}
	secrets := map[string]string{
		"code": code, "verifier": c.Verifier, "proof": proof, "refresh token": a.RefreshToken, "secret": a.AccessToken.SecretAccessKey,
		"session token": a.AccessToken.SessionToken, "id token": a.IDToken, "password": testkit.Password,
	}
	for name, value := range b.Cookies() {
		if name != "latchkey-role" {
			secrets["cookie "+name] = value
		}
	}
	logged, metrics := s.Log(), s.Metrics(t)
	for what, secret := range secrets {
		for where, text := range map[string]string{"log": logged, "metrics": metrics} {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				t.Errorf("the %s holds the %s", where, what)
			}
		}
		if what != "code" && strings.Contains(to.String(), secret) {
			t.Errorf("the address holds the %s", what)
		}
	}
	if !strings.Contains(logged, a.AccessToken.AccessKeyID[:4]) && !strings.Contains(logged, `"outcome":"ok"`) {
		t.Error("the log is not the log of this test")
	}
}
