package register_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// play registers a client over the wire and returns it as a player that is sent to its first redirect URI.
func play(t *testing.T, s *testkit.Server, body string) *testkit.Dynamic {
	t.Helper()
	a := wantRegistered(t, post(s, body, ""))
	d := s.Dynamic(t) // with the resource and the role
	d.ID, d.Redirect = a.ClientID, a.RedirectURIs[0]
	return d
}

func TestRegisteredClientSignsPeopleIn(t *testing.T) {
	s := testkit.Start(t)
	d := play(t, s, `{"redirect_uris":["http://127.0.0.1/callback"]}`)
	d.Redirect = "http://127.0.0.1:50123/callback" // any port of loopback
	g := d.Login(t)
	if g = d.Refresh(t, g.RefreshToken).WantOK(t); g.RefreshToken == "" {
		t.Errorf("a refresh gave %s", g.Body)
	}
	// One that did not ask for refresh tokens has none.
	d = play(t, s, `{"redirect_uris":["http://127.0.0.1/callback"],"grant_types":["authorization_code"]}`)
	if g := d.Login(t); g.RefreshToken != "" {
		t.Errorf("a client without the grant was given a refresh token: %s", g.Body)
	}
}

// What ends a registration ends what was issued under it at the next refresh, and no code of it is redeemed.
func TestSessionsEndWithTheRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Registration.Lifetime = time.Hour })
		for name, end := range map[string]func(d *testkit.Dynamic){
			"removed": func(d *testkit.Dynamic) {
				id, _ := signin.ParseDynamicClientID(d.ID)
				if err := s.Store.RemoveDynamicClient(t.Context(), id, time.Now(), signin.NoticeExpiry(time.Now())); err != nil {
					t.Fatal(err)
				}
			},
			"expired": func(*testkit.Dynamic) { time.Sleep(time.Hour - 3*time.Minute) },
		} {
			d := play(t, s, good)
			time.Sleep(time.Minute)
			g := d.Login(t)
			time.Sleep(time.Minute)
			g = d.Refresh(t, g.RefreshToken).WantOK(t)
			code := d.Authorize(t)
			time.Sleep(time.Minute)
			end(d)
			d.Refresh(t, g.RefreshToken).WantFault(t, signin.ClientUnknown, "invalid_client")
			d.Redeem(t, code).WantFault(t, signin.ClientUnknown, "invalid_client")
			w := s.Do(httptest.NewRequest("GET", s.Base+"/v1/authorize?"+d.AuthorizeQuery().Encode(), nil))
			if w.Code != 400 || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), "not registered here") {
				t.Errorf("%s: authorize is answered with %d %s", name, w.Code, w.Body)
			}
		}
	})
}

// An operator who takes a pattern out of the list closes it at the next start, also for sign-ins under way.
func TestListThatShrankHoldsForOldRegistrations(t *testing.T) {
	s := testkit.Start(t)
	d := play(t, s, `{"redirect_uris":["https://claude.ai/cb","http://127.0.0.1/cb"]}`)
	d.Authorize(t)
	s.Restart(t, func(c *config.Config) { c.Registration.RedirectURIs = []string{} })
	w := s.Do(httptest.NewRequest("GET", s.Base+"/v1/authorize?"+d.AuthorizeQuery().Encode(), nil))
	if w.Code != 400 || w.Header().Get("Location") != "" {
		t.Errorf("authorize is answered with %d to %s", w.Code, w.Header().Get("Location"))
	}
	d.Redirect = "http://127.0.0.1:9/cb"
	d.Login(t)
}
