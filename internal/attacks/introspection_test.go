package attacks

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

const (
	introspectWithIAM = wire.IntrospectPath + "?x-amz-client-auth-method=iam"
	// mayAsk allows nothing but questions about tokens.
	mayAsk = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:IntrospectOAuth2Token","Resource":"*"}]}`
)

// question is an introspection of token.
func question(t testing.TB, token string) testkit.SignedCall {
	t.Helper()
	return testkit.SignedCall{Path: introspectWithIAM, Body: text(t, map[string]string{"token": token})}
}

// askerOf adds a service user to an account, which is made where it is missing, that may ask about tokens there.
func askerOf(t testing.TB, s *testkit.Server, account, name string) testkit.Credentials {
	t.Helper()
	now := time.Now()
	if account != testkit.Account {
		if err := s.Store.AddAccount(t.Context(), store.Account{ID: account, Name: name, Created: now}); err != nil {
			t.Fatal(err)
		}
	}
	u := store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: account, Name: name, Policy: mayAsk, Created: now}
	if err := s.Store.AddServiceUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return s.AccessKey(t, u)
}

// Class: introspection as an oracle, CWE-204 and CWE-639. Mallory is the administrator of an account of her own on the same
// server, and found tokens: in a log, a screenshot, a backup. She asks what they are, who they belong to and whether they are
// still good, which tells her which are worth an attack. Servers that tell any resource server about any token give that away
// (RFC 7662 section 4).
//
// Here a token of another account, one that is over, one that was revoked and one that never was are answered by the same bytes,
// whatever Mallory's policies say; and a caller of the account whose policy names other clients is refused before anything is
// told.
func TestIntrospectionIsNoOracle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, unlimited)
		mallory, gateway := askerOf(t, s, "666677778888", "mallory"), askerOf(t, s, testkit.Account, "gateway")
		alice, agent := s.Client(), s.Dynamic(t)
		expired := agent.Login(t).AccessToken
		time.Sleep(time.Hour)
		revoked := alice.Login(t)
		s.Revoke(t, revoked)
		login, granted := alice.Login(t), agent.Login(t)
		used := granted.RefreshToken
		granted = agent.Refresh(t, used).WantOK(t)

		stranger := func(token string) string { return same(s.Do(s.Request(question(t, token), mallory))) }
		nobodys := stranger("ASOAnothing")
		if !strings.Contains(nobodys, `{"active":false}`) {
			t.Fatalf("a token of nobody is answered\n%s", nobodys)
		}
		for name, token := range map[string]string{
			"an access token": granted.AccessToken, "a refresh token": granted.RefreshToken, "one that was used": used, "a tool's": login.RefreshToken,
			"one that expired": expired, "one that was revoked": revoked.RefreshToken, "one that was changed": granted.AccessToken[:99] + "x" + granted.AccessToken[100:],
			"one of another kind": "ASOR" + granted.AccessToken[4:], "the session token of credentials": login.AccessToken.SessionToken,
		} {
			if got := stranger(token); got != nobodys {
				t.Errorf("%s is answered\n%s\nand a token of nobody\n%s", name, got, nobodys)
			}
		}
		// Of its own account's, the gateway learns what is good, and of the rest as little as Mallory.
		for _, token := range []string{expired, revoked.RefreshToken, used, "ASORnothing"} {
			if got := same(s.Do(s.Request(question(t, token), gateway))); got != nobodys {
				t.Errorf("the account itself is told of what is over:\n%s", got)
			}
		}
		if w := s.Do(s.Request(question(t, granted.AccessToken), gateway)); !strings.Contains(w.Body.String(), `{"active":true`) {
			t.Errorf("a good token of the account = %d %s", w.Code, w.Body)
		}
		// Who may ask about one client does not learn which other tokens are good.
		narrow := s.AccessKey(t, s.ServiceUser(t, "narrow", strings.Replace(mayAsk, `"Resource":"*"`,
			`"Resource":"*","Condition":{"StringEquals":{"signin:OAuthClientId":"`+agent.ID+`"}}`, 1)))
		first := ""
		for _, token := range []string{login.RefreshToken, revoked.RefreshToken, "ASORnothing"} {
			got := same(s.Do(s.Request(question(t, token), narrow)))
			if first == "" {
				first = got
			}
			if got != first || !strings.HasPrefix(got, "403") {
				t.Errorf("a token of another client is answered\n%s\nwant 403, whatever it is:\n%s", got, first)
			}
		}
	})
}

// Class: signed requests in other hands, CWE-294 and CWE-345. A resource server asks by presigned URL, and the URL is in the log of
// a proxy. Mallory has it, and wants more of it than it says: another token, another operation, another method, another server,
// more time.
//
// Here the signature covers method, host, path, query and body. For the minutes that it says, and never more than its five of
// skew beyond, the URL asks what it asked, with the body that only the resource server has.
func TestLeakedPresignedURLAsksNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, unlimited)
		keys := s.AccessKey(t, s.ServiceUser(t, "gateway", strings.Replace(mayAsk, "signin:IntrospectOAuth2Token", "signin:*", 1)))
		alice, agent := s.Client(), s.Dynamic(t)
		login, granted := alice.Login(t), agent.Login(t)
		call := question(t, granted.AccessToken)
		leaked := s.Presigned(call, keys, s.Scope("signin"), 2*time.Minute)
		send := func(method, target, contentType, body string) *http.Request {
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			return r
		}
		url := leaked.URL.String()
		if w := s.Do(send(http.MethodPost, url, jsonType, call.Body)); !strings.Contains(w.Body.String(), `{"active":true`) {
			t.Fatalf("the request as it is = %d %s", w.Code, w.Body)
		}
		otherOperation := strings.Replace(url, wire.IntrospectPath, wire.RevokePath, 1)
		for name, tt := range map[string]struct {
			r    *http.Request
			want signin.Kind
		}{
			"no body":                   {send(http.MethodPost, url, jsonType, ""), signin.BodyMalformed},
			"another token":             {send(http.MethodPost, url, jsonType, question(t, login.RefreshToken).Body), signin.SignatureInvalid},
			"one more space":            {send(http.MethodPost, url, jsonType, call.Body+" "), signin.SignatureInvalid},
			"another content type":      {send(http.MethodPost, url, formType, "token="+login.RefreshToken), signin.SignatureInvalid},
			"to revoke":                 {send(http.MethodPost, otherOperation, jsonType, text(t, map[string]string{"token": login.RefreshToken})), signin.SignatureInvalid},
			"to revoke, same body":      {send(http.MethodPost, otherOperation, jsonType, call.Body), signin.SignatureInvalid},
			"for an access token":       {send(http.MethodPost, strings.Replace(url, wire.IntrospectPath, wire.TokenPath, 1), jsonType, `{"grant_type":"client_credentials","resource":"`+testkit.Resource+`"}`), signin.SignatureInvalid},
			"with a tool's method":      {send(http.MethodGet, url, jsonType, call.Body), signin.MethodNotAllowed},
			"with more time":            {send(http.MethodPost, strings.Replace(url, "X-Amz-Expires=120", "X-Amz-Expires=604800", 1), jsonType, call.Body), signin.SignatureInvalid},
			"with another time":         {send(http.MethodPost, strings.Replace(url, "X-Amz-Expires=120", "X-Amz-Expires=120&X-Amz-Expires=604800", 1), jsonType, call.Body), signin.SignatureInvalid},
			"with two operations":       {send(http.MethodPost, url+"&x-amz-token-request-type=bearer", jsonType, call.Body), signin.OperationUnknown},
			"without the operation":     {send(http.MethodPost, strings.Replace(url, "x-amz-client-auth-method=iam", "", 1), jsonType, call.Body), signin.OperationUnknown},
			"to another server":         {send(http.MethodPost, strings.Replace(url, "127.0.0.1", "evil.example", 1), jsonType, call.Body), signin.SignatureInvalid},
			"with a key in the headers": {withHeader(send(http.MethodPost, url, jsonType, call.Body), "X-Amz-Security-Token", login.AccessToken.SessionToken), signin.SignatureInvalid},
		} {
			s.WantRefused(t, name, tt.r, tt.want)
		}
		time.Sleep(2*time.Minute + time.Second)
		s.WantRefused(t, "when its time is over", send(http.MethodPost, url, jsonType, call.Body), signin.SignatureInvalid)
		mustRefresh(t, alice, login.RefreshToken)
		agent.Refresh(t, granted.RefreshToken).WantOK(t)
	})
}

func withHeader(r *http.Request, name, value string) *http.Request {
	r.Header.Set(name, value)
	return r
}

// Class: a client that was found out, CWE-613. People let Mallory's client in, which calls itself a calendar. The operator hears
// of it and removes it. Its refresh tokens are good for nothing from then on, but the access tokens that it has lie at hand for
// another hour, and whoever asks about them is told that they are good.
//
// Here the removal is announced, and ends what the client was given on every node that hears of it.
func TestARemovedClientIsLeftNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, unlimited)
		gateway := askerOf(t, s, testkit.Account, "gateway")
		mallory, other := s.Dynamic(t), s.Dynamic(t)
		taken, kept := mallory.Login(t).WantOK(t), other.Login(t).WantOK(t)
		active := func(token string) bool {
			w := s.Do(s.Request(question(t, token), gateway))
			return strings.Contains(w.Body.String(), `{"active":true`)
		}
		if !active(taken.AccessToken) || !active(taken.RefreshToken) {
			t.Fatal("the tokens of the client are not good to begin with")
		}
		id, _ := signin.ParseDynamicClientID(mallory.ID)
		if err := s.Store.RemoveDynamicClient(t.Context(), id, time.Now(), signin.NoticeExpiry(time.Now())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if active(taken.AccessToken) || active(taken.RefreshToken) {
			t.Error("two seconds after a client was removed, its tokens are said to be good")
		}
		if !active(kept.AccessToken) || !active(kept.RefreshToken) {
			t.Error("the removal of one client ended the tokens of another")
		}
	})
}
