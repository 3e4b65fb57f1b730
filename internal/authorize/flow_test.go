package authorize

import (
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

func TestSignInAndAllowGiveACode(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "alice", begin()).want(t, 200, "Allow access?")
	signedIn := s.now
	s.pass(t, time.Minute)
	p = b.post(consentPath, p.with("decision", "allow", "assignment", account+"/Developer"))
	auth := s.opened(t, p)
	if !strings.HasPrefix(p.Header().Get("Location"), callback+"?code=") || p.location(t).Query().Get("state") != state || p.location(t).Query().Has("iss") {
		t.Errorf("Location is %q, want %s with code and state", p.Header().Get("Location"), callback)
	}
	role := s.roles[account+"/Developer"]
	want := signin.Authorization{
		ID: auth.ID, Salt: auth.Salt, ClientID: signin.SameDevice, Redirect: signin.HashRedirect(callback), Challenge: auth.Challenge,
		Principal: signin.Principal{Account: account, Role: "Developer", RoleID: role.ID, Person: "alice", PersonID: s.people["alice"].ID},
		AuthTime:  signedIn, Issued: s.now, AsOf: auth.AsOf, Expires: s.now.Add(5 * time.Minute), Methods: "pwd",
	}
	if auth.AsOf == 0 { // bob was disabled
		t.Error("the code does not say which notices were known")
	}
	if auth != want || auth.Challenge.String() != challenge || auth.Salt == [16]byte{} {
		t.Errorf("the code says %+v, want %+v", auth, want)
	}
	if r := s.last.Record; r.Operation != "AuthorizeOAuth2Access" || r.Outcome != "ok" || r.Client != signin.SameDevice ||
		r.Principal != want.Principal.ARN() || r.Session != auth.ID.String() {
		t.Errorf("record is %+v", r)
	}
}

// The second login is one click, with the role of the first preselected.
func TestSecondLoginIsOneClick(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "alice", begin())
	const last = "444455556666/Read,Only@ops=1"
	first := s.opened(t, b.post(consentPath, p.with("decision", "allow", "assignment", last)))

	p = b.get(begin()).want(t, 200, "Allow access?")
	checked := regexp.MustCompile(`value="([^"]*)"[^>]* checked`).FindStringSubmatch(p.body)
	if len(checked) != 2 || html.UnescapeString(checked[1]) != last {
		t.Errorf("preselected is %q, want %q", checked, last)
	}
	second := s.opened(t, b.post(consentPath, p.with("decision", "allow", "assignment", last)))
	if first.ID == second.ID || first.Salt == second.Salt {
		t.Errorf("two logins have one session %s or one salt", first.ID)
	}
	// At another client where that role is closed, the first one is.
	p = b.get(remote()).want(t, 200, "Allow access?")
	if n := strings.Count(p.body, " checked>"); n != 1 {
		t.Errorf("%d roles are preselected, want 1", n)
	}
}

func TestOnlyRoleIsShownAndNotAsked(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "bob", begin()).want(t, 200, "Allow access?")
	if strings.Contains(p.body, `type="radio"`) || !strings.Contains(p.body, `<dd id="role">Developer</dd>`) {
		t.Errorf("page with one role:\n%s\nwant the role, and no choice", p.body)
	}
	if auth := s.opened(t, b.post(consentPath, p.with("decision", "allow"))); auth.Principal.Person != "bob" {
		t.Errorf("principal is %+v, want bob", auth.Principal)
	}
}

// Roles whose policy denies signing in with this client are not offered, and not given when the form says them anyway.
func TestRoleThatPolicyDeniesIsNotOpen(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "alice", remote()).want(t, 200, "Allow access?")
	if strings.Contains(p.body, "Auditor") || strings.Contains(p.body, "Closed") || !strings.Contains(p.body, "Developer") {
		t.Errorf("page of the cross-device client offers what policies deny:\n%s", p.body)
	}
	for _, assignment := range []string{account + "/Auditor", "444455556666/Closed", account + "/Nothing", "", "444455556666/Developer"} {
		p := b.post(consentPath, p.with("decision", "allow", "assignment", assignment)).want(t, 403, "Allow access?")
		if !strings.Contains(p.body, `role="alert"`) || s.last.Record.Outcome != "PermissionMissing" {
			t.Errorf("assignment %q: no alert, or outcome %q", assignment, s.last.Record.Outcome)
		}
	}
	if p := s.browser().signInAs(t, "alice", begin()); !strings.Contains(p.body, "Auditor") {
		t.Error("page of the same-device client does not offer the role that is only closed for the other")
	}
}

func TestNobodyToChooseIsSaidAndSentBack(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "carol", begin()).want(t, 403, "No role to choose")
	p = b.post(consentPath, p.with("decision", "deny"))
	if q := p.location(t).Query(); p.Code != 302 || q.Get("error") != "access_denied" || q.Get("state") != state {
		t.Errorf("answer to the client is %d %v, want access_denied with the state", p.Code, q)
	}
}

func TestDenyIsToldToTheClient(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "alice", begin())
	p = b.post(consentPath, p.with("decision", "deny", "assignment", account+"/Developer"))
	if got := p.Header().Get("Location"); p.Code != 302 || !strings.HasPrefix(got, callback+"?error=access_denied&error_description=") || !strings.HasSuffix(got, "&state="+state) {
		t.Errorf("answer is %d to %q", p.Code, got)
	}
	if s.last.Record.Outcome != "ConsentRefused" {
		t.Errorf("outcome is %q, want ConsentRefused", s.last.Record.Outcome)
	}
}

func TestDecisionIsNeeded(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "bob", begin())
	for _, decision := range []string{"", "yes"} {
		b.post(consentPath, p.with("decision", decision)).want(t, 400, "Allow access?")
	}
}

func TestCrossDeviceCodeCanBeCopied(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	const odd = "a+b c&d=e/f?"
	p := b.signInAs(t, "bob", remote("state", odd)).want(t, 200, "Allow access?")
	if !strings.Contains(p.body, `id="other-device"`) {
		t.Error("the consent page does not warn that another device is waiting")
	}
	p = b.post(consentPath, p.with("decision", "allow"))
	auth := s.opened(t, p)
	if want := s.now.Add(10 * time.Minute); !auth.Expires.Equal(want) {
		t.Errorf("code expires at %v, want %v", auth.Expires, want)
	}
	code := p.location(t).Query().Get("code")
	target := p.location(t).RequestURI()
	if !strings.HasPrefix(p.Header().Get("Location"), confirm+"?") {
		t.Fatalf("Location is %q, want the confirmation page", p.Header().Get("Location"))
	}

	p = s.browser().get(target).want(t, 200, "Copy your code")
	shown := html.UnescapeString(regexp.MustCompile(`(?s)<textarea id="verification-code".*?>(.*)</textarea>`).FindStringSubmatch(p.body)[1])
	inner, err := base64.StdEncoding.Strict().DecodeString(shown)
	if err != nil {
		t.Fatalf("verification code %q: %v", shown, err)
	}
	if values, err := url.ParseQuery(string(inner)); err != nil || len(values) != 2 || values.Get("state") != odd || values.Get("code") != code {
		t.Errorf("verification code says %q (%v), want the state and the code", inner, err)
	}
	s.pass(t, 10*time.Minute)
	s.browser().get(target).want(t, 401, "This code has expired")
}

// The sample of the wire reference.
func TestVerificationCodeIsPaddedStandardBase64(t *testing.T) {
	got := verificationCode("11111111-2222-4333-8444-555555555555", "Ab+C/1=")
	if want := "c3RhdGU9MTExMTExMTEtMjIyMi00MzMzLTg0NDQtNTU1NTU1NTU1NTU1JmNvZGU9QWIlMkJDJTJGMSUzRA=="; got != want {
		t.Errorf("verificationCode = %q, want %q", got, want)
	}
}

// Anybody can make a link to the confirmation page, so it must not say what the link wants it to.
func TestConfirmationShowsOnlyWhatThisServerMade(t *testing.T) {
	s := newSite(t, nil)
	same := s.browser()
	p := same.signInAs(t, "bob", begin())
	sameDevice := same.post(consentPath, p.with("decision", "allow")).location(t).Query().Get("code")
	for why, tt := range map[string]struct {
		query   string
		status  int
		heading string
	}{
		"nothing":                {"", 400, "This request cannot be used"},
		"rubbish":                {"code=callme&state=x", 400, "This request cannot be used"},
		"code of another client": {"code=" + sameDevice + "&state=x", 400, "This request cannot be used"},
		"code twice":             {"code=a&code=b", 400, "This request cannot be used"},
		"code and error":         {"code=a&error=access_denied", 400, "This request cannot be used"},
		"long state":             {"code=a&state=" + strings.Repeat("x", 129), 400, "This request cannot be used"},
		"denied":                 {"error=access_denied&error_description=callme&state=callme", 403, "Access was not granted"},
		"other error":            {"error=invalid_scope&error_description=callme", 400, "This request cannot be used"},
		"unknown error":          {"error=callme", 400, "This request cannot be used"},
		"broken":                 {"error=%zz", 400, "This request cannot be used"},
	} {
		p := s.browser().get(signin.ConfirmationPath + "?" + tt.query)
		if p.Code != tt.status || p.heading() != tt.heading || strings.Contains(p.body, "callme") || strings.Contains(p.body, "<textarea") {
			t.Errorf("%s: %d %q, want %d %q and nothing of the link; body:\n%s", why, p.Code, p.heading(), tt.status, tt.heading, p.body)
		}
	}
}

func TestWrongPasswordKeepsTheNameAndSaysOneThing(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.get(begin())
	var bodies []string
	for _, name := range []string{"alice", "nobody", "dave"} {
		attempt := "wrong"
		if name == "dave" { // who is disabled: not even the right password says so
			attempt = password
		}
		p := b.post(signInPath, p.with("username", name, "password", attempt)).want(t, 403, "Sign in")
		if !strings.Contains(p.body, `value="`+name+`"`) || strings.Contains(p.body, attempt+`"`) {
			t.Errorf("page for %s does not keep the name, or keeps the password:\n%s", name, p.body)
		}
		// What is left may differ only in the name; the hidden field holds one request, sealed to the same bytes.
		bodies = append(bodies, strings.ReplaceAll(p.body, `value="`+name+`"`, ""))
		if s.last.Record.Outcome != "PasswordWrong" || s.last.Record.Operation != "SignIn" || len(b.cookies) != 0 {
			t.Errorf("record %+v, cookies %v; want PasswordWrong and none", s.last.Record, b.cookies)
		}
	}
	if bodies[0] != bodies[1] || bodies[0] != bodies[2] {
		t.Errorf("answers differ:\n%s\n%s\n%s", bodies[0], bodies[1], bodies[2])
	}
	// The same form is still good.
	if p := b.post(signInPath, p.with("username", "alice", "password", password)); p.Code != 303 {
		t.Errorf("right password after wrong ones: %d, want 303", p.Code)
	}
}

func TestTooManyAttemptsSayHowLongToWait(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.get(begin())
	form := p.with("username", "alice", "password", "wrong")
	for range 5 {
		b.post(signInPath, form)
	}
	p = b.post(signInPath, form).want(t, 429, "Sign in")
	if p.Header().Get("Retry-After") != "30" || !strings.Contains(p.body, "Try again in 30 seconds.") || s.last.Record.Outcome != "Throttled" {
		t.Errorf("Retry-After %q, outcome %q, body:\n%s", p.Header().Get("Retry-After"), s.last.Record.Outcome, p.body)
	}
	s.pass(t, 30*time.Second)
	if p := b.post(signInPath, p.with("username", "alice", "password", password)); p.Code != 303 {
		t.Errorf("right password after waiting: %d, want 303", p.Code)
	}
}

// A page that is sent twice, by an impatient finger or a program, names one session, which can be redeemed once.
func TestDoubleSubmitNamesOneSession(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "alice", begin())
	form := p.with("decision", "allow", "assignment", account+"/Developer")
	first := b.post(consentPath, form)
	if again := b.post(consentPath, form); again.Header().Get("Location") != first.Header().Get("Location") {
		t.Errorf("sent twice at one moment: %q and %q, want one code", first.Header().Get("Location"), again.Header().Get("Location"))
	}
	s.pass(t, time.Second)
	form.Set("assignment", account+"/Auditor")
	second := s.opened(t, b.post(consentPath, form))
	if first := s.opened(t, first); first.ID != second.ID {
		t.Errorf("sessions are %s and %s, want one", first.ID, second.ID)
	}
}

func TestPageExpires(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	login := b.get(begin())
	consent := b.signInAs(t, "bob", begin("state", "x&y"))
	s.pass(t, pageLifetime)
	if p := b.post(consentPath, consent.with("decision", "allow")); p.Code != 302 {
		t.Errorf("at the last moment: %d %q, want 302", p.Code, p.heading())
	}
	s.pass(t, time.Second)
	b.post(signInPath, login.with("username", "bob", "password", password)).want(t, 400, "This page has expired")
	p := b.post(consentPath, consent.with("decision", "allow")).want(t, 400, "This page has expired")
	again := regexp.MustCompile(`id="again" class="button" href="([^"]*)"`).FindStringSubmatch(p.body)
	if again == nil {
		t.Fatalf("no link to start again:\n%s", p.body)
	}
	p = b.get(html.UnescapeString(again[1])).want(t, 200, "Allow access?")
	if got := b.post(consentPath, p.with("decision", "allow")).location(t).Query().Get("state"); got != "x&y" {
		t.Errorf("state after starting again is %q, want the one of the request", got)
	}
}

func TestUnreadablePageIsRefused(t *testing.T) {
	s, other := newSite(t, nil), newSite(t, nil)
	b := s.browser()
	good := b.signInAs(t, "bob", begin()).fields().Get("page")
	foreign := other.browser().get(begin()).fields().Get("page")
	for why, field := range map[string]string{
		"none": "", "rubbish": "rubbish", "changed": good[:len(good)-4] + "AAAA", "of another server": foreign,
		"a code": seal.SealCode(s.Keys.SealingKey(s.now), signin.Authorization{Principal: signin.Principal{Account: account,
			RoleID: s.roles[account+"/Developer"].ID, PersonID: s.people["bob"].ID}}),
	} {
		for _, path := range []string{signInPath, consentPath} {
			p := b.post(path, url.Values{"page": {field}, "decision": {"allow"}, "username": {"bob"}, "password": {password}})
			if p.Code != 400 || p.heading() != "This page has expired" || strings.Contains(p.body, `id="again"`) {
				t.Errorf("%s to %s: %d %q, want 400 and no link", why, path, p.Code, p.heading())
			}
		}
	}
}

// A redirect must only go to a URI that its client has now, not to one that it had when the page was made.
func TestClientIsCheckedAgainWhenTheFormComes(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.signInAs(t, "bob", begin())
	for why, r := range map[string]signin.Request{
		"client that is gone":   {ClientID: signin.ConfidentialPrefix + "gone", RedirectURI: appURI},
		"URI that is gone":      {ClientID: appID, RedirectURI: "https://old.example.org/cb"},
		"base URL that is gone": {ClientID: signin.CrossDevice, RedirectURI: "https://old.example.com" + signin.ConfirmationPath},
	} {
		field := seal.SealPage(s.Keys.SealingKey(s.now), newPage(r, s.now))
		for _, decision := range []string{"allow", "deny"} {
			p := b.post(consentPath, url.Values{"page": {field}, "decision": {decision}})
			if p.Code != 400 || p.Header().Get("Location") != "" {
				t.Errorf("%s, %s: %d, Location %q; want a page of 400", why, decision, p.Code, p.Header().Get("Location"))
			}
		}
	}
}

// The code must be for the person whom the page named.
func TestConsentIsOfThePersonWhoSawThePage(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	seen := b.signInAs(t, "alice", begin())
	form := seen.with("decision", "allow", "assignment", account+"/Developer")
	signOut := b.post(signOutPath, url.Values{})
	if signOut.Code != 303 || signOut.location(t).String() != "/?signed-out" {
		t.Fatalf("sign-out: %d to %q", signOut.Code, signOut.Header().Get("Location"))
	}
	// Nobody is signed in: the sign-in page comes.
	b.get(b.post(consentPath, form).location(t).String()).want(t, 200, "Sign in")
	// Another person is: they see the page first.
	b.signInAs(t, "bob", begin())
	p := b.post(consentPath, form)
	if p.Code != 303 {
		t.Fatalf("form of alice from the browser of bob: %d, want 303", p.Code)
	}
	if p = b.get(p.location(t).String()).want(t, 200, "Allow access?"); !strings.Contains(p.body, `<strong id="person">bob</strong>`) {
		t.Errorf("page does not name bob:\n%s", p.body)
	}
}

func TestAnotherPersonCanGoOnWithTheRequest(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "carol", begin())
	p = b.post(signOutPath, p.with())
	p = b.get(p.location(t).String()).want(t, 200, "Sign in")
	p = b.post(signInPath, p.with("username", "bob", "password", password))
	p = b.get(p.location(t).String()).want(t, 200, "Allow access?")
	if auth := s.opened(t, b.post(consentPath, p.with("decision", "allow"))); auth.Principal.Person != "bob" || auth.Redirect != signin.HashRedirect(callback) {
		t.Errorf("the code says %+v, want bob and the first redirect URI", auth)
	}
}

func TestHomeSaysWhoIsSignedIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	if p := b.get("/").want(t, 200, "Sign-in service"); strings.Contains(p.body, `id="sign-out"`) {
		t.Error("home offers nobody to sign out")
	}
	b.signInAs(t, "alice", begin())
	if p := b.get("/").want(t, 200, "Sign-in service"); !strings.Contains(p.body, `<strong id="person">alice</strong>`) || !strings.Contains(p.body, `id="sign-out"`) {
		t.Errorf("home does not say who is signed in:\n%s", p.body)
	}
	copied := s.browser()
	for name, value := range b.cookies {
		copied.cookies[name] = value
	}
	p := b.get(b.post(signOutPath, url.Values{}).location(t).String()).want(t, 200, "Sign-in service")
	if !strings.Contains(p.body, `id="signed-out"`) {
		t.Errorf("home does not say that it is done:\n%s", p.body)
	}
	if p := copied.get("/"); strings.Contains(p.body, "alice") {
		t.Error("a copied cookie is good after signing out")
	}
	if p := b.do("GET", "/elsewhere", nil); p.Code != http.StatusNotFound {
		t.Errorf("GET /elsewhere: %d, want 404 of the mux", p.Code)
	}
}

func TestChangedPasswordEndsTheBrowser(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.signInAs(t, "alice", begin())
	must(t, s.store.SetPassword(t.Context(), s.people["alice"].ID, passwordHash, s.now.Add(time.Second), s.now.Add(time.Hour)))
	s.pass(t, 2*time.Second)
	b.get(begin()).want(t, 200, "Sign in")
}

// Facts of the longest kind must still fit a code.
func TestCodeStaysWithinItsLimit(t *testing.T) {
	s := newSite(t, nil)
	long := signin.Principal{Account: account, Role: strings.Repeat("r", 64), RoleID: s.roles[account+"/Developer"].ID,
		Person: strings.Repeat("p", 64), PersonID: s.people["bob"].ID}
	page := newPage(signin.Request{ClientID: signin.ConfidentialPrefix + strings.Repeat("c", 26), RedirectURI: appURI}, s.now)
	auth := s.approve(page, seal.Browser{AuthTime: s.now, Methods: "pwd"}, long, 1<<48, s.now)
	if code := seal.SealCode(s.Keys.SealingKey(s.now), auth); len(code) > seal.MaxCode {
		t.Errorf("code has %d characters, want at most %d", len(code), seal.MaxCode)
	}
}
