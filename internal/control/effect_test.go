package control_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// heard is longer than a server may take to hear of a change.
const heard = 2 * time.Second

const (
	office  = "203.0.113.7"
	office6 = "2001:db8::7"
	home    = "198.51.100.7"
	home6   = "2001:db9::7"
)

// restrict puts statements and switches console authorization on. It waits until that was heard.
func (a admin) restrict(t testing.TB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		a.put(t, s)
	}
	if got := a.call(t, on, ""); got.Status != 200 {
		t.Fatalf("switch on = %d %s", got.Status, got.Body)
	}
	time.Sleep(heard)
}

// authorize asks for a code, and returns where the browser is sent.
func authorize(t testing.TB, s *testkit.Server, c *testkit.Client) url.Values {
	t.Helper()
	w := s.Do(httptest.NewRequest(http.MethodGet, s.Base+"/v1/authorize?"+c.AuthorizeQuery().Encode(), nil))
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound {
		t.Fatalf("GET /v1/authorize = %d to %q\n%s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return to.Query()
}

// A session that began inside is refused outside, and goes on inside: as long as statements take effect.
func TestStatementsRuleWhatSessionsMayDoFromWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		a := newAdmin(t, s)
		c := s.Client()
		id := a.put(t, `{"sourceIp":"203.0.113.0/24"}`)
		time.Sleep(heard)
		s.ComeFrom(home)
		login := c.Login(t) // the statement waits for the switch
		a.call(t, on, "")
		time.Sleep(heard)

		c.Refresh(t, login.RefreshToken).WantFault(t, signin.PermissionMissing)
		if got := authorize(t, s, c); got.Get("error") != "access_denied" || !strings.Contains(got.Get("error_description"), home) {
			t.Errorf("authorize from home = %v, want access_denied and where from", got)
		}
		s.ComeFrom(office)
		login = c.Refresh(t, login.RefreshToken)
		if login.Status != http.StatusOK {
			t.Fatalf("refresh from the office = %d %s", login.Status, login.Body)
		}
		code := s.Client()
		text := code.Authorize(t)
		s.ComeFrom(home)
		code.Redeem(t, text).WantFault(t, signin.PermissionMissing)
		s.ComeFrom(office)
		if got := code.Redeem(t, text); got.Status != http.StatusOK { // what was refused did not spend the code
			t.Errorf("redeem from the office = %d %s", got.Status, got.Body)
		}

		// What is signed is not affected, so whoever locked themselves out can undo it.
		s.ComeFrom(home)
		signer := admin{s, login.Credentials()}
		signer.call(t, list, "").want(t, "a signed call with temporary credentials from home", 403, "INSUFFICIENT_PERMISSIONS")
		if got := a.call(t, remove, `{"statementId":"`+id+`"}`); got.Status != http.StatusOK {
			t.Fatalf("delete from home = %d %s", got.Status, got.Body)
		}
		time.Sleep(heard)
		if got := c.Refresh(t, login.RefreshToken); got.Status != http.StatusOK {
			t.Errorf("refresh from home without the statement = %d %s", got.Status, got.Body)
		}
	})
}

func TestStatementsRuleEveryClientAndFamilyOfAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		a := newAdmin(t, s)
		devtools, confidential := s.Client(), s.Confidential(t, "backend")
		first, second := devtools.Login(t), confidential.Login(t)
		a.restrict(t, `{"sourceIp":"2001:db8::/32"}`)
		for from, want := range map[string]int{office6: 200, home6: 403, office: 403, "::ffff:203.0.113.7": 403} {
			s.ComeFrom(from)
			if got := devtools.Refresh(t, first.RefreshToken); got.Status != want || want == 403 && got.Error != "INSUFFICIENT_PERMISSIONS" {
				t.Errorf("devtools from %s = %d %s, want %d", from, got.Status, got.Body, want)
			}
			if got := confidential.Refresh(t, second.RefreshToken); got.Status != want {
				t.Errorf("confidential from %s = %d %s, want %d", from, got.Status, got.Body, want)
			}
			time.Sleep(time.Second) // another second, another signature
		}
	})
}

// A client that registered itself reads errors of OAuth. What was refused spends neither its code nor its refresh token.
func TestStatementsRuleClientsThatRegisteredThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		a := newAdmin(t, s)
		d := s.Dynamic(t)
		granted := d.Login(t)
		a.restrict(t, `{"sourceIp":"203.0.113.0/24"}`)
		s.ComeFrom(office)
		code := d.Authorize(t)
		s.ComeFrom(home)
		d.Refresh(t, granted.RefreshToken).WantFault(t, signin.PermissionMissing, "invalid_grant")
		d.Redeem(t, code).WantFault(t, signin.PermissionMissing, "invalid_grant")
		s.ComeFrom(office)
		next := d.Refresh(t, granted.RefreshToken).WantOK(t)
		d.Redeem(t, code).WantOK(t)
		s.ComeFrom(home)
		d.Refresh(t, next.RefreshToken).WantFault(t, signin.PermissionMissing, "invalid_grant")
	})
}

// On two nodes, and within the time that is promised, both ways.
func TestChangesAreHeardOnEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		n := s.Node(t)
		a := newAdmin(t, s)
		c := s.Client()
		there := n.ClientOf(c)
		token := c.Login(t).RefreshToken
		a.put(t, `{"sourceIp":"203.0.113.0/24"}`)
		for range 3 {
			a.call(t, on, "")
			time.Sleep(heard)
			for _, client := range []*testkit.Client{c, there} {
				client.Refresh(t, token).WantFault(t, signin.PermissionMissing)
			}
			a.call(t, off, "")
			time.Sleep(heard)
			for _, client := range []*testkit.Client{c, there} {
				if got := client.Refresh(t, token); got.Status != http.StatusOK {
					t.Fatalf("refresh once it is off = %d %s", got.Status, got.Body)
				}
			}
		}
	})
}

func TestExcludedPrincipalIsNotBothered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		a := newAdmin(t, s)
		c := s.Client()
		login := c.Login(t)
		a.restrict(t, `{"sourceIp":"203.0.113.0/24","excludedPrincipal":"arn:aws:iam::111122223333:role/Developer"}`)
		if got := c.Refresh(t, login.RefreshToken); got.Status != http.StatusOK {
			t.Errorf("refresh by the excluded role = %d %s", got.Status, got.Body)
		}
		a.restrict(t, `{"sourceIp":"203.0.113.0/24","excludedPrincipal":"arn:aws:iam::111122223333:role/Other"}`)
		c.Refresh(t, login.RefreshToken).WantFault(t, signin.PermissionMissing)
	})
}

// Attack: the account lets people in from its VPC, so somebody at home writes the header with which the proxy names it. Where
// no proxy is trusted, or the request did not come through it, the header says nothing.
func TestNobodyWritesTheirOwnVPC(t *testing.T) {
	trusting := func(c *config.Config) { c.TrustedProxies = []string{"10.0.0.0/8"} }
	named := func(c *config.Config) {
		c.TrustedProxies, c.NetworkKeys = []string{"10.0.0.0/8"}, config.NetworkKeys{SourceVPC: "X-Source-Vpc", SourceVPCE: "X-Source-Vpce", VPCSourceIP: "X-Vpc-Ip"}
	}
	for _, tt := range []struct {
		name    string
		option  testkit.Option
		from    string
		headers []string
		want    int
	}{
		{"the proxy says so", named, "10.0.0.1", []string{"X-Source-Vpc", "vpc-0123abcd"}, 200},
		{"in the range of the VPC that the proxy names", named, "10.0.0.1", []string{"X-Source-Vpc", "vpc-0123abcd", "X-Forwarded-For", home}, 200},
		{"the proxy names another", named, "10.0.0.1", []string{"X-Source-Vpc", "vpc-89abcdef"}, 403},
		{"the proxy says nothing", named, "10.0.0.1", nil, 403},
		{"written at home", named, home, []string{"X-Source-Vpc", "vpc-0123abcd"}, 403},
		{"written at home, in the name of a proxy", named, home, []string{"X-Source-Vpc", "vpc-0123abcd", "X-Forwarded-For", "10.0.0.1"}, 403},
		{"written at home beside what the proxy says", named, "10.0.0.1", []string{"X-Source-Vpc", "vpc-0123abcd", "X-Source-Vpc", "vpc-89abcdef"}, 403},
		{"the proxy, where no header is named", trusting, "10.0.0.1", []string{"X-Source-Vpc", "vpc-0123abcd"}, 403},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.Start(t, tt.option)
			a := newAdmin(t, s)
			c := s.Client()
			login := c.Login(t)
			a.restrict(t, `{"sourceVpc":"vpc-0123abcd","requestedRegion":"us-east-1"}`)
			s.ComeFrom(tt.from, tt.headers...)
			if got := c.Refresh(t, login.RefreshToken); got.Status != tt.want {
				t.Errorf("%s: refresh = %d %s, want %d", tt.name, got.Status, got.Body, tt.want)
			}
		})
	}
}

// The pages say why, and only to whoever knew the password: an answer to anybody would tell who there is, and where they
// have roles.
func TestSignInFromElsewhereIsExplainedToWhoKnowsThePassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.StartWithPages(t)
		a := newAdmin(t, s)
		c := s.Client()
		target := "/v1/authorize?" + c.AuthorizeQuery().Encode()
		a.restrict(t, `{"sourceIp":"203.0.113.0/24"}`)
		const why = "resource permission statements of account 111122223333"

		s.ComeFrom(home)
		b := s.Browser()
		for name, tt := range map[string]struct {
			user, password string
			explained      bool
		}{
			"the right password": {testkit.Person, testkit.Password, true}, "a wrong password": {testkit.Person, "wrong", false}, "nobody": {"nobody", testkit.Password, false},
		} {
			w := b.Submit(b.Get(target), "/sign-in", "username", tt.user, "password", tt.password)
			if got := strings.Contains(w.Body.String(), why) && strings.Contains(w.Body.String(), home); w.Code != http.StatusForbidden || got != tt.explained {
				t.Errorf("%s from home = %d, explained %v, want 403, %v\n%s", name, w.Code, got, tt.explained, w.Body)
			}
		}
		if page := b.Get(target); !strings.Contains(page.Body.String(), `name="password"`) {
			t.Error("the browser is signed in although the sign-in was refused")
		}

		// A browser that signed in inside is carried out.
		s.ComeFrom(office)
		if w := b.Submit(b.Get(target), "/sign-in", "username", testkit.Person, "password", testkit.Password); w.Code != http.StatusSeeOther {
			t.Fatalf("sign-in from the office = %d\n%s", w.Code, w.Body)
		}
		consent := b.Get(target)
		if consent.Code != http.StatusOK || strings.Contains(consent.Body.String(), why) {
			t.Fatalf("consent from the office = %d\n%s", consent.Code, consent.Body)
		}
		s.ComeFrom(home)
		if w := b.Submit(consent, "/consent", "decision", "allow"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), why) {
			t.Errorf("consent from home = %d to %q, want 403 and why\n%s", w.Code, w.Header().Get("Location"), w.Body)
		}
		if w := b.Get(target); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), why) {
			t.Errorf("the consent page from home = %d, want 403 and why\n%s", w.Code, w.Body)
		}

		s.Server.Close()
		events, err := s.Store.AuditEvents(t.Context(), store.AuditQuery{Person: s.Person.ID, Kind: audit.SignInKeptOut, Limit: 10})
		if err != nil || len(events) != 1 || events[0].Remote != home {
			t.Errorf("audit events of the kept out = %+v, %v, want one from home", events, err)
		}
	})
}

// Whoever has a role in an account that lets them in signs in, and is offered that role alone.
func TestRolesElsewhereStayOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.StartWithPages(t)
		a, b := newAdmin(t, s), stranger(t, s)
		role := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: other, Name: "Auditor", Policy: s.Role.Policy, Created: time.Now()}
		must(t, s.Store.AddRole(t.Context(), role))
		must(t, s.Store.Assign(t.Context(), s.Person.ID, role.ID))
		c := s.Client()
		target := "/v1/authorize?" + c.AuthorizeQuery().Encode()
		a.restrict(t, `{"sourceIp":"203.0.113.0/24"}`)

		s.ComeFrom(home)
		browser := s.Browser()
		if w := browser.Submit(browser.Get(target), "/sign-in", "username", testkit.Person, "password", testkit.Password); w.Code != http.StatusSeeOther {
			t.Fatalf("sign-in = %d\n%s", w.Code, w.Body)
		}
		page := browser.Get(target)
		if text := page.Body.String(); page.Code != 200 || !strings.Contains(text, "Auditor") || strings.Contains(text, "Developer") {
			t.Errorf("consent page = %d, want the role Auditor alone\n%s", page.Code, text)
		}
		if w := browser.Submit(page, "/consent", "decision", "allow", "assignment", "111122223333/Developer"); w.Code != http.StatusForbidden {
			t.Errorf("the role that is kept out = %d to %q", w.Code, w.Header().Get("Location"))
		}
		if w := browser.Submit(page, "/consent", "decision", "allow", "assignment", other+"/Auditor"); w.Code != http.StatusFound {
			t.Errorf("the other role = %d\n%s", w.Code, w.Body)
		}

		b.restrict(t, `{"sourceIp":"203.0.113.0/24"}`)
		if w := browser.Get(target); w.Code != http.StatusForbidden {
			t.Errorf("once no account is open = %d\n%s", w.Code, w.Body)
		}
	})
}

// Nobody can know which statements there are when they were not read for too long.
func TestDeafServerLetsNobodyIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		login := c.Login(t)
		s.TakeStoreAway(t)
		time.Sleep(9 * time.Minute)
		if got := c.Refresh(t, login.RefreshToken); got.Status != http.StatusOK {
			t.Errorf("refresh after nine minutes = %d %s", got.Status, got.Body)
		}
		time.Sleep(2 * time.Minute)
		c.Refresh(t, login.RefreshToken).WantFault(t, signin.Overloaded)
	})
}

// A server that does not know the statements for the moment does not tell people that they come from the wrong network.
func TestPagesDoNotCallUnknownStatementsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.StartWithPages(t)
		b := s.Browser()
		target := "/v1/authorize?" + s.Client().AuthorizeQuery().Encode()
		if w := b.Submit(b.Get(target), "/sign-in", "username", testkit.Person, "password", testkit.Password); w.Code != http.StatusSeeOther {
			t.Fatalf("sign-in = %d\n%s", w.Code, w.Body)
		}
		page := b.Get(target)
		s.HideStatements(true)
		time.Sleep(12 * time.Minute)
		for name, w := range map[string]*httptest.ResponseRecorder{"the page": b.Get(target), "consent": b.Submit(page, "/consent", "decision", "allow")} {
			text := w.Body.String()
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(text, "network") || strings.Contains(text, `action="/consent"`) {
				t.Errorf("%s = %d, Retry-After %q, want 503, and that it is busy\n%s", name, w.Code, w.Header().Get("Retry-After"), text)
			}
		}
		s.HideStatements(false)
		time.Sleep(time.Second)
		if w := b.Submit(b.Get(target), "/consent", "decision", "allow"); w.Code != http.StatusFound {
			t.Errorf("consent after that = %d\n%s", w.Code, w.Body)
		}
	})
}
