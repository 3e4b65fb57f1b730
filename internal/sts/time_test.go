package sts_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

func signed(s *testkit.Server, keys testkit.Credentials) *http.Request {
	r := post(s, form)
	keys.Sign(r, []byte(form), s.Scope("sts"))
	return r
}

func TestCredentialsEndWithTheirStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		login := c.Login(t)
		keys := testkit.Credentials{
			AccessKeyID: login.AccessToken.AccessKeyID, SecretAccessKey: login.AccessToken.SecretAccessKey, SessionToken: login.AccessToken.SessionToken,
		}
		time.Sleep(time.Duration(login.ExpiresIn)*time.Second - time.Second)
		if w := s.Do(signed(s, keys)); w.Code != 200 {
			t.Errorf("a second before the end: %d %s, want 200", w.Code, w.Body)
		}
		time.Sleep(2 * time.Second)
		wantCode(t, s, "after the end", signed(s, keys), 403, "ExpiredToken")
		// A wrong signature is told first: whoever cannot sign learns nothing about a token.
		guess := keys
		guess.SecretAccessKey = "guess"
		wantCode(t, s, "after the end, with a wrong secret", signed(s, guess), 403, "SignatureDoesNotMatch")
		a := c.Refresh(t, login.RefreshToken).AccessToken
		if w := s.Do(signed(s, testkit.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken})); w.Code != 200 {
			t.Errorf("the credentials of the next refresh: %d %s, want 200", w.Code, w.Body)
		}
	})
}

// The promise: within two seconds, nobody accepts credentials of what was revoked.
func TestRevokedSessionsAreExpired(t *testing.T) {
	for name, revoke := range map[string]func(t *testing.T, s *testkit.Server, c *testkit.Client, code string){
		"the code was replayed": func(t *testing.T, s *testkit.Server, c *testkit.Client, code string) {
			c.Redeem(t, code).WantFault(t, signin.CodeSpent)
		},
		"the person was disabled": func(t *testing.T, s *testkit.Server, c *testkit.Client, code string) {
			if err := s.Store.DisablePerson(t.Context(), s.Person.ID, time.Now(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		},
		"the role was taken away": func(t *testing.T, s *testkit.Server, c *testkit.Client, code string) {
			if err := s.Store.Unassign(t.Context(), s.Person.ID, s.Role.ID, time.Now(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.Start(t)
			c := s.Client()
			code := c.Authorize(t)
			a := c.Redeem(t, code).AccessToken
			keys := testkit.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken}
			time.Sleep(time.Second)
			if w := s.Do(signed(s, keys)); w.Code != 200 {
				t.Errorf("before: %d %s, want 200", w.Code, w.Body)
			}
			revoke(t, s, c, code)
			time.Sleep(2 * time.Second)
			wantCode(t, s, name, signed(s, keys), 403, "ExpiredToken")
		})
	}
}

func TestDisabledKeyIsRefusedAtOnce(t *testing.T) {
	s := testkit.Start(t)
	keys := s.AccessKey(t, s.ServiceUser(t, "robot", policy.ExchangeToken))
	if w := s.Do(signed(s, keys)); w.Code != 200 {
		t.Fatalf("before: %d %s, want 200", w.Code, w.Body)
	}
	if err := s.Store.DisableAccessKey(t.Context(), keys.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s, "disabled", signed(s, keys), 403, "InvalidClientTokenId")
}

// A signed request is good for five minutes around its date; a presigned one for as long as it says.
func TestSignedRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		keys := s.AccessKey(t, s.ServiceUser(t, "robot", policy.ExchangeToken))
		sign := func(ago time.Duration) *http.Request {
			r := post(s, form)
			scope := s.Scope("sts")
			scope.At = scope.At.Add(-ago)
			keys.Sign(r, []byte(form), scope)
			return r
		}
		presign := func(ago, expires time.Duration) *http.Request {
			r := get(s, form)
			scope := s.Scope("sts")
			scope.At = scope.At.Add(-ago)
			keys.Presign(r, scope, expires)
			return r
		}
		for name, r := range map[string]*http.Request{
			"five minutes ago":                         sign(5 * time.Minute),
			"in five minutes":                          sign(-5 * time.Minute),
			"presigned, in its last second":            presign(time.Hour, time.Hour),
			"presigned for a week, six days ago":       presign(6*24*time.Hour, 7*24*time.Hour),
			"presigned by a clock that is a bit ahead": presign(-5*time.Minute, time.Minute),
		} {
			if w := s.Do(r); w.Code != 200 {
				t.Errorf("%s: %d %s, want 200", name, w.Code, w.Body)
			}
		}
		for name, r := range map[string]*http.Request{
			"more than five minutes ago": sign(5*time.Minute + time.Second),
			"a day ago":                  sign(24 * time.Hour),
			"presigned, a second late":   presign(time.Hour+time.Second, time.Hour),
		} {
			got := wantCode(t, s, name, r, 400, "RequestExpired")
			if !strings.Contains(got.Message, time.Now().UTC().Format(time.RFC3339)) {
				t.Errorf("%s: message %q does not tell the server's time", name, got.Message)
			}
		}
		for name, r := range map[string]*http.Request{
			"from the future":            sign(-5*time.Minute - time.Second),
			"presigned, from the future": presign(-5*time.Minute-time.Second, time.Hour),
		} {
			wantCode(t, s, name, r, 403, "SignatureDoesNotMatch")
		}
		wantCode(t, s, "presigned for more than a week", presign(0, 8*24*time.Hour), 400, "IncompleteSignature")
	})
}

// Credentials may have been revoked while the server could not hear of it: it says that it cannot tell.
func TestDeafServerTellsThatItCannotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		keys := session(t, s)
		s.TakeStoreAway(t)
		if w := s.Do(signed(s, keys)); w.Code != 200 {
			t.Errorf("while the database is away: %d %s, want 200", w.Code, w.Body)
		}
		time.Sleep(11 * time.Minute)
		wantCode(t, s, "deaf", signed(s, keys), 503, "ServiceUnavailable")
	})
}

// Long-lived keys are in the database, so without it nobody can be told who they are: but not why.
func TestLongLivedKeysNeedTheDatabase(t *testing.T) {
	s := testkit.Start(t)
	keys := s.AccessKey(t, s.ServiceUser(t, "robot", policy.ExchangeToken))
	s.TakeStoreAway(t)
	got := wantCode(t, s, "away", signed(s, keys), 500, "InternalFailure")
	for _, detail := range []string{"database", "sqlite", "closed", "store"} {
		if strings.Contains(strings.ToLower(got.Message), detail) {
			t.Errorf("message %q tells an internal detail", got.Message)
		}
	}
}
