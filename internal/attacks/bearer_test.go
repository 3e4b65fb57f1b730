package attacks

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/trust"
)

const (
	withIAM  = "/v1/token?x-amz-client-auth-method=iam"
	bearer   = "/v1/token?x-amz-token-request-type=bearer"
	resource = "https://api.example.com"
	audience = "https://signin.example.com"
	askToken = `{"grant_type":"client_credentials","resource":"` + resource + `"}`
	// anyToken allows tokens for every resource, and to sign in.
	anyToken = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:*","Resource":"*"}}`
)

// resources is a server with a resource, a role that may have tokens for it, which is also that of the person, and an issuer
// whose tokens give it.
func resources(t *testing.T) (s *testkit.Server, robot testkit.Credentials, idp *testkit.Issuer) {
	t.Helper()
	s, idp = testkit.Start(t, unlimited), testkit.StartIssuer(t)
	s.Resource(t, testkit.Account, resource)
	robot = s.AccessKey(t, s.ServiceUser(t, "robot", anyToken))
	now := time.Now()
	if err := s.Store.SetRolePolicy(t.Context(), s.Role.ID, anyToken, false, now, now); err != nil {
		t.Fatal(err)
	}
	s.Trust(t, testkit.Account, idp, audience, trust.Rules{AllowPrivate: true, Roles: []trust.Mapping{{Role: testkit.RoleName}}})
	time.Sleep(time.Second) // the sessions of the policy before end
	return s, robot, idp
}

// Class: tokens of other issuers, CWE-347 and CWE-345. Mallory makes a token that looks like one of an issuer that an account
// trusts. Libraries took unsigned ones (CVE-2015-9235), MACs with the public key (CVE-2016-10555), keys that the token brought
// along (CVE-2018-0114), and signatures of nothing but zeroes (CVE-2022-21449).
//
// Here the account names the algorithms and the issuer publishes the keys, and the token chooses among them. Tokens of this
// server are no tokens of others, and those that it gives are good for their resource and nothing else here.
func TestForeignTokensBuyNothing(t *testing.T) {
	s, robot, idp := resources(t)
	c := s.Client()
	login := c.Login(t)
	given := s.Exchange(t, idp.Token(t, idp.Claims(audience, "carol", nil)), resource, nil)
	own := s.Ask(t, s.Request(testkit.SignedCall{Path: withIAM, Body: askToken}, robot))
	if given.Status != http.StatusOK || own.Status != http.StatusOK {
		t.Fatalf("good requests = %d %s, %d %s", given.Status, given.Body, own.Status, own.Body)
	}
	mallory := testkit.StartIssuer(t).Key()
	key := idp.Key()
	pretends := testkit.IssuerKey{ID: key.ID, Algorithm: key.Algorithm, Private: mallory.Private}
	good := idp.Claims(audience, "carol", nil)
	for name, token := range map[string]string{
		"signed by another":        pretends.Sign(t, good, nil),
		"with a key of its own":    pretends.Sign(t, good, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: mallory.Private.Public()}}),
		"unsigned":                 encode(`{"alg":"none","kid":"`+key.ID+`"}`, text(t, map[string]string{"iss": idp.URL})) + ".",
		"of zeroes":                encode(`{"alg":"ES256","kid":"`+key.ID+`"}`, `{"iss":"`+idp.URL+`","aud":"`+audience+`","sub":"carol","exp":9999999999}`, strings.Repeat("\x00", 64)),
		"the id token of a person": login.IDToken,
		"an access token":          own.AccessToken,
		"what was given before":    given.AccessToken, // so that nobody lives for ever by exchanging what they got
		"a refresh token":          login.RefreshToken,
		"a session token":          login.AccessToken.SessionToken,
	} {
		if a := s.Exchange(t, token, resource, nil); a.Status != http.StatusBadRequest || a.Error != "invalid_grant" {
			t.Errorf("%s = %d %s", name, a.Status, a.Body)
		}
	}
	for name, token := range map[string]string{"own": own.AccessToken, "given": given.AccessToken} {
		body := c.RefreshBody(token)
		if a := c.Post(t, body, c.Proof()); a.Status == http.StatusOK {
			t.Errorf("the %s access token refreshes: %s", name, a.Body)
		}
		for _, path := range []string{withIAM, bearer} {
			r := httptest.NewRequest(http.MethodPost, s.Base+path, strings.NewReader(askToken))
			r.Header.Set("Content-Type", jsonType)
			r.Header.Set("Authorization", "Bearer "+token)
			if a := s.Ask(t, r); a.Status != http.StatusForbidden || a.Error != "INSUFFICIENT_PERMISSIONS" {
				t.Errorf("the %s access token in place of a signature = %d %s", name, a.Status, a.Body)
			}
			keys := login.Credentials()
			keys.SessionToken = token
			if a := s.Ask(t, s.Request(testkit.SignedCall{Path: path, Body: askToken}, keys)); a.Status != http.StatusForbidden {
				t.Errorf("the %s access token in place of a session token = %d %s", name, a.Status, a.Body)
			}
		}
	}
}

// Class: authority that lives on, CWE-613. Mallory loses what let her have tokens, and goes on getting them: with credentials
// of a session that was revoked, a key that was disabled, a role that was changed, an issuer that is not trusted any more, a
// resource that was removed.
//
// Here all of that is asked at every request, or heard of within two seconds. What was given before is good for an hour at
// most, or as long as CreateBearerToken was asked for, because resource servers do not ask.
func TestAuthorityDoesNotLiveOn(t *testing.T) {
	s, robot, idp := resources(t)
	ctx := t.Context()
	login := s.Client().Login(t)
	call := testkit.SignedCall{Path: withIAM, Body: askToken}
	asSession := func() testkit.TokenAnswer { return s.Ask(t, s.Request(call, login.Credentials())) }
	asKey := func() testkit.TokenAnswer { return s.Ask(t, s.Request(call, robot)) }
	token := idp.Token(t, idp.Claims(audience, "carol", nil))
	byIssuer := func() testkit.TokenAnswer { return s.Exchange(t, token, resource, nil) }
	policyOf := func(document string) func() error {
		return func() error {
			now := time.Now()
			return s.Store.SetRolePolicy(ctx, s.Role.ID, document, false, now, signin.NoticeExpiry(now))
		}
	}
	for _, tt := range []struct {
		name   string
		ask    func() testkit.TokenAnswer
		end    func() error
		status int
		mend   func() error // so that the next one can begin; nil: nothing is to be mended
	}{
		{"a session that was revoked", asSession, func() error { s.Revoke(t, login); return nil }, 401, nil},
		{"a role that was changed", byIssuer, policyOf(strings.ReplaceAll(anyToken, "signin:*", "s3:*")), 403, policyOf(anyToken)},
		{"an issuer that is not trusted any more", byIssuer, func() error {
			all, err := s.Store.TrustedIssuers(ctx)
			if err != nil {
				return err
			}
			return s.Store.RemoveTrustedIssuer(ctx, all[0].ID)
		}, 400, nil},
		{"a resource that was removed", asKey, func() error { return s.Store.RemoveResource(ctx, testkit.Account, resource) }, 403, func() error {
			s.Resource(t, testkit.Account, resource)
			return nil
		}},
		{"a key that was disabled", asKey, func() error { return s.Store.DisableAccessKey(ctx, robot.AccessKeyID) }, 403, nil},
	} {
		if a := tt.ask(); a.Status != http.StatusOK {
			t.Fatalf("before %s: %d %s", tt.name, a.Status, a.Body)
		}
		if err := tt.end(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1200 * time.Millisecond) // policies are believed for a second
		if a := tt.ask(); a.Status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, a.Status, a.Body, tt.status)
		}
		if tt.mend == nil {
			continue
		}
		if err := tt.mend(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
}
