package revoke_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// A signed revocation ends all that came from the session: at once where it was asked for, and within two seconds at every
// other node.
func TestSignedRevocationEndsAllThatTheSessionGave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d, c := w.Dynamic(t), w.Client()
		granted, tool := d.Login(t), c.Login(t)
		bystander := w.Client().Login(t)
		elsewhere := world{w.Node(t), w.keys}
		wantDone(t, "a refresh token of a dynamic client", w.signed(t, w.keys, granted.RefreshToken))
		wantDone(t, "a refresh token of a tool", w.signed(t, w.keys, tool.RefreshToken))
		over := func(w world, where string) {
			for _, token := range []string{granted.AccessToken, granted.RefreshToken, tool.RefreshToken} {
				if w.active(t, token) {
					t.Errorf("%s: %.4s… is still good", where, token)
				}
			}
			if w.works(tool.Credentials()) {
				t.Errorf("%s: the credentials still work", where)
			}
			w.DynamicOf(d).Refresh(t, granted.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
			w.ClientOf(c).Refresh(t, tool.RefreshToken).WantFault(t, signin.SessionRevoked)
			if !w.active(t, bystander.RefreshToken) || !w.works(bystander.Credentials()) {
				t.Errorf("%s: a session that nobody revoked is over too", where)
			}
		}
		over(w, "here")
		time.Sleep(2 * time.Second)
		over(elsewhere, "at another node")
	})
}

// Unknown, over, revoked, of another account: the answer is the same, and nothing is written.
func TestWhatCannotBeRevokedIsAnsweredAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, brief)
		stranger := w.stranger(t)
		d, c := w.Dynamic(t), w.Client()
		granted, tool := d.Login(t), c.Login(t)
		before := w.notices(t)
		for what, token := range map[string]string{
			"a word": "x", "a prefix": "ASOR", "a long word": strings.Repeat("é", 4096), "a refresh token cut": tool.RefreshToken[:100],
			"a session token": tool.AccessToken.SessionToken, "an access key id": tool.AccessToken.AccessKeyID, "one kind as another": "ASOR" + granted.AccessToken[4:],
			"a code": c.Authorize(t),
		} {
			wantDone(t, what, w.signed(t, w.keys, token))
		}
		for _, token := range []string{granted.RefreshToken, tool.RefreshToken} {
			wantDone(t, "a token of another account", w.signed(t, stranger, token))
			if !w.active(t, token) {
				t.Error("a stranger ended a session")
			}
		}
		if now := w.notices(t); now != before {
			t.Errorf("%d notices were given for nothing", now-before)
		}
		wantDone(t, "a token", w.signed(t, w.keys, tool.RefreshToken))
		once := w.notices(t)
		for range 3 {
			wantDone(t, "a token that is revoked", w.signed(t, w.keys, tool.RefreshToken))
			time.Sleep(2 * time.Minute) // longer than the trail holds back repetitions
		}
		time.Sleep(30 * time.Minute)
		wantDone(t, "a token whose session is over", w.signed(t, w.keys, granted.RefreshToken))
		if now := w.notices(t); now != once || once == before {
			t.Errorf("notices went from %d to %d to %d, want one more and no more", before, once, now)
		}
		events := w.events(t, audit.SessionRevoked)
		if len(events) != 1 || !strings.Contains(events[0].Detail, "arn:aws:iam::111122223333:user/watchman") || events[0].Person != w.Person.ID || events[0].Client != signin.SameDevice {
			t.Errorf("the trail has %+v, want one event that names who asked", events)
		}
	})
}

// Only refresh tokens can be revoked by IAM (RevokeOAuth2TokenWithIAM). Other input is refused by its documented lengths.
func TestSignedRequestsAreHeldToTheirShape(t *testing.T) {
	w := newWorld(t)
	granted := w.Dynamic(t).Login(t)
	for body, want := range map[string]signin.Kind{
		object(t, "token", granted.AccessToken): signin.TokenTypeRefused, `{"token":"ASOAx"}`: signin.TokenTypeRefused,
		`{}`: signin.ParameterMissing, `{"token":""}`: signin.ParameterInvalid, `{"token":"` + strings.Repeat("a", 4097) + `"}`: signin.ParameterInvalid,
		`{"token":["a"]}`: signin.ParameterInvalid, `{"token":"a","token_type_hint":"refresh_token"}`: signin.ParameterInvalid,
		`{"token":"a","clientId":"b"}`: signin.ParameterInvalid, `{"TOKEN":"a"}`: signin.ParameterInvalid,
		`{"token":"a","token":"a"}`: signin.BodyMalformed, `{"token":"a"} {}`: signin.BodyMalformed,
	} {
		w.WantRefused(t, body, w.Request(testkit.SignedCall{Path: withIAM, Body: body}, w.keys), want)
	}
	if !w.active(t, granted.AccessToken) {
		t.Error("what was refused ended a session")
	}
	body := form("token", granted.RefreshToken)
	r := httptest.NewRequest(http.MethodPost, w.Base+withIAM, strings.NewReader(body))
	r.Header.Set("Content-Type", formType)
	w.keys.Sign(r, []byte(body), w.Scope("signin"))
	wantDone(t, "a form", w.Do(r))
	if w.active(t, granted.AccessToken) {
		t.Error("a form ended nothing")
	}
}

func TestSignersNeedPermission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		login := w.Client().Login(t)
		for name, tt := range map[string]struct {
			document string
			may      bool
		}{
			"nothing":         {policy.ExchangeToken, false},
			"introspection":   {strings.ReplaceAll(allowed, `"signin:RevokeOAuth2Token",`, ""), false},
			"access-tokens":   {strings.ReplaceAll(allowed, `"*"`, `"*","Condition":{"StringEquals":{"signin:OAuthTokenType":"access_token"}}`), false},
			"one-resource":    {strings.ReplaceAll(allowed, `"*"`, `"arn:aws:signin:us-east-1:111122223333:oauth2/public-client/localhost"`), false},
			"refresh-tokens":  {strings.ReplaceAll(allowed, `"*"`, `"*","Condition":{"StringEquals":{"signin:OAuthTokenType":"refresh_token"}}`), true},
			"from-this-place": {strings.ReplaceAll(allowed, `"*"`, `"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`), true},
			"from-elsewhere":  {strings.ReplaceAll(allowed, `"*"`, `"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), false},
		} {
			keys := w.AccessKey(t, w.ServiceUser(t, name, tt.document))
			token := w.Client().Login(t).RefreshToken
			a := w.signed(t, keys, token)
			if tt.may {
				wantDone(t, name, a)
			} else if a.Code != http.StatusForbidden || !strings.Contains(a.Body.String(), "INSUFFICIENT_PERMISSIONS") {
				t.Errorf("%s = %d %s, want 403", name, a.Code, a.Body)
			}
			if w.active(t, token) == tt.may {
				t.Errorf("%s: the session lives is %v", name, !tt.may)
			}
		}
		if a := w.signed(t, login.Credentials(), login.RefreshToken); a.Code != http.StatusForbidden {
			t.Errorf("a person whose role may not = %d %s, want 403", a.Code, a.Body)
		}
	})
}

func TestSignersAreProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		token := w.Client().Login(t).RefreshToken
		w.RefusesUnprovenCallers(t, testkit.SignedCall{Path: withIAM, Body: object(t, "token", token)}, w.keys)
		if w.active(t, token) {
			t.Error("the call that is right ended nothing")
		}
	})
}

// An answer that reached the caller is never lost: where the notice cannot be kept, there is no 200.
func TestRevocationThatCannotBeKeptIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.Client()
		token := c.Login(t).RefreshToken
		w.TakeStoreAway(t)
		if a := w.Do(w.held(jsonType, object(t, "token", token), c.Key)); a.Code < 500 {
			t.Errorf("without a database = %d %q, want a failure of the server", a.Code, a.Body)
		}
		if a := c.Refresh(t, token); a.Status != http.StatusOK {
			t.Errorf("a revocation that failed ended the session here: %d %s", a.Status, a.Body)
		}
	})
}
