package token_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// A policy that denies either half of a login lets nobody in with that role.
func TestPolicyMustAllowBothActions(t *testing.T) {
	for _, denied := range []string{"signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"} {
		s := testkit.Start(t)
		document := strings.TrimSuffix(policy.LocalDevelopment, "]}") + `,{"Effect":"Deny","Action":"` + denied + `","Resource":"*"}]}`
		if _, err := policy.Parse(document); err != nil {
			t.Fatal(err)
		}
		if err := s.Store.SetRolePolicy(t.Context(), s.Role.ID, document, true, time.Now(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, s.Base+"/v1/authorize?"+s.Client().AuthorizeQuery().Encode(), nil)
		if to := s.Do(r).Header().Get("Location"); strings.Contains(to, "code=") || !strings.Contains(to, "error=access_denied") {
			t.Errorf("with %s denied, the client is sent to %q, want error=access_denied", denied, to)
		}
	}
}

// An operator who finds sessions too long shortens them: those under way end too, and a notice outlives all of them.
func TestShorterSessionsHoldForThoseUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Session = 72 * time.Hour })
		c := s.Client()
		a := c.Login(t)
		time.Sleep(30 * time.Minute)
		s.Restart(t, func(c *config.Config) { c.Lifetimes.Session = time.Hour })
		if a = c.Refresh(t, a.RefreshToken); a.Status != http.StatusOK {
			t.Fatalf("refresh = %d %s", a.Status, a.Body)
		}
		time.Sleep(31 * time.Minute)
		c.Refresh(t, a.RefreshToken).WantFault(t, signin.SessionEnded)
		// Longer again does not bring back more than the session began with; but what it began with.
		s.Restart(t, func(c *config.Config) { c.Lifetimes.Session = 72 * time.Hour })
		if a = c.Refresh(t, a.RefreshToken); a.Status != http.StatusOK {
			t.Errorf("refresh = %d %s", a.Status, a.Body)
		}
	})
}

// Whoever is shut out while sessions are short stays out when they are long again.
func TestNoticeOutlivesEverySession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Session = 72 * time.Hour })
		c := s.Client()
		token := c.Login(t).RefreshToken
		s.Restart(t, func(c *config.Config) { c.Lifetimes.Session = time.Hour })
		now := time.Now()
		if err := s.Store.DisablePerson(t.Context(), s.Person.ID, now, signin.NoticeExpiry(now)); err != nil {
			t.Fatal(err)
		}
		s.Server.Close() // no polling while days go by
		time.Sleep(48 * time.Hour)
		for {
			n, err := s.Store.Sweep(t.Context(), time.Now(), 500)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		s.Restart(t, func(c *config.Config) { c.Lifetimes.Session = 72 * time.Hour })
		c.Refresh(t, token).WantFault(t, signin.PermissionMissing)
	})
}

// Attack: use up the pace that all people share, without proving anything.
func TestWhatIsRefusedDoesNotUseUpThePaceOfOthers(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) {
		c.Limits.Client = config.Rate{PerSecond: 1, Burst: 5}
		c.Limits.Address = config.Rate{}
		c.Limits.Wait = 0
	})
	alice, mallory := s.Client(), s.Client()
	token := alice.Login(t).RefreshToken
	for range 20 {
		mallory.Post(t, mallory.RefreshBody(token), "").WantFault(t, signin.ProofMissing)
		mallory.Refresh(t, token).WantFault(t, signin.ProofKeyMismatch)
		mallory.Refresh(t, "ASORx").WantFault(t, signin.RefreshUnknown)
	}
	if a := alice.Refresh(t, token); a.Status != http.StatusOK {
		t.Errorf("refresh after what a stranger was refused = %d %s, want 200", a.Status, a.Body)
	}
}

// Attack: come from many addresses of one IPv6 network.
func TestOneNetworkIsOneAddress(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) {
		c.Limits.Address = config.Rate{PerSecond: 1, Burst: 2}
		c.Limits.Wait = 0
	})
	c := s.Client()
	for i, want := range []int{http.StatusBadRequest, http.StatusBadRequest, http.StatusTooManyRequests} {
		r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/token", strings.NewReader(`{"clientId":"`+c.ID+`","grantType":"refresh_token"}`))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = "[2001:db8:0:1::" + string(rune('1'+i)) + "]:4711"
		if w := s.Do(r); w.Code != want {
			t.Errorf("request %d = %d, want %d", i+1, w.Code, want)
		}
	}
}

// Attack: capture a signed request of a confidential client and send it later. It yields what it yielded, or nothing.
func TestCapturedSignedRequestYieldsNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Step, c.Lifetimes.Credentials = time.Minute, 15*time.Minute })
		c := s.Confidential(t, "app")
		token := c.Login(t).RefreshToken
		body := c.RefreshBody(token)
		captured := c.SignedRequest(t, body)
		again := c.SignedRequest(t, body)
		again.Header = captured.Header.Clone()
		first := c.Send(t, captured)
		if first.Status != http.StatusOK {
			t.Fatalf("refresh = %d %s", first.Status, first.Body)
		}
		time.Sleep(4 * time.Minute)
		if second := c.Send(t, again); second.Status != http.StatusOK || second.AccessToken != first.AccessToken {
			t.Errorf("the captured request, 4 steps later = %d, want what it gave before", second.Status)
		}
	})
}
