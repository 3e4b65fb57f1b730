package fetch

import (
	"net/netip"
	"testing"
)

func TestOnlyPublicAddressesArePublic(t *testing.T) {
	for address, want := range map[string]struct{ public, reachable bool }{
		"8.8.8.8":              {true, true},
		"93.184.216.34":        {true, true},
		"172.15.255.255":       {true, true},
		"172.32.0.0":           {true, true},
		"100.63.255.255":       {true, true},
		"100.128.0.0":          {true, true},
		"2606:4700::1111":      {true, true},
		"2a00:1450:4001::200e": {true, true},
		"::ffff:8.8.8.8":       {true, true},

		"10.0.0.1":               {false, true},
		"172.16.0.1":             {false, true},
		"172.31.255.255":         {false, true},
		"192.168.1.1":            {false, true},
		"100.64.0.1":             {false, true},
		"127.0.0.1":              {false, true},
		"127.255.255.254":        {false, true},
		"::1":                    {false, true},
		"fd12:3456::1":           {false, true},
		"fc00::1":                {false, true},
		"::ffff:10.0.0.1":        {false, true},
		"::ffff:127.0.0.1":       {false, true},
		"::ffff:a00:1":           {false, true},
		"fd00:ec2::254":          {false, false}, // metadata of AWS
		"fd20:ce::254":           {false, false}, // of Google
		"169.254.169.254":        {false, false},
		"169.254.170.2":          {false, false}, // of a container of AWS
		"100.100.100.200":        {false, false},
		"168.63.129.16":          {false, false},
		"192.0.0.192":            {false, false},
		"fe80::1":                {false, false},
		"fe80::a9fe:a9fe":        {false, false},
		"fe80::1%lo":             {false, false},
		"0.0.0.0":                {false, false},
		"0.1.2.3":                {false, false},
		"::":                     {false, false},
		"224.0.0.1":              {false, false},
		"239.255.255.250":        {false, false},
		"255.255.255.255":        {false, false},
		"240.0.0.1":              {false, false},
		"ff02::1":                {false, false},
		"ff0e::1":                {false, false},
		"192.0.2.1":              {false, false},
		"198.51.100.1":           {false, false},
		"203.0.113.1":            {false, false},
		"198.18.0.1":             {false, false},
		"192.88.99.1":            {false, false},
		"2001:db8::1":            {false, false},
		"3fff::1":                {false, false},
		"2001::1":                {false, false}, // Teredo
		"2002:7f00:1::1":         {false, false}, // 6to4 of 127.0.0.1
		"2002:a9fe:a9fe::":       {false, false}, // 6to4 of 169.254.169.254
		"64:ff9b::7f00:1":        {false, false}, // NAT64 of 127.0.0.1
		"64:ff9b::a9fe:a9fe":     {false, false},
		"64:ff9b:1::a00:1":       {false, false},
		"::7f00:1":               {false, false}, // IPv4-compatible
		"::ffff:0:7f00:1":        {false, false}, // IPv4-translated
		"fec0::1":                {false, false}, // site-local
		"100::1":                 {false, false}, // discard
		"4000::1":                {false, false}, // not given out
		"5f00::1":                {false, false},
		"::ffff:169.254.169.254": {false, false},
	} {
		a := netip.MustParseAddr(address)
		if public(a) != want.public || reachable(a) != want.reachable {
			t.Errorf("%s: public %v, reachable %v; want %v, %v", address, public(a), reachable(a), want.public, want.reachable)
		}
	}
	if public(netip.Addr{}) || reachable(netip.Addr{}) {
		t.Error("no address is an address")
	}
}

func FuzzAddress(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add(netip.MustParseAddr("::ffff:10.0.0.1").AsSlice())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		u := a.Unmap()
		if public(a) && (!u.IsGlobalUnicast() || u.IsPrivate() || u.IsLoopback() || u.IsLinkLocalUnicast()) {
			t.Errorf("%s is taken for a public address", a)
		}
		if reachable(a) && (u.IsMulticast() || u.IsLinkLocalUnicast() || u.IsUnspecified()) {
			t.Errorf("%s is taken for one that may be asked", a)
		}
		if public(a) != public(u) || public(a) && !reachable(a) {
			t.Errorf("%s and %s are judged unlike", a, u)
		}
	})
}
