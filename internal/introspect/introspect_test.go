package introspect_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	path     = "/v1/introspect?x-amz-client-auth-method=iam"
	inactive = `{"active":false}`
	allowed  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:IntrospectOAuth2Token","Resource":"*"}]}`
)

// gateway is a resource server of the account, which may introspect.
type gateway struct {
	*testkit.Server
	keys testkit.Credentials
}

func newGateway(t testing.TB, options ...testkit.Option) gateway {
	t.Helper()
	s := testkit.Start(t, options...)
	return gateway{s, s.AccessKey(t, s.ServiceUser(t, "gateway", allowed))}
}

// ask introspects a token, in JSON.
func (g gateway) ask(t testing.TB, token string) *httptest.ResponseRecorder {
	t.Helper()
	return g.as(t, g.keys, token)
}

func (g gateway) as(t testing.TB, keys testkit.Credentials, token string) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	return g.Do(g.Request(testkit.SignedCall{Path: path, Body: string(body)}, keys))
}

// members returns what is told of a token that must be good.
func (g gateway) members(t testing.TB, token string) map[string]any {
	t.Helper()
	w := g.ask(t, token)
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != http.StatusOK || m["active"] != true {
		t.Fatalf("introspection = %d %s, want a good token", w.Code, w.Body)
	}
	return m
}

// wantInactive fails the test unless the token is not good, and nothing more is said.
func (g gateway) wantInactive(t testing.TB, what, token string) {
	t.Helper()
	w := g.ask(t, token)
	if w.Code != http.StatusOK || w.Body.String() != inactive || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %d %v %s, want exactly %s", what, w.Code, w.Header(), w.Body, inactive)
	}
}

// session returns the session of a refresh token of a dynamic client.
func session(t testing.TB, s *testkit.Server, token string) signin.Session {
	t.Helper()
	found, _, err := seal.OpenGrant(s.Ring, token)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestGoodTokensAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		d := g.Dynamic(t)
		granted := d.Login(t)
		s := session(t, g.Server, granted.RefreshToken)
		began := float64(s.Start.Unix())
		want := map[string]any{
			"active": true, "token_type": "access_token", "client_id": d.ID, "account_id": testkit.Account,
			"user_id": s.Principal.UserID(), "sub": "arn:aws:sts::111122223333:assumed-role/Agent/alice",
			"aud": testkit.Resource, "iss": g.Base, "iat": began, "nbf": began, "exp": began + 3600,
			"signin_session": "arn:aws:signin:us-east-1:111122223333:session/" + s.ID.String(),
		}
		got := g.members(t, granted.AccessToken)
		id, _ := got["jti"].(string)
		delete(got, "jti")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("an access token (-want +got):\n%s", diff)
		}
		want["token_type"], want["exp"], want["resource"] = "refresh_token", began+12*3600, want["aud"]
		delete(want, "aud")
		got = g.members(t, granted.RefreshToken)
		other, _ := got["jti"].(string)
		delete(got, "jti")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a refresh token (-want +got):\n%s", diff)
		}
		if len(id) != 22 || len(other) != 22 || id == other {
			t.Errorf("jti is %q and %q, want two names", id, other)
		}

		// A devtools login: its refresh token has no resource, and is bound to a key.
		time.Sleep(6 * time.Minute)
		c := g.Client()
		token := c.Login(t).RefreshToken
		time.Sleep(6 * time.Minute)
		first := g.members(t, token)
		next := c.Refresh(t, token).RefreshToken
		second := g.members(t, next)
		if first["client_id"] != signin.SameDevice || first["token_type"] != "refresh_token" || first["resource"] != nil || first["aud"] != nil {
			t.Errorf("a devtools refresh token is told as %v", first)
		}
		jkt, _ := first["cnf"].(map[string]any)["jkt"].(string)
		if b, err := base64.RawURLEncoding.DecodeString(jkt); err != nil || len(b) != 32 {
			t.Errorf("cnf is %v, want a thumbprint", first["cnf"])
		}
		if first["jti"] == second["jti"] || first["signin_session"] != second["signin_session"] || second["iat"].(float64)-first["iat"].(float64) != 300 {
			t.Errorf("the tokens of two steps are told as %v and %v", first, second)
		}
	})
}

// The jti follows from the token: the same at another node, and at another time.
func TestNamesOfTokensAreStable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		granted := g.Dynamic(t).Login(t)
		first := g.members(t, granted.AccessToken)
		time.Sleep(time.Minute)
		elsewhere := gateway{g.Node(t), g.keys}
		if again := elsewhere.members(t, granted.AccessToken); again["jti"] != first["jti"] || again["exp"] != first["exp"] {
			t.Errorf("one token is told as %v and as %v", first, again)
		}
	})
}

// An SDK sends JSON, an OAuth library a form. The hint says nothing that the token does not.
func TestBothContentTypesAndAnyHint(t *testing.T) {
	g := newGateway(t)
	token := g.Dynamic(t).Login(t).AccessToken
	want := g.ask(t, token).Body.String()
	for _, hint := range []string{"", "access_token", "refresh_token"} {
		form := url.Values{"token": {token}, "token_type_hint": {hint}}.Encode()
		r := httptest.NewRequest(http.MethodPost, g.Base+path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		g.keys.Sign(r, []byte(form), g.Scope("signin"))
		if w := g.Do(r); w.Body.String() != want {
			t.Errorf("a form with hint %q = %d %s, want %s", hint, w.Code, w.Body, want)
		}
		if hint == "" {
			continue
		}
		body := `{"token_type_hint":"` + hint + `","token":"` + token + `"}`
		if w := g.Do(g.Request(testkit.SignedCall{Path: path, Body: body}, g.keys)); w.Body.String() != want {
			t.Errorf("JSON with hint %q = %d %s, want %s", hint, w.Code, w.Body, want)
		}
	}
	if w := g.Do(g.Presigned(testkit.SignedCall{Path: path, Body: `{"token":"` + token + `"}`}, g.keys, g.Scope("signin"), time.Minute)); w.Body.String() != want {
		t.Errorf("a presigned URL = %d %s, want %s", w.Code, w.Body, want)
	}
}

// What bounds a token ends it here too, to the second.
func TestTokensEndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const life = 65 * time.Minute // the shorter, the less a node has to poll meanwhile
		g := newGateway(t, func(c *config.Config) { c.Lifetimes.Session = life })
		d := g.Dynamic(t)
		granted := d.Login(t)
		tool := g.Client().Login(t).RefreshToken
		at := func(d time.Duration) { time.Sleep(time.Until(session(t, g.Server, granted.RefreshToken).Start.Add(d))) }
		at(time.Hour - time.Second)
		g.members(t, granted.AccessToken)
		at(time.Hour)
		g.wantInactive(t, "an access token after its hour", granted.AccessToken)
		at(life - time.Second)
		g.members(t, granted.RefreshToken)
		g.members(t, tool)
		at(life)
		g.wantInactive(t, "a refresh token after its session", granted.RefreshToken)
		time.Sleep(2 * time.Second)
		g.wantInactive(t, "a devtools refresh token after its session", tool)
	})
}

// An operator who shortens sessions means those under way too, and their access tokens.
func TestShortenedSessionsEndTheirTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		granted := g.Dynamic(t).Login(t)
		time.Sleep(31 * time.Minute)
		g.Restart(t, func(c *config.Config) { c.Lifetimes.Session = 30 * time.Minute })
		g.wantInactive(t, "an access token of a session that was shortened", granted.AccessToken)
		g.wantInactive(t, "its refresh token", granted.RefreshToken)
	})
}

// A refresh token of a dynamic client is good once. What it was exchanged for is good in its place, and an access token lives
// on.
func TestRefreshTokenIsGoodInItsGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		d := g.Dynamic(t)
		first := d.Login(t)
		second := d.Refresh(t, first.RefreshToken).WantOK(t)
		g.wantInactive(t, "a refresh token that was used", first.RefreshToken)
		g.members(t, second.RefreshToken)
		a, b := g.members(t, first.AccessToken), g.members(t, second.AccessToken)
		if a["jti"] == b["jti"] {
			t.Error("the access tokens of two generations have one jti")
		}
	})
}

func TestWhatIsNoGoodTokenIsToldInOneWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		d := g.Dynamic(t)
		granted := d.Login(t)
		tool := g.Client().Login(t)
		code := d.Authorize(t)
		cut := func(s string) string { return s[:len(s)-1] }
		for what, token := range map[string]string{
			"a word": "x", "a prefix": "ASOA", "another prefix": "ASOR", "a long word": strings.Repeat("é", 4096), "spaces": "  ", "zeros": "\x00\x00",
			"an access token cut": cut(granted.AccessToken), "a refresh token cut": cut(granted.RefreshToken), "a devtools token cut": cut(tool.RefreshToken),
			"one kind as another": "ASOR" + granted.AccessToken[4:], "the other way round": "ASOA" + granted.RefreshToken[4:],
			"a code": code, "a code as a token": "ASOR" + code, "a session token": tool.AccessToken.SessionToken, "an id token": tool.IDToken,
			"an access key id": tool.AccessToken.AccessKeyID, "more behind it": granted.AccessToken + "A", "a space in front": " " + granted.AccessToken,
			"a line end within": granted.AccessToken[:60] + "\n" + granted.AccessToken[60:] + "=",
		} {
			g.wantInactive(t, what, token)
		}
		// Only what breaks the documented length is refused.
		for body, want := range map[string]signin.Kind{
			`{}`: signin.ParameterMissing, `{"token":null}`: signin.ParameterMissing, `{"token":""}`: signin.ParameterInvalid,
			`{"token":"` + strings.Repeat("a", 4097) + `"}`: signin.ParameterInvalid, `{"token":1}`: signin.ParameterInvalid,
			`{"token":"a","token_type_hint":"id_token"}`: signin.ParameterInvalid, `{"token":"a","token":"b"}`: signin.BodyMalformed,
			`{"Token":"a"}`: signin.ParameterInvalid, `{"token":"a","tokenTypeHint":"access_token"}`: signin.ParameterInvalid,
			`{"token":"a","client_id":"b"}`: signin.ParameterInvalid, `{"token":"a"}x`: signin.BodyMalformed, `["a"]`: signin.BodyMalformed,
		} {
			g.WantRefused(t, body, g.Request(testkit.SignedCall{Path: path, Body: body}, g.keys), want)
		}
	})
}

// A session that was ended, in whatever way, is over for resource servers within two seconds, on every node.
func TestEndedSessionsAreInactiveEverywhere(t *testing.T) {
	for how, end := range map[string]func(t *testing.T, g gateway, d *testkit.Dynamic, granted testkit.Granted){
		"a refresh token was used twice": func(t *testing.T, _ gateway, d *testkit.Dynamic, granted testkit.Granted) {
			d.Refresh(t, granted.RefreshToken).WantOK(t)
			time.Sleep(time.Minute)
			d.Refresh(t, granted.RefreshToken).WantFault(t, signin.RefreshReused, "invalid_grant")
		},
		"the person was disabled": func(t *testing.T, g gateway, _ *testkit.Dynamic, _ testkit.Granted) {
			now := time.Now()
			if err := g.Store.DisablePerson(t.Context(), g.Person.ID, now, signin.NoticeExpiry(now)); err != nil {
				t.Fatal(err)
			}
		},
		"a policy was attached": func(t *testing.T, g gateway, _ *testkit.Dynamic, _ testkit.Granted) {
			now := time.Now()
			a := store.Attachment{Target: store.Target{Kind: store.ToPerson, ID: g.Person.ID}, Policy: "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"}
			if err := g.Store.AttachPolicy(t.Context(), a, true, now, signin.NoticeExpiry(now)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGateway(t)
			elsewhere := gateway{g.Node(t), g.keys}
			d := g.Dynamic(t)
			granted := d.Login(t)
			g.members(t, granted.AccessToken)
			elsewhere.members(t, granted.RefreshToken)
			end(t, g, d, granted)
			time.Sleep(2 * time.Second)
			for _, token := range []string{granted.AccessToken, granted.RefreshToken} {
				g.wantInactive(t, how, token)
				elsewhere.wantInactive(t, how+", at another node", token)
			}
		})
	}
}

func TestCallersNeedPermission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		d := g.Dynamic(t)
		token, tool := d.Login(t).AccessToken, g.Client().Login(t)
		conditions := func(condition string) string {
			return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:IntrospectOAuth2Token","Resource":"*","Condition":{` + condition + `}}]}`
		}
		for name, tt := range map[string]struct {
			document          string
			own, tool, garble bool // allowed for an access token of the client, a devtools refresh token, and no token
		}{
			"nothing":            {policy.ExchangeToken, false, false, false},
			"revocation-alone":   {strings.Replace(allowed, "Introspect", "Revoke", 1), false, false, false},
			"all":                {allowed, true, true, true},
			"access-tokens":      {conditions(`"StringEquals":{"signin:OAuthTokenType":"access_token"}`), true, false, false},
			"refresh-tokens":     {conditions(`"StringEquals":{"signin:OAuthTokenType":"refresh_token"}`), false, true, true},
			"one-client":         {conditions(`"StringEquals":{"signin:OAuthClientId":"` + d.ID + `"}`), true, false, false},
			"one-client-or-none": {conditions(`"StringEqualsIfExists":{"signin:OAuthClientId":"` + d.ID + `"}`), true, false, true},
		} {
			keys := g.AccessKey(t, g.ServiceUser(t, name, tt.document))
			for token, may := range map[string]bool{token: tt.own, tool.RefreshToken: tt.tool, "ASORx": tt.garble} {
				w := g.as(t, keys, token)
				if may != (w.Code == http.StatusOK) || !may && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "INSUFFICIENT_PERMISSIONS")) {
					t.Errorf("%s about %.4s… = %d %s, want %v", name, token, w.Code, w.Body, may)
				}
			}
		}
		// A person's role, with the credentials of a login.
		if w := g.as(t, tool.Credentials(), token); w.Code != http.StatusForbidden {
			t.Errorf("a role without permission = %d %s, want 403", w.Code, w.Body)
		}
	})
}

func TestCallersAreProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		token := g.Dynamic(t).Login(t).AccessToken
		g.RefusesUnprovenCallers(t, testkit.SignedCall{Path: path, Body: `{"token":"` + token + `"}`}, g.keys)
	})
}

// A server that cannot know what was revoked says so, and calls nothing good or bad.
func TestDeafServerSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		d := g.Dynamic(t)
		login := g.Client().Login(t)
		granted := d.Login(t)
		g.TakeStoreAway(t)
		time.Sleep(11 * time.Minute)
		body := `{"token":"` + granted.AccessToken + `"}`
		g.WantRefused(t, "a server that hears nothing", g.Request(testkit.SignedCall{Path: path, Body: body}, login.Credentials()), signin.Overloaded)
	})
}
