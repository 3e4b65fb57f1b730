package token_test

import (
	"maps"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

func addAccount(t *testing.T, s *testkit.Server, id string) {
	t.Helper()
	if err := s.Store.AddAccount(t.Context(), store.Account{ID: id, Name: "Other", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

func TestEveryRefreshTokenIsGoodOnce(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	g := d.Login(t)
	seen := map[string]bool{g.RefreshToken: true}
	for i := range 5 {
		g = d.Refresh(t, g.RefreshToken).WantOK(t)
		if seen[g.RefreshToken] || seen[g.AccessToken] {
			t.Fatal("a refresh gave a token that was given before")
		}
		seen[g.RefreshToken], seen[g.AccessToken] = true, true
		session, generation, err := seal.OpenGrant(s.Ring, g.RefreshToken)
		if err != nil || generation != int64(i+1) {
			t.Fatalf("refresh token is of generation %d, %v, want %d", generation, err, i+1)
		}
		if at, err := s.Store.GenerationOf(t.Context(), session.ID); err != nil || at != generation {
			t.Fatalf("the store knows generation %d, %v, want %d", at, err, generation)
		}
	}
}

// An answer that got lost is asked for again with the same request within seconds, and is the same again, but for the
// seconds that are left. (The store keeps when the generation began, and everything follows from that.)
func TestLostAnswerIsGivenAgainForTenSeconds(t *testing.T) {
	for _, bound := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.Start(t)
			d := s.Dynamic(t)
			if bound {
				d = d.Bound()
			}
			token := d.Login(t).RefreshToken
			first := d.Refresh(t, token).WantOK(t)
			for range 2 {
				time.Sleep(4900 * time.Millisecond)
				again := d.Refresh(t, token).WantOK(t) // with a fresh proof where there is one
				if again.AccessToken != first.AccessToken || again.RefreshToken != first.RefreshToken {
					t.Fatal("an identical retry gave other tokens")
				}
				if again.ExpiresIn >= first.ExpiresIn {
					t.Errorf("expires_in = %d after %d, want less", again.ExpiresIn, first.ExpiresIn)
				}
			}
			time.Sleep(300 * time.Millisecond)
			d.Refresh(t, token).WantFault(t, signin.RefreshReused, "invalid_grant")
			d.Refresh(t, first.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
		})
	}
}

// Attack: a refresh token is stolen and used before the client uses it. The client comes second, and the session ends, so
// that the thief has an hour at most.
func TestThiefWhoIsFirstLosesTheSession(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	stolen := d.Login(t).RefreshToken
	form := d.RefreshForm(stolen)
	form.Del("resource") // the thief's program sends it in another way
	thief := d.Post(t, form, "").WantOK(t)
	d.Refresh(t, stolen).WantFault(t, signin.RefreshReused, "invalid_grant")
	d.Refresh(t, thief.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
}

// Attack: a refresh token is found that was used, in a log or a backup. It gives nothing, and the session ends, because
// whoever used it may have been the thief.
func TestThiefWhoIsSecondGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		d := s.Dynamic(t)
		stolen := d.Login(t).RefreshToken
		newest := d.Refresh(t, d.Refresh(t, stolen).WantOK(t).RefreshToken).WantOK(t)
		d.Refresh(t, stolen).WantFault(t, signin.RefreshReused, "invalid_grant") // at once: two generations are not a retry
		d.Refresh(t, newest.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
		d.Refresh(t, stolen).WantFault(t, signin.SessionRevoked, "invalid_grant")
		notices, err := s.Store.NoticesAfter(t.Context(), 0, 100)
		if err != nil || len(slices.DeleteFunc(notices, func(n signin.Notice) bool { return n.Reason != signin.RevokedSession })) != 1 {
			t.Errorf("notices = %v, %v, want one", notices, err)
		}
		time.Sleep(2 * time.Second)
		events, err := s.Store.AuditEvents(t.Context(), store.AuditQuery{Person: s.Person.ID, Limit: 10})
		if err != nil || len(events) != 1 || events[0].Kind != "grant-reused" || events[0].Client != d.ID || events[0].Session == "" {
			t.Errorf("audit events = %+v, %v, want one of kind grant-reused", events, err)
		}
	})
}

// Eight programs share a token and refresh at once, with one request. They all get one answer.
func TestParallelIdenticalRefreshesGetOneAnswer(t *testing.T) {
	s := testkit.Start(t, noLimits)
	d := s.Dynamic(t)
	form := d.RefreshForm(d.Login(t).RefreshToken)
	answers := race(t, 8, func(int) testkit.Granted { return d.Post(t, form, "") })
	for _, g := range answers {
		if g.WantOK(t).AccessToken != answers[0].AccessToken || g.RefreshToken != answers[0].RefreshToken {
			t.Fatal("identical requests at one time got different tokens")
		}
	}
	d.Refresh(t, answers[0].RefreshToken).WantOK(t)
}

// Attack: eight parties bring one token at once, each in a request of its own. One at most gets tokens, and they are
// worthless for another refresh.
func TestParallelDifferentRefreshesEndTheSession(t *testing.T) {
	s := testkit.Start(t, noLimits)
	d := s.Dynamic(t)
	form := d.RefreshForm(d.Login(t).RefreshToken)
	answers := race(t, 8, func(i int) testkit.Granted {
		mine := maps.Clone(form)
		mine.Set("party", string(rune('a'+i)))
		return d.Post(t, mine, "")
	})
	won := 0
	for _, g := range answers {
		if g.Status == 200 {
			won++
			d.Refresh(t, g.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
		} else if g.Error != "invalid_grant" {
			t.Errorf("a party that lost reads %d %s", g.Status, g.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 got tokens, want 1", won)
	}
}

func race(t *testing.T, n int, send func(i int) testkit.Granted) []testkit.Granted {
	t.Helper()
	answers := make([]testkit.Granted, n)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = send(i) })
	}
	wg.Wait()
	return answers
}

// Nodes share the generation. A retry that another node answers is the same answer, and a second use is seen wherever it
// comes.
func TestNodesAgreeOnTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := testkit.Start(t)
		d := here.Dynamic(t)
		there := here.Node(t).DynamicOf(d)
		token := d.Login(t).RefreshToken
		first := d.Refresh(t, token).WantOK(t)
		time.Sleep(1500 * time.Millisecond)
		again := there.Refresh(t, token).WantOK(t)
		if again.AccessToken != first.AccessToken || again.RefreshToken != first.RefreshToken {
			t.Fatal("another node answered a retry with other tokens")
		}
		next := there.Refresh(t, first.RefreshToken).WantOK(t)
		there.Refresh(t, token).WantFault(t, signin.RefreshReused, "invalid_grant")
		time.Sleep(2 * time.Second)
		d.Refresh(t, next.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
	})
}

// A refresh is refused before its token is spent, so that a mistake of the client costs it nothing.
func TestRefusedRefreshSpendsNothing(t *testing.T) {
	s := testkit.Start(t)
	d, other := s.Dynamic(t), s.Dynamic(t)
	devtools := s.Client().Login(t).RefreshToken
	token := d.Login(t).RefreshToken
	for _, tt := range []struct {
		name   string
		client *testkit.Dynamic
		change func(url.Values)
		proof  string
		kind   signin.Kind
		code   string
	}{
		{"no token", d, func(v url.Values) { v.Del("refresh_token") }, "", signin.ParameterMissing, "invalid_request"},
		{"an altered token", d, func(v url.Values) { v.Set("refresh_token", token[:len(token)-2]+"AA") }, "", signin.RefreshUnknown, "invalid_grant"},
		{"a devtools token", d, func(v url.Values) { v.Set("refresh_token", devtools) }, "", signin.RefreshUnknown, "invalid_grant"},
		{"another resource", d, func(v url.Values) { v.Set("resource", "https://other.example.com/") }, "", signin.TargetInvalid, "invalid_target"},
		{"another client", other, func(v url.Values) { v.Set("client_id", other.ID) }, "", signin.RefreshMismatch, "invalid_grant"},
		{"a broken proof", d, func(url.Values) {}, "not.a.proof", signin.ProofInvalid, "invalid_dpop_proof"},
	} {
		form := d.RefreshForm(token)
		tt.change(form)
		t.Run(tt.name, func(t *testing.T) { tt.client.Post(t, form, tt.proof).WantFault(t, tt.kind, tt.code) })
	}
	d.Refresh(t, token).WantOK(t)

	// The other way round: what is strictly rotated must not be brought where tokens are good many times.
	c := s.Client()
	c.Refresh(t, d.Login(t).RefreshToken).WantFault(t, signin.RefreshUnknown)
}

// Attack: a code comes a second time, with its verifier. The session of the first is ended, as of any client.
func TestSpentCodeEndsTheDynamicSession(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	code := d.Authorize(t)
	g := d.Redeem(t, code).WantOK(t)
	d.Redeem(t, code).WantFault(t, signin.CodeSpent, "invalid_grant")
	d.Refresh(t, g.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
}
