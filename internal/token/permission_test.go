package token_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// from sends a form from an address.
func from(t *testing.T, s *testkit.Server, d *testkit.Dynamic, address string, form url.Values) testkit.Granted {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, s.Base+wire.TokenPath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = address + ":50000"
	return d.Send(t, r)
}

// guard attaches a policy of the account that denies where condition holds, before anybody signs in.
func guard(t *testing.T, s *testkit.Server, condition string) {
	t.Helper()
	role, err := s.Store.RoleByName(t.Context(), testkit.Account, testkit.AgentRole)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	arn := "arn:aws:iam::" + testkit.Account + ":policy/Guard"
	document := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"signin:CreateOAuth2Token","Resource":"*","Condition":{` + condition + `}}}`
	err = s.Store.AddManagedPolicy(t.Context(), store.ManagedPolicy{ARN: arn, Account: testkit.Account, Document: document, Created: at})
	if err == nil {
		a := store.Attachment{Target: store.Target{Kind: store.ToRole, ID: role.ID}, Policy: arn}
		err = s.Store.AttachPolicy(t.Context(), a, false, at, signin.NoticeExpiry(at))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Attack: a code or a refresh token is stolen and brought from elsewhere. A policy that ties the role to a network keeps the
// thief out, and the token is not spent by the try.
func TestPolicyTiesDynamicClientsToANetwork(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	guard(t, s, `"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}`)
	form := d.CodeForm(d.Authorize(t))
	from(t, s, d, "203.0.113.9", form).WantFault(t, signin.PermissionMissing, "invalid_grant")
	g := from(t, s, d, "127.0.0.1", form).WantOK(t)
	form = d.RefreshForm(g.RefreshToken)
	from(t, s, d, "203.0.113.9", form).WantFault(t, signin.PermissionMissing, "invalid_grant")
	from(t, s, d, "127.0.0.1", form).WantOK(t)
}

// The grant type is known where the token is made, so a policy can allow an hour and no more.
func TestPolicyCanForbidRefreshing(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	guard(t, s, `"StringEquals":{"signin:OAuthGrantType":"refresh_token"}`)
	g := d.Login(t)
	d.Refresh(t, g.RefreshToken).WantFault(t, signin.PermissionMissing, "invalid_grant")
}

// A policy that is attached later ends the sessions that began without it, by a notice, on whichever node.
func TestChangedPolicyEndsDynamicSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		d := s.Dynamic(t)
		g := d.Login(t)
		guard(t, s, `"StringEquals":{"signin:OAuthClientId":"nobody"}`)
		time.Sleep(2 * time.Second)
		d.Refresh(t, g.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
		d.Refresh(t, d.Login(t).RefreshToken).WantOK(t)
	})
}
