package attacks

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Class: refresh token replay, CWE-294. A client that registered itself may have no key, so its refresh token is all that a
// thief needs. Mallory reads one in a log, a backup or the memory of a shared machine, before or after its client uses it.
// Keycloak gave several answers where requests raced (CVE-2026-1035), and took used tokens again after a restart
// (CVE-2026-9802).
//
// Here a token is good once, also over a restart. Who comes second ends the session, whoever it is, and with it what Mallory
// got: access tokens are opaque, so that resource servers ask about them. An identical request within ten seconds gets the
// same answer and nothing new, so that an answer that was lost locks nobody out.
func TestReplayedRotatedTokenEndsItsSession(t *testing.T) {
	for name, malloryFirst := range map[string]bool{"Mallory is first": true, "Mallory is second": false} {
		t.Run(name, func(t *testing.T) {
			s := testkit.Start(t, unlimited)
			d := s.Dynamic(t)
			stolen := d.Login(t).RefreshToken
			form := d.RefreshForm(stolen)
			form.Del("resource") // her program is another one
			mallory := func() testkit.Granted { return d.Post(t, form, "") }
			client := func() testkit.Granted { return d.Refresh(t, stolen) }
			first, second := client, mallory
			if malloryFirst {
				first, second = mallory, client
			}
			won := first().WantOK(t)
			s.Restart(t)
			second().WantFault(t, signin.RefreshReused, "invalid_grant")
			d.Refresh(t, won.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
			for range 20 { // and again, which must not fill the database with notices
				mallory().WantFault(t, signin.SessionRevoked, "invalid_grant")
			}
			notices, err := s.Store.NoticesAfter(t.Context(), 0, 100)
			revoked := 0
			for _, n := range notices {
				if n.Reason == signin.RevokedSession {
					revoked++
				}
			}
			if err != nil || revoked != 1 {
				t.Errorf("%d sessions were announced as revoked, %v; want 1", revoked, err)
			}
			d.Login(t) // the person signs in again, and all is well
		})
	}
}

// Class: resource swap, CWE-441. Mallory runs a resource server, or a client, of her own: a person approves it for her
// resource, and she asks for tokens of another one with the same code or refresh token. Or she has the person approve
// nothing in particular, and hopes for tokens that are good everywhere (RFC 8707 section 3; MCP, "Access Token Privilege
// Restriction").
//
// Here there is no code without one resource that an administrator registered, it is sealed into the code and into every
// token, and whatever names another is refused before anything is spent.
func TestTokensAreForTheResourceThatWasApproved(t *testing.T) {
	s := testkit.Start(t, unlimited)
	const precious = "https://precious.example.com/"
	s.Resource(t, testkit.Account, precious)
	d := s.Dynamic(t)
	code := d.Authorize(t)
	for _, other := range []string{
		precious, strings.TrimSuffix(testkit.Resource, "mcp"), testkit.Resource + "/", testkit.Resource + "?x", strings.ToUpper(testkit.Resource),
		testkit.Resource + " " + precious, "https://mcp.example.com:443/mcp",
	} {
		form := d.CodeForm(code)
		form.Set("resource", other)
		d.Post(t, form, "").WantFault(t, signin.TargetInvalid, "invalid_target")
	}
	doubled := d.CodeForm(code).Encode() + "&resource=" + url.QueryEscape(precious)
	if w := s.Do(tokenRequest(s, formType, doubled, "")); w.Code != http.StatusBadRequest {
		t.Errorf("two resources at the token endpoint = %d %s, want 400", w.Code, w.Body)
	}
	g := d.Redeem(t, code).WantOK(t)
	form := d.RefreshForm(g.RefreshToken)
	form.Set("resource", precious)
	d.Post(t, form, "").WantFault(t, signin.TargetInvalid, "invalid_target")
	g = d.Refresh(t, g.RefreshToken).WantOK(t)
	access, err := seal.OpenAccess(s.Ring, g.AccessToken)
	if err != nil || access.Session.Resource != testkit.Resource {
		t.Errorf("the access token is for %q, %v, want %q", access.Session.Resource, err, testkit.Resource)
	}
	for name, change := range map[string]func(url.Values){
		"none":            func(q url.Values) { q.Del("resource") },
		"an unknown one":  func(q url.Values) { q.Set("resource", "https://unknown.example.com/") },
		"two":             func(q url.Values) { q.Add("resource", precious) },
		"all of them":     func(q url.Values) { q.Set("resource", "*") },
		"with a fragment": func(q url.Values) { q.Set("resource", testkit.Resource+"#"+precious) },
	} {
		q := d.AuthorizeQuery()
		change(q)
		to := location(t, get(s, "/v1/authorize?"+q.Encode()))
		if to == nil || to.Query().Get("error") != "invalid_target" || to.Query().Has("code") {
			t.Errorf("authorization for %s leads to %v, want error=invalid_target", name, to)
		}
	}
}

// Class: client swap, CWE-863. Anybody can register a client. Mallory registers one with the redirect URI of another, so
// that only the id differs, and brings codes and refresh tokens of the other client as hers: by her id, or by the id of a
// devtools client, which rotates nothing; or she brings hers as the other's.
//
// Here code and token say which client they are for, by a hash of the whole id and by the id itself, and nothing is spent by
// who is another.
func TestDynamicClientsCannotUseEachOthersGrants(t *testing.T) {
	s := testkit.Start(t, unlimited)
	victim := s.Dynamic(t)
	mallory := s.Dynamic(t, func(m *clients.Metadata) { m.Name = "Test Client" })
	mallory.Verifier = victim.Verifier // even if she knew it
	code, token := victim.Authorize(t), victim.Login(t).RefreshToken
	mallory.Redeem(t, code).WantFault(t, signin.CodeMismatch, "invalid_grant")
	mallory.Refresh(t, token).WantFault(t, signin.RefreshMismatch, "invalid_grant")

	devtools := s.Client()
	devtools.Verifier, devtools.Redirect = victim.Verifier, victim.Redirect
	devtools.Redeem(t, code).WantFault(t, signin.CodeMismatch)
	devtools.Refresh(t, token).WantFault(t, signin.RefreshUnknown)
	app := s.Confidential(t, "app")
	app.Verifier, app.Redirect = victim.Verifier, victim.Redirect
	app.Redeem(t, code).WantFault(t, signin.CodeMismatch)
	app.Refresh(t, token).WantFault(t, signin.RefreshUnknown)

	own := s.Client()
	ownCode, ownToken := own.Authorize(t), own.Login(t).RefreshToken
	as := *victim
	as.Verifier, as.Redirect = own.Verifier, own.Redirect
	as.Redeem(t, ownCode).WantFault(t, signin.CodeMismatch, "invalid_grant")
	as.Refresh(t, ownToken).WantFault(t, signin.RefreshUnknown, "invalid_grant")

	victim.Redeem(t, code).WantOK(t)
	victim.Refresh(t, token).WantOK(t)
	mustRedeem(t, own, ownCode)
	mustRefresh(t, own, ownToken)
}

// Class: mix-up of clients that know many servers, CWE-346. An MCP client talks to whatever server a resource names,
// Mallory's among them. She passes the browser on to the honest server, under a client that she registered there with the
// redirect URI of the MCP client, and waits for the client to bring her the honest server's code.
//
// Here every answer, good or bad, says by whom it is (RFC 9207), whichever way it goes: so the client sees that it is not by
// the server that it asked. Neither redirect URI nor state can say it in the server's place. And the code that she would get
// is worth nothing without a verifier that she never saw.
func TestMixUpOfManyServersIsSeen(t *testing.T) {
	s := testkit.StartWithPages(t, public, unlimited)
	const program = "cursor://anysphere.cursor-mcp/oauth/callback"
	for _, redirect := range []string{testkit.DynamicRedirect, program} {
		d := s.Dynamic(t, func(m *clients.Metadata) { m.RedirectURIs = []string{redirect} })
		d.State = "x&iss=https://mallory.example"
		b := signIn(t, s)
		target := "/v1/authorize?" + d.AuthorizeQuery().Encode()
		for name, w := range map[string]*httptest.ResponseRecorder{
			"a code":   b.Submit(b.Get(target), "/consent", "decision", "allow"),
			"a no":     b.Submit(b.Get(target), "/consent", "decision", "deny"),
			"an error": b.Get(target + "&nonce=n"),
		} {
			text := w.Header().Get("Location")
			if redirect == program {
				text = strings.TrimPrefix(w.Header().Get("Refresh"), "0; url=")
			}
			to, err := url.Parse(text)
			if err != nil || !strings.HasPrefix(text, redirect+"?") {
				t.Fatalf("%s = %d to %q, want %s", name, w.Code, text, redirect)
			}
			q := to.Query()
			if len(q["iss"]) != 1 || q.Get("iss") != s.Base || q.Get("state") != d.State {
				t.Errorf("%s is sent to %s, want one iss, %s", name, text, s.Base)
			}
			if code := q.Get("code"); code != "" {
				mallory := *d
				mallory.Verifier = strings.Repeat("m", 43)
				mallory.Redeem(t, code).WantFault(t, signin.CodeMismatch, "invalid_grant")
			}
		}
		q := d.AuthorizeQuery()
		q.Set("redirect_uri", redirect+"?iss=https://mallory.example")
		if w := get(s, "/v1/authorize?"+q.Encode()); w.Code != http.StatusBadRequest || location(t, w) != nil || w.Header().Get("Refresh") != "" {
			t.Errorf("a redirect URI with an iss of its own = %d, want a page of 400", w.Code)
		}
	}
}

// Class: downgrade, CWE-757. Mallory takes away what makes a request of a dynamic client strong: the method of PKCE, so that
// challenge and verifier are one; PKCE itself; or, with a token that is bound to a key, the proof, as if it had never been
// bound.
//
// Here the method is S256 or there is no code; and what a token is bound to is sealed into it.
func TestDynamicClientsCannotBeDowngraded(t *testing.T) {
	s := testkit.Start(t, unlimited)
	d := s.Dynamic(t).Bound()
	for name, change := range map[string]func(url.Values){
		"plain":          func(q url.Values) { q.Set("code_challenge_method", "plain"); q.Set("code_challenge", d.Verifier) },
		"no method":      func(q url.Values) { q.Del("code_challenge_method") },
		"another name":   func(q url.Values) { q.Set("code_challenge_method", "SHA-256") },
		"no challenge":   func(q url.Values) { q.Del("code_challenge") },
		"no PKCE at all": func(q url.Values) { q.Del("code_challenge_method"); q.Del("code_challenge") },
		"a token at once": func(q url.Values) {
			q.Set("response_type", "token")
		},
	} {
		q := d.AuthorizeQuery()
		change(q)
		if to := location(t, get(s, "/v1/authorize?"+q.Encode())); to == nil || to.Query().Has("code") || !to.Query().Has("error") || to.Fragment != "" {
			t.Errorf("%s leads to %v, want an error", name, to)
		}
	}
	token := d.Login(t).RefreshToken
	mallory := *d
	mallory.Key = nil
	mallory.Refresh(t, token).WantFault(t, signin.ProofMissing, "invalid_dpop_proof")
	mallory.Key = testkit.NewKey()
	mallory.Refresh(t, token).WantFault(t, signin.ProofKeyMismatch, "invalid_grant")
	if g := d.Refresh(t, token).WantOK(t); g.TokenType != "DPoP" {
		t.Errorf("after that the client's token is a %s token, want DPoP", g.TokenType)
	}
}
