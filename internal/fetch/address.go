package fetch

import "net/netip"

// nobody are addresses that are never asked, whatever the options say: those that lead to no single host of anybody, and
// those where the platforms of cloud providers hand out credentials to whoever asks from the right machine.
var nobody = prefixes(
	"0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", // this network, multicast, reserved and broadcast (RFC 6890)
	"::/128", "ff00::/8", // unspecified, multicast
	"169.254.0.0/16", "fe80::/10", // link-local, with the metadata of most cloud providers
	"fd00:ec2::/32", "fd20:ce::/32", // the same of AWS and of Google by IPv6
	"100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", // the same of Alibaba, Oracle and Azure
)

// inside are addresses that are not on the public Internet (IANA special-purpose address registries, RFC 6890), or that
// carry another address which would have to be checked in its stead.
var inside = prefixes(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // private (RFC 1918)
	"100.64.0.0/10", "127.0.0.0/8", // carrier-grade NAT, loopback
	"192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", // protocols, documentation, benchmarks
	"192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", // relays of 6to4, AS112, AMT
	"2001::/23",                  // protocols: Teredo, ORCHID, benchmarks and others
	"2001:db8::/32", "3fff::/20", // documentation
	"2002::/16",                      // 6to4, which carries an IPv4 address
	"2620:4f:8000::/48", "5f00::/16", // AS112, segment routing
)

// global is where IPv6 addresses of the public Internet are (IANA, global unicast). What lies outside, like unique local
// addresses, those of NAT64 (64:ff9b::/96) and IPv4 in other clothes, is inside.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, s := range all {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func in(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// public tells whether a is an address of the public Internet.
func public(a netip.Addr) bool {
	a = plain(a)
	return a.IsValid() && !in(nobody, a) && !in(inside, a) && (a.Is4() || global.Contains(a))
}

// reachable tells whether a may be asked where private addresses are allowed. That is meant for hosts that an
// administrator named, so addresses that carry others are refused still.
func reachable(a netip.Addr) bool {
	a = plain(a)
	if public(a) {
		return true
	}
	return a.IsValid() && !in(nobody, a) && (a.IsPrivate() || a.IsLoopback() || shared.Contains(a))
}

var shared = netip.MustParsePrefix("100.64.0.0/10") // carrier-grade NAT, which some private networks use

// plain returns a as an IPv4 address where it is one mapped into IPv6, and without a zone, which no prefix contains.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
