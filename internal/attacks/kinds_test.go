package attacks

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// kinds are all tokens that a server gives, fresh ones, by what they are. None was used.
func kinds(t *testing.T, s *testkit.Server, robot testkit.Credentials, d *testkit.Dynamic) map[string]string {
	t.Helper()
	c := s.Client()
	login, granted := c.Login(t), d.Login(t)
	all := map[string]string{
		"code of a tool": c.Authorize(t), "code of an agent": d.Authorize(t),
		"refresh token of a tool": login.RefreshToken, "refresh token of an agent": granted.RefreshToken,
		"access token of an agent": granted.AccessToken, "session token": login.AccessToken.SessionToken, "id token": login.IDToken,
		"cursor": seal.SealCursor(s.Ring.SealingKey(time.Now()), seal.Cursor{List: "ListResourcePermissionStatements", Account: testkit.Account, After: "x"}),
	}
	for name, path := range map[string]string{"access token by IAM": withIAM, "bearer token": bearer} {
		a := s.Ask(t, s.Request(testkit.SignedCall{Path: path, Body: askToken}, robot))
		if a.Status != http.StatusOK {
			t.Fatalf("%s = %d %s", name, a.Status, a.Body)
		}
		all[name] = a.AccessToken
	}
	return all
}

// Class: token confusion over all kinds, CWE-843 and CWE-345. A server with many operations gives many kinds of tokens, and an
// attacker who holds one brings it wherever another belongs: the id token of somebody as an access token, an access token to
// refresh by, a code as a refresh token, a token for another resource to sign with (RFC 9068 section 5, RFC 8725 section 3.11 on
// substitution).
//
// Here each place takes one kind, whatever prefix is written before it, and for all others it is as if there were no token.
func TestKindsOfTokensAreNotMistakenForEachOther(t *testing.T) {
	s, robot, idp := resources(t)
	d := s.Dynamic(t)
	c := s.Client()
	all := kinds(t, s, robot, d)
	for name, token := range all {
		body := strings.TrimPrefix(strings.TrimPrefix(token, "ASOR"), seal.AccessPrefix)
		for _, spelled := range []string{token, body, "ASOR" + body, seal.AccessPrefix + body} {
			if name != "refresh token of a tool" {
				if a := c.Refresh(t, spelled); a.Status == http.StatusOK {
					t.Errorf("%s refreshes the session of a tool", name)
				}
			}
			if name != "refresh token of an agent" {
				if g := d.Refresh(t, spelled); g.Status != http.StatusBadRequest || g.AccessToken != "" {
					t.Errorf("%s as the refresh token of an agent = %d %s", name, g.Status, g.Body)
				}
			}
			if name != "code of an agent" {
				if g := d.Redeem(t, spelled); g.Status != http.StatusBadRequest || g.AccessToken != "" {
					t.Errorf("%s as the code of an agent = %d %s", name, g.Status, g.Body)
				}
			}
			if name != "code of a tool" {
				if a := c.Redeem(t, spelled); a.Status == http.StatusOK {
					t.Errorf("%s is redeemed as the code of a tool", name)
				}
			}
			if a := s.Exchange(t, spelled, resource, nil); a.Status == http.StatusOK {
				t.Errorf("%s is exchanged for an access token", name)
			}
			keys := c.Login(t).Credentials()
			if keys.SessionToken = spelled; name == "session token" {
				keys.AccessKeyID = "ASIAAAAAAAAAAAAAAAAA"
			}
			if w := signedBy(s, keys); w.Code != http.StatusForbidden {
				t.Errorf("%s as a session token = %d %s", name, w.Code, w.Body)
			}
			list := s.Request(testkit.SignedCall{Path: "/list-resource-permission-statements", Body: text(t, map[string]string{"nextToken": spelled})}, robot)
			if w := s.Do(list); name != "cursor" && w.Code != http.StatusBadRequest {
				t.Errorf("%s as the token of the next page = %d %s", name, w.Code, w.Body)
			}
			ask := s.Request(testkit.SignedCall{Path: wire.IntrospectPath + "?x-amz-client-auth-method=iam", Body: text(t, map[string]string{"token": spelled})}, robot)
			refreshes := strings.HasPrefix(name, "refresh token") && spelled == token
			if w := s.Do(ask); !refreshes && spelled != all["access token of an agent"] && (w.Code != http.StatusOK || w.Body.String() != `{"active":false}`) {
				t.Errorf("%s, asked about = %d %s, want that it is no token", name, w.Code, w.Body)
			}
			if !refreshes && name != "access token of an agent" { // which end their session
				w := s.Do(s.Request(testkit.SignedCall{Path: revokeWithIAM, Body: text(t, map[string]string{"token": spelled})}, robot))
				held := s.Do(logout(s, formType, url.Values{"token": {spelled}, "client_id": {d.ID}}.Encode(), nil))
				if w.Code != http.StatusOK && w.Code != http.StatusBadRequest || held.Code != http.StatusOK && held.Code != http.StatusBadRequest {
					t.Errorf("%s, revoked = %d %s, %d %s", name, w.Code, w.Body, held.Code, held.Body)
				}
			}
		}
	}
	// None of all that used any of them up, or ended a session.
	mustRefresh(t, c, mustRedeem(t, c, c.Authorize(t)).RefreshToken)
	d.Refresh(t, all["refresh token of an agent"]).WantOK(t)
	d.Redeem(t, all["code of an agent"]).WantOK(t)
	if a := s.Exchange(t, idp.Token(t, idp.Claims(audience, "carol", nil)), resource, nil); a.Status != http.StatusOK {
		t.Errorf("a good subject token = %d %s", a.Status, a.Body)
	}
	d.Refresh(t, all["access token of an agent"]).WantFault(t, signin.RefreshUnknown, "invalid_grant")
}
