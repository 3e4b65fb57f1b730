package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// remoteIn returns the address that the log has for the last request.
func remoteIn(t *testing.T, s *testkit.Server) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(s.Log()), "\n")
	var record struct{ Remote string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &record); err != nil {
		t.Fatal(err)
	}
	return record.Remote
}

// Attack: write an address into X-Forwarded-For to have another's limit, or to put the blame on another. What a caller
// wrote stands to the left of what the proxies added.
func TestForwardedAddressesAreBelievedOfProxiesOnly(t *testing.T) {
	trusting := testkit.Start(t, debug, func(c *config.Config) { c.TrustedProxies = []string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"} })
	trustingNobody := testkit.Start(t, debug)
	for _, tt := range []struct {
		name      string
		s         *testkit.Server
		peer      string
		forwarded []string
		want      string
	}{
		{"a direct caller", trusting, "203.0.113.9:1", nil, "203.0.113.9"},
		{"a direct caller who writes an address", trusting, "203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"},
		{"a direct caller who writes a proxy's", trusting, "203.0.113.9:1", []string{"10.0.0.1"}, "203.0.113.9"},
		{"through a proxy", trusting, "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"through two", trusting, "10.0.0.1:1", []string{"203.0.113.9, 192.0.2.1"}, "203.0.113.9"},
		{"through two, in two headers", trusting, "10.0.0.1:1", []string{"203.0.113.9", "192.0.2.1"}, "203.0.113.9"},
		{"through a proxy, having written one", trusting, "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"through a proxy, having written a header", trusting, "10.0.0.1:1", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"through a proxy, having written a proxy's", trusting, "10.0.0.1:1", []string{"10.0.0.7, 203.0.113.9"}, "203.0.113.9"},
		{"through a proxy, having written nonsense", trusting, "10.0.0.1:1", []string{"nonsense, 203.0.113.9"}, "203.0.113.9"},
		{"a proxy that writes nonsense", trusting, "10.0.0.1:1", []string{"198.51.100.1, nonsense"}, "10.0.0.1"},
		{"a proxy that writes nothing", trusting, "10.0.0.1:1", nil, "10.0.0.1"},
		{"a proxy that writes an empty one", trusting, "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"a proxy itself", trusting, "10.0.0.1:1", []string{"10.0.0.2"}, "10.0.0.2"},
		{"an IPv4 proxy on an IPv6 socket", trusting, "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"an IPv6 proxy", trusting, "[2001:db8::1]:1", []string{"2001:db9::9"}, "2001:db9::9"},
		{"nobody is trusted", trustingNobody, "127.0.0.1:1", []string{"203.0.113.9"}, "127.0.0.1"},
		{"no address", trusting, "@", []string{"203.0.113.9"}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", tt.s.Base+"/healthz", nil)
		r.RemoteAddr = tt.peer
		for _, f := range tt.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		r.Header.Set("X-Real-Ip", "198.51.100.99")
		r.Header.Set("Forwarded", "for=198.51.100.99")
		tt.s.Do(r)
		if got := remoteIn(t, tt.s); got != tt.want {
			t.Errorf("%s: peer %s, X-Forwarded-For %q: the caller is %s, want %s", tt.name, tt.peer, tt.forwarded, got, tt.want)
		}
	}
}
