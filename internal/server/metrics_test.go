package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Every label of a metric is from a list that this program has, so that callers cannot fill the memory with new ones.
func TestCallersCannotInventMetricLabels(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	for i := range 50 {
		odd := fmt.Sprintf("odd%dlabel", i)
		for _, r := range []*http.Request{
			httptest.NewRequest("GET", s.Base+"/"+odd, nil),
			httptest.NewRequest(strings.ToUpper(odd), s.Base+"/v1/token", nil),
			httptest.NewRequest("POST", s.Base+"/v1/token?"+odd, nil),
			httptest.NewRequest("GET", s.Base+"/?Action="+odd+"&Version=2011-06-15", nil),
			httptest.NewRequest("GET", s.Base+"/v1/authorize?client_id="+odd+"&response_type="+odd, nil),
		} {
			s.Do(r)
		}
		c.Post(t, map[string]string{"clientId": odd, "grantType": odd}, "")
		c.Post(t, map[string]string{"clientId": odd, "grantType": "refresh_token"}, "")
	}
	if text := s.Metrics(t); regexp.MustCompile(`odd\d+label`).MatchString(strings.ToLower(text)) {
		t.Errorf("a caller's text is in the metrics:\n%s", text)
	}
}

// What operators are promised to see.
func TestMetricsCountWhatHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		code := c.Authorize(t)
		token := c.Redeem(t, code).RefreshToken
		c.Refresh(t, token)
		c.Refresh(t, token)
		c.Post(t, c.RefreshBody(token), "")
		c.Redeem(t, code) // a replay: ends the session
		time.Sleep(2 * time.Second)
		text := s.Metrics(t)
		for _, want := range []string{
			`latchkey_requests_total{grant="authorization_code",operation="CreateOAuth2Token",outcome="ok"} 1`,
			`latchkey_requests_total{grant="refresh_token",operation="CreateOAuth2Token",outcome="ok"} 2`,
			`latchkey_requests_total{grant="refresh_token",operation="CreateOAuth2Token",outcome="ProofMissing"} 1`,
			`latchkey_requests_total{grant="authorization_code",operation="CreateOAuth2Token",outcome="CodeSpent"} 1`,
			`latchkey_request_seconds_count{operation="CreateOAuth2Token"} 5`,
			`latchkey_request_seconds_bucket{operation="CreateOAuth2Token",le="0.001"}`,
			"latchkey_logins_total 1", "latchkey_refreshes_total 2", "latchkey_replays_total 1",
			`latchkey_revocations_total{reason="session-revoked"} 1`, "latchkey_notices 1", "latchkey_notices_heard_age_seconds ",
			`latchkey_store_seconds_count{operation="redeem_code",result="ok"} 1`, `latchkey_store_seconds_count{operation="redeem_code",result="refused"} 1`,
			`latchkey_key_age_seconds{purpose="seal"} 2`, `latchkey_key_age_seconds{purpose="sign-es384"} 2`,
			"latchkey_proofs_remembered ", "go_goroutines ", "process_resident_memory_bytes ",
		} {
			if !strings.Contains(text, "\n"+want) {
				t.Errorf("/metrics lacks %s", want)
			}
		}
	})
}
