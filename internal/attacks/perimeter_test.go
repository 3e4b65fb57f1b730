package attacks

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Class: perimeter bypass, CWE-284 and CWE-290. The account lets people in from its office and its VPC only. Mallory has taken
// a whole login (the cache file with its key, a code with its verifier) home, and writes what a proxy would write to look as
// if they were inside.
//
// Here it is asked again at every request where it comes from, not only at the sign-in, and what headers say counts from the
// proxy itself alone. A header that says two things, or nothing, is a foreign network.
func TestPerimeterIsNotTalkedAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) {
			c.TrustedProxies, c.NetworkKeys.SourceVPC = []string{"10.0.0.1"}, "X-Source-Vpc"
		})
		ctx, now := t.Context(), time.Now()
		statement, err := perimeter.Statement{SourceIP: "203.0.113.0/24", SourceVPC: "vpc-0123abcd", RequestedRegion: s.Config.Region}.Check(s.Config.Region)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Store.PutStatement(ctx, statement.Keep(testkit.Account, "", now), perimeter.Quota, now, now.Add(perimeter.TellFor)); err != nil {
			t.Fatal(err)
		}
		if err := s.Store.SetConsoleAuthorization(ctx, testkit.Account, true, now, now.Add(perimeter.TellFor)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)

		s.ComeFrom("203.0.113.7")
		victim, second := s.Client(), s.Client()
		stolen := victim.Login(t)
		code := second.Authorize(t)
		for _, tt := range []struct {
			from    string
			headers []string
		}{
			{"198.51.100.66", nil},
			{"198.51.100.66", []string{"X-Forwarded-For", "203.0.113.7"}},
			{"198.51.100.66", []string{"X-Real-Ip", "203.0.113.7", "Forwarded", "for=203.0.113.7"}},
			{"198.51.100.66", []string{"X-Source-Vpc", "vpc-0123abcd"}},
			{"198.51.100.66", []string{"X-Source-Vpc", "vpc-0123abcd", "X-Forwarded-For", "10.0.0.1"}},
			{"10.0.0.1", []string{"X-Forwarded-For", "203.0.113.7, 198.51.100.66"}},
			{"10.0.0.1", []string{"X-Source-Vpc", "vpc-0123abcd, vpc-89abcdef", "X-Forwarded-For", "198.51.100.66"}},
			{"10.0.0.1", []string{"X-Source-Vpc", "vpc-0123abcd", "X-Source-Vpc", "", "X-Forwarded-For", "198.51.100.66"}},
			{"10.0.0.1", []string{"X-Forwarded-For", "198.51.100.66", "X_Source_Vpc", "vpc-0123abcd"}},
			{"::ffff:198.51.100.66", nil},
			{"2001:db8::66", nil},
		} {
			s.ComeFrom(tt.from, tt.headers...)
			if got := victim.Refresh(t, stolen.RefreshToken); got.Status != http.StatusForbidden || got.Error != "INSUFFICIENT_PERMISSIONS" {
				t.Errorf("refresh from %s with %q = %d %s", tt.from, tt.headers, got.Status, got.Body)
			}
			if got := second.Redeem(t, code); got.Status != http.StatusForbidden {
				t.Errorf("redemption from %s with %q = %d %s", tt.from, tt.headers, got.Status, got.Body)
			}
		}
		// Whoever is inside loses nothing by it.
		s.ComeFrom("10.0.0.1", "X-Forwarded-For", "172.16.0.9", "X-Source-Vpc", "vpc-0123abcd")
		if got := victim.Refresh(t, stolen.RefreshToken); got.Status != http.StatusOK {
			t.Errorf("refresh from the VPC = %d %s", got.Status, got.Body)
		}
		s.ComeFrom("203.0.113.8")
		if got := second.Redeem(t, code); got.Status != http.StatusOK {
			t.Errorf("redemption from the office = %d %s", got.Status, got.Body)
		}
	})
}
