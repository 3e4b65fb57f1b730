package token_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

func TestDynamicClientGetsTokensForItsResource(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	g := d.Login(t)
	if g.TokenType != "Bearer" || g.ExpiresIn < 3598 || g.ExpiresIn > 3600 || g.IDToken != "" || g.Scope != "" {
		t.Errorf("login = %s, want a bearer token of an hour", g.Body)
	}
	if len(g.AccessToken) > seal.MaxAccess || len(g.RefreshToken) > seal.MaxRefresh {
		t.Errorf("tokens have %d and %d characters", len(g.AccessToken), len(g.RefreshToken))
	}
	for header, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"} {
		if got := g.Header.Get(header); got != want {
			t.Errorf("%s = %q, want %q", header, got, want)
		}
	}
	access, err := seal.OpenAccess(s.Ring, g.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	session := access.Session
	if session.ClientID != d.ID || session.Resource != testkit.Resource || session.Principal.Role != testkit.AgentRole || session.Principal.PersonID != s.Person.ID {
		t.Errorf("access token says %+v", session)
	}
	if access.Generation != 0 || !access.Issued.Equal(session.Start) || access.Expires.Sub(access.Issued) != time.Hour {
		t.Errorf("access token is of generation %d, from %v to %v", access.Generation, access.Issued, access.Expires)
	}
	stored, err := s.Store.SessionByID(t.Context(), session.ID)
	if err != nil || stored.ClientID != d.ID {
		t.Errorf("stored session is of client %q, %v, want %q", stored.ClientID, err, d.ID)
	}
}

// The three spellings of a request, each answered alike (wire: "Response spelling").
func TestDynamicClientIsAnsweredInItsSpelling(t *testing.T) {
	s := testkit.Start(t)
	for name, send := range map[string]func(d *testkit.Dynamic, form url.Values) (body, contentType string){
		"snake": func(_ *testkit.Dynamic, form url.Values) (string, string) {
			return jsonOf(t, form, nil), "application/json"
		},
		"camel": func(_ *testkit.Dynamic, form url.Values) (string, string) {
			return jsonOf(t, form, map[string]string{
				"grant_type": "grantType", "client_id": "clientId", "code_verifier": "codeVerifier", "redirect_uri": "redirectUri", "refresh_token": "refreshToken",
			}), "application/json"
		},
	} {
		d := s.Dynamic(t)
		token := ""
		for _, form := range []func() url.Values{
			func() url.Values { return d.CodeForm(d.Authorize(t)) },
			func() url.Values { return d.RefreshForm(token) },
		} {
			body, contentType := send(d, form())
			r := httptest.NewRequest(http.MethodPost, s.Base+wire.TokenPath, strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			g := d.Send(t, r)
			var members map[string]any
			if err := json.Unmarshal([]byte(g.Body), &members); err != nil || g.Status != http.StatusOK {
				t.Fatalf("%s: %d %s %v", name, g.Status, g.Body, err)
			}
			access, refresh := "access_token", "refresh_token"
			if name == "camel" {
				access, refresh = "accessToken", "refreshToken"
			}
			if a, _ := members[access].(string); !strings.HasPrefix(a, "ASOA") {
				t.Errorf("%s: answer %s has no %s", name, g.Body, access)
			}
			token, _ = members[refresh].(string)
		}
	}
}

// jsonOf returns a form as a JSON object, with its members renamed.
func jsonOf(t *testing.T, form url.Values, names map[string]string) string {
	t.Helper()
	object := map[string]string{}
	for name := range form {
		renamed := name
		if other, ok := names[name]; ok {
			renamed = other
		}
		object[renamed] = form.Get(name)
	}
	b, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestScopeDecidesWhatComesBesideTheTokens(t *testing.T) {
	s := testkit.Start(t)
	for scope, want := range map[string]string{"": "", "openid": "openid", "offline_access": "offline_access", "offline_access openid": "openid offline_access"} {
		d := s.Dynamic(t)
		d.Scope = scope
		g := d.Login(t)
		if g.Scope != want || (g.IDToken != "") != strings.Contains(scope, "openid") {
			t.Errorf("scope %q: answer has scope %q and id token %q", scope, g.Scope, g.IDToken)
		}
		if g.IDToken == "" {
			continue
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(g.IDToken, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ Aud, Iss, Sub string }
		if err := json.Unmarshal(payload, &claims); err != nil || claims.Aud != d.ID || claims.Iss != s.Base || !strings.HasSuffix(claims.Sub, "/"+testkit.Person) {
			t.Errorf("id token says %s, %v", payload, err)
		}
		if again := d.Refresh(t, g.RefreshToken).WantOK(t); again.IDToken != "" {
			t.Error("a refresh gives an id token")
		}
	}
}

func TestClientWithoutRefreshGrantGetsNoRefreshToken(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t, func(m *clients.Metadata) { m.GrantTypes = []string{signin.GrantAuthorizationCode} })
	d.Scope = "openid offline_access"
	g := d.Login(t)
	if g.RefreshToken != "" || g.Scope != "openid" {
		t.Errorf("answer = %s, want no refresh token, and a scope that does not promise one", g.Body)
	}
	other := s.Dynamic(t)
	form := other.RefreshForm(other.Login(t).RefreshToken)
	form.Set("client_id", d.ID)
	d.Post(t, form, "").WantFault(t, signin.ClientGrantMissing, "unauthorized_client")
}

// A client that is refused reads why in the words of OAuth (RFC 6749 section 5.2), and what was refused costs nothing.
func TestBadRequestsOfDynamicClients(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	code := d.Authorize(t)
	for _, tt := range []struct {
		name, member, value string
		kind                signin.Kind
		code                string
	}{
		{"no grant type", "grant_type", "", signin.ParameterMissing, "invalid_request"},
		{"another grant type", "grant_type", "password", signin.GrantUnknown, "unsupported_grant_type"},
		{"client credentials without their query", "grant_type", "client_credentials", signin.GrantUnknown, "unsupported_grant_type"},
		{"no code", "code", "", signin.ParameterMissing, "invalid_request"},
		{"another code", "code", "abc", signin.CodeUnknown, "invalid_grant"},
		{"a code that was altered", "code", code[:len(code)-2] + "AA", signin.CodeUnknown, "invalid_grant"},
		{"no verifier", "code_verifier", "", signin.ParameterMissing, "invalid_request"},
		{"a short verifier", "code_verifier", "short", signin.ParameterInvalid, "invalid_request"},
		{"another verifier", "code_verifier", strings.Repeat("a", 43), signin.CodeMismatch, "invalid_grant"},
		{"the challenge for the verifier", "code_verifier", d.AuthorizeQuery().Get("code_challenge"), signin.CodeMismatch, "invalid_grant"},
		{"no redirect URI", "redirect_uri", "", signin.ParameterMissing, "invalid_request"},
		{"another port", "redirect_uri", "http://127.0.0.1:41754/callback", signin.CodeMismatch, "invalid_grant"},
		{"another resource", "resource", "https://other.example.com/", signin.TargetInvalid, "invalid_target"},
		{"the resource with a slash", "resource", testkit.Resource + "/", signin.TargetInvalid, "invalid_target"},
		{"an unregistered client", "client_id", signin.DynamicClientID("us-east-1", signin.NewSessionID(time.Now())), signin.ClientUnknown, "invalid_client"},
		{"the client in another region", "client_id", strings.Replace(d.ID, "us-east-1", "eu-west-1", 1), signin.ClientUnknown, "invalid_client"},
		{"a client that describes itself", "client_id", "https://client.example.com/metadata.json", signin.ClientUnknown, "invalid_client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			form := d.CodeForm(code)
			form.Set(tt.member, tt.value)
			d.Post(t, form, "").WantFault(t, tt.kind, tt.code)
		})
	}
	d.Redeem(t, code).WantOK(t)
}

// Whatever comes before the client is known is answered as it was: nobody knows yet who reads it.
func TestFaultsBeforeTheClientKeepTheirShape(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	for _, body := range []string{`{`, `client_id=a&client_id=b`, `[]`} {
		r := httptest.NewRequest(http.MethodPost, s.Base+wire.TokenPath, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if a := c.Send(t, r); a.Type != "ValidationException" {
			t.Errorf("body %q = %d %s", body, a.Status, a.Body)
		}
	}
}

func TestResourceMayBeLeftOutAtTheTokenEndpoint(t *testing.T) {
	s := testkit.Start(t)
	s.Resource(t, testkit.Account, "https://another.example.com/")
	d := s.Dynamic(t)
	form := d.CodeForm(d.Authorize(t))
	form.Del("resource")
	g := d.Post(t, form, "").WantOK(t)
	form = d.RefreshForm(g.RefreshToken)
	form.Del("resource")
	g = d.Post(t, form, "").WantOK(t)
	if access, err := seal.OpenAccess(s.Ring, g.AccessToken); err != nil || access.Session.Resource != testkit.Resource {
		t.Errorf("access token is for %q, %v, want %q", access.Session.Resource, err, testkit.Resource)
	}
}

// An administrator takes a resource away. Nothing new is given for it, also to who names none; and once it is back, what
// was not spent goes on.
func TestRemovedResourceStopsTokens(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	code, token := d.Authorize(t), d.Login(t).RefreshToken
	if err := s.Store.RemoveResource(t.Context(), testkit.Account, testkit.Resource); err != nil {
		t.Fatal(err)
	}
	for _, without := range []bool{false, true} {
		redeem, refresh := d.CodeForm(code), d.RefreshForm(token)
		if without {
			redeem.Del("resource")
			refresh.Del("resource")
		}
		d.Post(t, redeem, "").WantFault(t, signin.TargetInvalid, "invalid_target")
		d.Post(t, refresh, "").WantFault(t, signin.TargetInvalid, "invalid_target")
	}
	s.Resource(t, testkit.Account, testkit.Resource)
	d.Redeem(t, code).WantOK(t)
	d.Refresh(t, token).WantOK(t)
}

// Attack: the resource of the code belongs to one account. That another account has one of the same name must not help.
func TestResourceOfAnotherAccountIsNoGood(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	code := d.Authorize(t)
	addAccount(t, s, "999988887777")
	s.Resource(t, "999988887777", testkit.Resource)
	if err := s.Store.RemoveResource(t.Context(), testkit.Account, testkit.Resource); err != nil {
		t.Fatal(err)
	}
	d.Redeem(t, code).WantFault(t, signin.TargetInvalid, "invalid_target")
}

func TestDynamicSessionEndsWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Session = time.Hour })
		d := s.Dynamic(t)
		g := d.Login(t)
		time.Sleep(30 * time.Minute)
		g = d.Refresh(t, g.RefreshToken).WantOK(t)
		if g.ExpiresIn > 30*60 || g.ExpiresIn < 30*60-2 {
			t.Errorf("half an hour before the end expires_in = %d, want 1800", g.ExpiresIn)
		}
		time.Sleep(29*time.Minute + 57*time.Second)
		g = d.Refresh(t, g.RefreshToken).WantOK(t)
		if g.ExpiresIn < 1 || g.ExpiresIn > 3 {
			t.Errorf("three seconds before the end expires_in = %d", g.ExpiresIn)
		}
		time.Sleep(3 * time.Second)
		d.Refresh(t, g.RefreshToken).WantFault(t, signin.SessionEnded, "invalid_grant")
	})
}

func TestDynamicCodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		d := s.Dynamic(t)
		code := d.Authorize(t)
		time.Sleep(5*time.Minute + time.Second)
		d.Redeem(t, code).WantFault(t, signin.CodeExpired, "invalid_grant")
	})
}

// A registration ends. After that nothing of the client works, and it is told to register again.
func TestExpiredRegistrationIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		d := s.Dynamic(t)
		now := time.Now()
		m := clients.Metadata{
			ClientID: signin.DynamicClientID("us-east-1", signin.NewSessionID(now)), RedirectURIs: []string{d.Redirect},
			GrantTypes: []string{signin.GrantAuthorizationCode, signin.GrantRefreshToken},
		}
		row, err := m.Registration(now, now.Add(time.Minute))
		if err == nil {
			err = s.Store.RegisterClient(t.Context(), row)
		}
		if err != nil {
			t.Fatal(err)
		}
		d.ID = m.ClientID
		g := d.Login(t)
		time.Sleep(time.Minute)
		d.Refresh(t, g.RefreshToken).WantFault(t, signin.ClientUnknown, "invalid_client")
	})
}

// What an administrator takes away ends the sessions of dynamic clients as it ends all others, and the client is told to ask
// the person again.
func TestNoticesEndDynamicSessions(t *testing.T) {
	for name, take := range map[string]struct {
		kind signin.Kind
		away func(ctx context.Context, s *testkit.Server, at time.Time) error
	}{
		"password changed": {signin.CredentialsChanged, func(ctx context.Context, s *testkit.Server, at time.Time) error {
			return s.Store.SetPassword(ctx, s.Person.ID, "$argon2id$v=19$m=16,t=2,p=1$MTIzNDU2Nzg$YWJj", at, signin.NoticeExpiry(at))
		}},
		"person disabled": {signin.PermissionMissing, func(ctx context.Context, s *testkit.Server, at time.Time) error {
			return s.Store.DisablePerson(ctx, s.Person.ID, at, signin.NoticeExpiry(at))
		}},
		"role taken away": {signin.PermissionMissing, func(ctx context.Context, s *testkit.Server, at time.Time) error {
			role, err := s.Store.RoleByName(ctx, testkit.Account, testkit.AgentRole)
			if err != nil {
				return err
			}
			return s.Store.Unassign(ctx, s.Person.ID, role.ID, at, signin.NoticeExpiry(at))
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.Start(t)
			d := s.Dynamic(t)
			code, g := d.Authorize(t), d.Login(t)
			if err := take.away(t.Context(), s, time.Now()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			time.Sleep(2 * time.Second)
			d.Refresh(t, g.RefreshToken).WantFault(t, take.kind, "invalid_grant")
			d.Redeem(t, code).WantFault(t, take.kind, "invalid_grant")
		})
	}
}
