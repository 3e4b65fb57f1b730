package attacks

import (
	"crypto/ecdsa"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

const revokeWithIAM = wire.RevokePath + "?x-amz-client-auth-method=iam"

// everything is a policy that allows all.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// logout is the request of a token's holder to end its session, with a fresh proof of key; nil: without.
func logout(s *testkit.Server, contentType, body string, key *ecdsa.PrivateKey) *http.Request {
	r := httptest.NewRequest(http.MethodPost, s.Base+wire.RevokePath, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if key != nil {
		r.Header.Set("DPoP", testkit.Proof(key, http.MethodPost, s.Base+wire.RevokePath, time.Now(), rand.Text()))
	}
	return r
}

// tenant adds another account, in which Mallory may do all, and returns her access key.
func tenant(t testing.TB, s *testkit.Server) testkit.Credentials {
	t.Helper()
	now := time.Now()
	u := store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: "666677778888", Name: "mallory", Policy: everything, Created: now}
	for _, err := range []error{
		s.Store.AddAccount(t.Context(), store.Account{ID: u.Account, Name: "Mallory", Created: now}), s.Store.AddServiceUser(t.Context(), u),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s.AccessKey(t, u)
}

// Class: revocation of others' sessions, CWE-639, CWE-862. Mallory wants people logged out, at the worst moment or to make them
// sign in where she watches. She knows their tokens, from a log or a backup, and is the administrator of an account of her own;
// or she is a colleague who may do nothing of the kind; or she has another client send them as its own (RFC 7009 section 2.1
// wants that checked; Doorkeeper let anybody end any token, CVE-2016-6582).
//
// Here whoever signs ends sessions of their own account, where a policy allows it, and learns nothing of others; and a client ends
// what was issued to it.
func TestSessionsOfOthersAreNotEnded(t *testing.T) {
	s := testkit.Start(t, unlimited)
	alice, agent := s.Client(), s.Dynamic(t)
	login, granted := alice.Login(t), agent.Login(t)
	colleague := s.AccessKey(t, s.ServiceUser(t, "colleague", `{"Version":"2012-10-17","Statement":[`+
		`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"signin:Revoke*","Resource":"*"}]}`))
	mallory := tenant(t, s)
	for _, token := range []string{login.RefreshToken, granted.RefreshToken} {
		call := testkit.SignedCall{Path: revokeWithIAM, Body: text(t, map[string]string{"token": token})}
		nonsense := testkit.SignedCall{Path: revokeWithIAM, Body: text(t, map[string]string{"token": "ASORnothing"})}
		w, other := s.Do(s.Request(call, mallory)), s.Do(s.Request(nonsense, mallory))
		if w.Code != http.StatusOK || w.Body.Len() != 0 || other.Code != w.Code || other.Body.Len() != 0 || len(w.Header()) != len(other.Header()) {
			t.Errorf("a token of another account = %d %v %q, one of nobody = %d %v %q; want the same, 200 and nothing", w.Code, w.Header(), w.Body, other.Code, other.Header(), other.Body)
		}
		s.WantRefused(t, "a colleague who may not", s.Request(call, colleague), signin.PermissionMissing)
		s.WantRefused(t, "the person's own credentials, whose role may not", s.Request(call, login.Credentials()), signin.PermissionMissing)
	}
	other, stranger := s.Dynamic(t), s.Client()
	for _, token := range []string{granted.RefreshToken, granted.AccessToken} {
		s.WantRefused(t, "another client", logout(s, formType, encode("token", token, "client_id", other.ID), nil), signin.RefreshMismatch)
		s.WantRefused(t, "a tool", logout(s, formType, encode("token", token, "client_id", signin.SameDevice), stranger.Key), signin.RefreshMismatch)
	}
	mustRefresh(t, alice, login.RefreshToken)
	agent.Refresh(t, granted.RefreshToken).WantOK(t)
}

// Class: lockout by a stolen token, CWE-306. Mallory found a refresh token without its key: in a proxy's log, in half a cache
// file. It gives her no credentials, so she tries to do harm with it at least, and to log its owner out, again and again: with no
// proof, with a key of her own, with a proof that the owner made for something else.
//
// Here it takes the key of the session; who brings another is recorded, and ends nothing.
func TestStolenTokenDoesNotLogItsOwnerOut(t *testing.T) {
	s := testkit.Start(t, unlimited)
	alice, agent := s.Client(), s.Dynamic(t).Bound()
	login, granted := alice.Login(t), agent.Login(t)
	body := text(t, map[string]string{"token": login.RefreshToken})
	agents := func(token string) string { return encode("token", token, "client_id", agent.ID) }
	with := func(proof string) *http.Request {
		r := logout(s, jsonType, body, nil)
		r.Header.Set("DPoP", proof)
		return r
	}
	elsewhere := testkit.Proof(alice.Key, http.MethodPost, "https://mallory.example/v1/revoke", time.Now(), rand.Text())
	got := testkit.Proof(alice.Key, http.MethodGet, s.Base+wire.RevokePath, time.Now(), rand.Text())
	for name, tt := range map[string]struct {
		r    *http.Request
		want signin.Kind
	}{
		"no proof":                          {logout(s, jsonType, body, nil), signin.ProofMissing},
		"a key of her own":                  {logout(s, jsonType, body, testkit.NewKey()), signin.ProofKeyMismatch},
		"a proof of a refresh":              {with(alice.Proof()), signin.ProofInvalid},
		"a proof for another server":        {with(elsewhere), signin.ProofInvalid},
		"a proof for another method":        {with(got), signin.ProofInvalid},
		"an agent's refresh token":          {logout(s, formType, agents(granted.RefreshToken), nil), signin.ProofMissing},
		"an agent's access token":           {logout(s, formType, agents(granted.AccessToken), nil), signin.ProofMissing},
		"the same with a key of her own":    {logout(s, formType, agents(granted.AccessToken), testkit.NewKey()), signin.ProofKeyMismatch},
		"a confidential client's, unsigned": {logout(s, jsonType, text(t, map[string]string{"token": s.Confidential(t, "app").Login(t).RefreshToken}), testkit.NewKey()), signin.TokenTypeRefused},
	} {
		s.WantRefused(t, name, tt.r, tt.want)
	}
	mustRefresh(t, alice, login.RefreshToken)
	agent.Refresh(t, granted.RefreshToken).WantOK(t)
}

// Class: replayed revocation, CWE-294. Mallory captured the request with which Alice logged out, or with which the watchman of the
// account ended a session. She sends it again after Alice signed in anew, as it is, and with the new token in it.
//
// Here a revocation names one session by a sealed token. Sent again it ends what is over, and writes nothing; proof and signature
// are good for no other body.
func TestCapturedRevocationEndsNothingElse(t *testing.T) {
	s := testkit.Start(t, unlimited)
	alice := s.Client()
	watchman := s.AccessKey(t, s.ServiceUser(t, "watchman", everything))
	first := alice.Login(t)
	body := text(t, map[string]string{"token": first.RefreshToken})
	captured := logout(s, jsonType, body, alice.Key)
	signed := s.Request(testkit.SignedCall{Path: revokeWithIAM, Body: body}, watchman)
	send := func(of *http.Request, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, of.URL.String(), strings.NewReader(body))
		r.Header = of.Header.Clone()
		return r
	}
	for _, r := range []*http.Request{captured, signed} {
		if w := s.Do(send(r, body)); w.Code != http.StatusOK {
			t.Fatalf("revocation = %d %s, want 200", w.Code, w.Body)
		}
	}
	alice.Refresh(t, first.RefreshToken).WantFault(t, signin.SessionRevoked)
	second := alice.Login(t)
	before, err := s.Store.LastNotice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		for _, r := range []*http.Request{captured, signed} {
			if w := s.Do(send(r, body)); w.Code != http.StatusOK || w.Body.Len() != 0 {
				t.Errorf("the same again = %d %s, want 200 and nothing", w.Code, w.Body)
			}
		}
	}
	changed := text(t, map[string]string{"token": second.RefreshToken})
	s.WantRefused(t, "the proof with the new token", send(captured, changed), signin.ProofReplayed)
	s.WantRefused(t, "the signature with the new token", send(signed, changed), signin.SignatureInvalid)
	plain := send(signed, changed)
	plain.URL.RawQuery = ""
	s.WantRefused(t, "the signature, at the door of holders", plain, signin.ProofMissing)
	after, err := s.Store.LastNotice(t.Context())
	if err != nil || after != before {
		t.Errorf("%d notices were given, %v; want none", after-before, err)
	}
	mustRefresh(t, alice, second.RefreshToken)
}
