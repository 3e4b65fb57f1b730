package server_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// events returns the kinds of what is in the audit trail about a person, newest first.
func events(t *testing.T, s *testkit.Server, person string) []store.AuditEvent {
	t.Helper()
	all, err := s.Store.AuditEvents(t.Context(), store.AuditQuery{Person: person, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRevocationIsHeardByOtherNodesWithinTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := testkit.Start(t)
		elsewhere := here.Node(t)
		c := here.Client()
		code := c.Authorize(t)
		token := c.Redeem(t, code).RefreshToken
		there := elsewhere.ClientOf(c)
		if a := there.Refresh(t, token); a.Status != http.StatusOK {
			t.Fatalf("refresh at the other node = %d %s", a.Status, a.Body)
		}
		c.Redeem(t, code).WantFault(t, signin.CodeSpent)
		time.Sleep(2 * time.Second)
		there.Refresh(t, token).WantFault(t, signin.SessionRevoked)
	})
}

// Each node sees half of the refreshes. Somebody took the first refresh token and brings it to another node than the one
// that the program talks to.
func TestReuseIsNoticedAcrossNodes(t *testing.T) {
	for _, revoke := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			here := testkit.Start(t, func(c *config.Config) {
				if revoke {
					c.Reuse.Revoke = []string{testkit.Account}
				}
			})
			elsewhere := here.Node(t)
			c := here.Client()
			stolen := c.Login(t).RefreshToken
			token := stolen
			for range 6 {
				time.Sleep(5 * time.Minute)
				token = c.Refresh(t, token).RefreshToken
			}
			time.Sleep(11 * time.Second)
			if got := events(t, here, here.Person.ID); len(got) != 0 {
				t.Errorf("before anything happened, the trail has %+v", got)
			}
			thief := elsewhere.ClientOf(c)
			if a := thief.Refresh(t, stolen); a.Status != http.StatusOK {
				t.Errorf("an old token of a live session = %d %s, want 200", a.Status, a.Body)
			}
			time.Sleep(15 * time.Second)
			got := events(t, here, here.Person.ID)
			want := map[bool]string{false: audit.ReuseSuspected, true: audit.ReuseRevoked}[revoke]
			if len(got) != 1 || got[0].Kind != want || got[0].Session == "" || !strings.Contains(got[0].Detail, "step 0 was brought after one of step 5") {
				t.Errorf("with revoke %v the trail has %+v, want one %s", revoke, got, want)
			}
			for who, node := range map[string]*testkit.Client{"the program": c, "the other": thief} {
				a := node.Refresh(t, token)
				if revoke {
					a.WantFault(t, signin.SessionRevoked)
				} else if a.Status != http.StatusOK {
					t.Errorf("%s afterwards = %d %s, want 200", who, a.Status, a.Body)
				}
			}
		})
	}
}

// What an auditor wants to know of is in the trail, with the id of its request.
func TestAttacksAreAudited(t *testing.T) {
	s := testkit.StartWithPages(t)
	c := s.Client()
	b := s.Browser()
	page := b.Get("/v1/authorize?" + c.AuthorizeQuery().Encode())
	b.Submit(page, "/sign-in", "username", testkit.Person, "password", "wrong password")
	b.Submit(page, "/sign-in", "username", "nobody", "password", "wrong password")
	s.Server.Close() // keeps what waits
	got := events(t, s, "")
	if len(got) != 1 || got[0].Kind != audit.SignInRefused || got[0].Person != s.Person.ID || got[0].Request == "" || got[0].Remote != "127.0.0.1" {
		t.Errorf("the trail has %+v, want the one wrong password of a person that there is", got)
	}

	s = testkit.Start(t)
	c = s.Client()
	code := c.Authorize(t)
	token := c.Redeem(t, code).RefreshToken
	thief := s.Client()
	thief.Refresh(t, token).WantFault(t, signin.ProofKeyMismatch)
	c.Redeem(t, code).WantFault(t, signin.CodeSpent)
	s.Server.Close()
	got = events(t, s, s.Person.ID)
	slices.SortFunc(got, func(a, b store.AuditEvent) int { return strings.Compare(a.Kind, b.Kind) }) // both were in one millisecond
	if len(got) != 2 || got[0].Kind != audit.CodeReplayed || got[1].Kind != audit.ProofKeyRefused || got[0].Session != got[1].Session || got[0].Principal == "" {
		t.Errorf("the trail has %+v, want a replayed code and a refused key of one session", got)
	}
	for _, e := range got {
		if strings.Contains(e.Detail, code) || strings.Contains(e.Detail, token) {
			t.Errorf("an event holds a secret: %+v", e)
		}
	}
}

// A key ring that was changed out of turn is loaded when the notice of it is heard, not a minute later.
func TestChangedRingIsLoadedWithinTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		before, err := s.Store.RingKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if err := s.Store.RetireRingKey(t.Context(), before[0].ID, before[0].Expires, now.Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		token := s.Client().Login(t).RefreshToken
		if err := s.Store.Announce(t.Context(), signin.Notice{Reason: signin.ChangedRing, At: now, Expires: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		s.Client().Refresh(t, token).WantFault(t, signin.RefreshUnknown)
	})
}

// Another node's root key was changed before this one's: it seals with a key that is not here. What it sealed must not be
// refused for good; 503 is tried again, elsewhere.
func TestNodeThatLacksAKeyIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		token := c.Login(t).RefreshToken
		now := time.Now()
		rows, err := s.Store.RingKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		foreign := store.RingKey{ID: 99, Purpose: "seal", Created: now, UseFrom: now, Wrapped: make([]byte, 72)}
		if err := s.Store.AddRingKeys(t.Context(), len(rows), []store.RingKey{foreign}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		c.Refresh(t, token).WantFault(t, signin.Overloaded)
		if r := readyz(t, s); r.code != 503 || r.Status != "keyless" || !strings.Contains(r.Checks["key_ring"], "is not here") {
			t.Errorf("GET /readyz = %d %+v, want 503 keyless", r.code, r)
		}
		for _, path := range []string{"/v1/authorize?" + c.AuthorizeQuery().Encode(), "/?Action=GetCallerIdentity&Version=2011-06-15"} {
			if w := s.Do(httptest.NewRequest("GET", s.Base+path, nil)); w.Code != 503 {
				t.Errorf("GET %s = %d, want 503", path, w.Code)
			}
		}
		if err := s.Store.RetireRingKey(t.Context(), 99, time.Time{}, now.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute + time.Second)
		if a := c.Refresh(t, token); a.Status != 200 {
			t.Errorf("refresh when it is gone = %d %s, want 200", a.Status, a.Body)
		}
	})
}
