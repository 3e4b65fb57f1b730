package server

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// Attack: a statement lets people in from a VPC, so somebody at home writes the header that names it. Only the proxy's word
// counts, and only when nobody else could have written a part of it.
func TestNetworkKeysAreBelievedOfProxiesOnly(t *testing.T) {
	const vpc, endpoint = "vpc-0123abcd", "vpce-0123abcd"
	named := config.NetworkKeys{SourceVPC: "X-Source-Vpc", SourceVPCE: "X-Source-Vpce", VPCSourceIP: "X-Vpc-Ip"}
	trusting := &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, networkKeys: named}
	unconfigured := &Server{proxies: trusting.proxies}
	trustingNobody := &Server{networkKeys: named}
	type headers map[string][]string
	all := headers{"X-Source-Vpc": {vpc}, "X-Source-Vpce": {endpoint}, "X-Vpc-Ip": {"172.16.0.9"}}
	for _, tt := range []struct {
		name    string
		s       *Server
		peer    string
		headers headers
		want    signin.Network
	}{
		{"through the proxy", trusting, "10.0.0.1:1", all, signin.Network{VPC: vpc, VPCEndpoint: endpoint, VPCSourceIP: netip.MustParseAddr("172.16.0.9")}},
		{"through an IPv4 proxy on an IPv6 socket", trusting, "[::ffff:10.0.0.1]:1", headers{"X-Source-Vpc": {vpc}}, signin.Network{VPC: vpc}},
		{"an address in IPv6", trusting, "10.0.0.1:1", headers{"X-Vpc-Ip": {"2001:db8::9"}}, signin.Network{VPCSourceIP: netip.MustParseAddr("2001:db8::9")}},
		{"one written as IPv6", trusting, "10.0.0.1:1", headers{"X-Vpc-Ip": {"::ffff:172.16.0.9"}}, signin.Network{VPCSourceIP: netip.MustParseAddr("172.16.0.9")}},

		{"written by a direct caller", trusting, "203.0.113.9:1", all, signin.Network{}},
		{"by a direct caller who names a proxy", trusting, "203.0.113.9:1", headers{"X-Source-Vpc": {vpc}, "X-Forwarded-For": {"10.0.0.1"}}, signin.Network{}},
		{"where nobody is trusted", trustingNobody, "127.0.0.1:1", all, signin.Network{}},
		{"where no header is named", unconfigured, "10.0.0.1:1", all, signin.Network{}},
		{"without an address", trusting, "@", all, signin.Network{}},

		{"beside the proxy's own", trusting, "10.0.0.1:1", headers{"X-Source-Vpc": {vpc, "vpc-89abcdef"}}, signin.Network{}},
		{"in one header with the proxy's", trusting, "10.0.0.1:1", headers{"X-Source-Vpc": {vpc + ", vpc-89abcdef"}}, signin.Network{}},
		{"twice the same", trusting, "10.0.0.1:1", headers{"X-Source-Vpc": {vpc, vpc}}, signin.Network{}},
		{"nonsense", trusting, "10.0.0.1:1", headers{"X-Source-Vpc": {"*"}, "X-Source-Vpce": {vpc}, "X-Vpc-Ip": {"10.0.0.0/8"}}, signin.Network{}},
		{"empty", trusting, "10.0.0.1:1", headers{"X-Source-Vpc": {""}, "X-Vpc-Ip": {""}}, signin.Network{}},
		{"an address with a zone", trusting, "10.0.0.1:1", headers{"X-Vpc-Ip": {"fe80::1%x"}}, signin.Network{}},
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1:8080/livez", nil)
		r.RemoteAddr = tt.peer
		for name, values := range tt.headers {
			for _, v := range values {
				r.Header.Add(name, v)
			}
		}
		remote := netip.MustParseAddr("203.0.113.9")
		tt.want.SourceIP = remote
		if got := tt.s.network(r, remote); got != tt.want {
			t.Errorf("%s: network = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
