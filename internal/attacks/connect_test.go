package attacks

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/trust"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// trap listens where nobody should connect.
func trap(t *testing.T) (address string, sprung func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan []string)
	go func() {
		var from []string
		for {
			c, err := l.Accept()
			if err != nil {
				heard <- from
				return
			}
			from = append(from, c.RemoteAddr().String())
			c.Close()
		}
	}()
	return l.Addr().String(), func() []string { l.Close(); return <-heard }
}

// Class: server-side request forgery by clients and tokens, CWE-918. The operations for programs take documents and tokens that are
// full of addresses: a registration names logos, keys and statements, a subject token names its issuer and where its keys are, a
// resource is a URL. Mallory writes an address inside into each. MITREid Connect fetched the logo that a registration named
// (CVE-2021-26715).
//
// Here a registration is kept and nothing in it is fetched; keys are fetched from issuers that an administrator named, of the
// address that was written down, and from an address inside only where that was allowed; and a redirect of theirs is not followed.
func TestDocumentsAndTokensMakeTheServerConnectNowhere(t *testing.T) {
	s, robot, idp := resources(t)
	inside, sprung := trap(t)
	there := "http://" + inside + "/latest/meta-data/"
	// An account trusts an issuer that moved inside since, and one whose documents lead there.
	s.Trust(t, testkit.Account, &testkit.Issuer{URL: "http://" + inside}, audience, trust.Rules{Roles: []trust.Mapping{{Role: testkit.RoleName}}})
	leads := testkit.StartIssuer(t)
	s.Trust(t, testkit.Account, leads, audience, trust.Rules{AllowPrivate: false, Roles: []trust.Mapping{{Role: testkit.RoleName}}})
	leads.Reply("/.well-known/openid-configuration", `{"issuer":"`+leads.URL+`","jwks_uri":"`+there+`"}`)

	members := []string{
		"logo_uri", "client_uri", "policy_uri", "tos_uri", "jwks_uri", "sector_identifier_uri", "request_uris", "initiate_login_uri", "software_id",
		"backchannel_logout_uri", "registration_client_uri", "software_statement",
	}
	for _, scheme := range []string{"http://", "https://"} {
		for _, name := range members {
			enrol(s, `{"redirect_uris":["`+testkit.DynamicRedirect+`"],"`+name+`":"`+scheme+inside+`/"}`)
			enrol(s, `{"redirect_uris":["`+scheme+inside+`/"],"`+name+`":["`+scheme+inside+`/"]}`)
		}
	}
	mallory := testkit.IssuerKey{ID: there, Algorithm: jose.ES256, Private: testkit.NewKey()}
	for _, iss := range []string{there, "http://" + inside, leads.URL, idp.URL, "https://" + inside} {
		claims := idp.Claims(audience, "carol", map[string]any{"iss": iss, "jwks_uri": there, "sub_jwk": there})
		for _, header := range []map[jose.HeaderKey]any{
			nil, {"jku": there}, {"x5u": there}, {"jku": there, "x5u": there, "kid": there, "url": there, "iss": there},
		} {
			if a := s.Exchange(t, mallory.Sign(t, claims, header), resource, map[string]string{"actor_token": there, "audience": there}); a.Status == http.StatusOK {
				t.Errorf("Mallory's token of %s with %v is exchanged", iss, header)
			}
			s.Exchange(t, mallory.Sign(t, claims, header), there, nil)
		}
	}
	for path, body := range map[string]string{
		withIAM: `{"grant_type":"client_credentials","resource":"` + there + `"}`, bearer: `{"grant_type":"client_credentials","resource":"` + there + `"}`,
		wire.IntrospectPath + "?x-amz-client-auth-method=iam": `{"token":"` + there + `"}`, revokeWithIAM: `{"token":"` + there + `"}`,
		"/put-resource-permission-statement":                           `{"sourceIp":"` + inside + `"}`,
		"/put-console-authorization-configuration":                     `{"targetId":"` + there + `"}`,
		"/create-trusted-identity-propagation-application-for-console": `{"instanceArn":"` + there + `"}`,
	} {
		if w := s.Do(s.Request(testkit.SignedCall{Path: path, Body: body}, robot)); w.Code == http.StatusInternalServerError {
			t.Errorf("%s with %s = %d %s", path, body, w.Code, w.Body)
		}
	}
	for _, iss := range []string{"", "?iss=" + there, "?issuer=" + there} {
		for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/openapi.json"} {
			r := httptest.NewRequest(http.MethodGet, s.Base+path+iss, strings.NewReader(""))
			r.Header.Set("X-Forwarded-Host", inside)
			r.Header.Set("Origin", "http://"+inside)
			s.Do(r)
		}
	}
	// Whom the account trusts is still asked, so the trap was not avoided by asking nobody.
	honest := testkit.StartIssuer(t)
	s.Trust(t, testkit.Account, honest, audience, trust.Rules{AllowPrivate: true, Roles: []trust.Mapping{{Role: testkit.RoleName}}})
	if a := s.Exchange(t, honest.Token(t, honest.Claims(audience, "carol", nil)), resource, nil); a.Status != http.StatusOK || honest.Requests() == 0 {
		t.Errorf("a token of a trusted issuer = %d %s, want 200 and that its keys were fetched", a.Status, a.Body)
	}
	if from := sprung(); len(from) > 0 {
		t.Errorf("somebody connected: %v", from)
	}
	d := s.Dynamic(t)
	d.Resource = there
	if to := location(t, get(s, "/v1/authorize?"+d.AuthorizeQuery().Encode())); to == nil || to.Query().Get("error") != "invalid_target" {
		t.Errorf("an authorization for %s leads to %v, want %v", there, to, signin.TargetInvalid)
	}
}
