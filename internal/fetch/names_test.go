package fetch

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server on loopback. Each name has a list of answers, which are given one after the other, the last one
// for ever: so a name can resolve to another address when it is asked again.
type names struct {
	mu      sync.Mutex
	answers map[string][][]netip.Addr
	asked   map[string]int
}

// serveNames starts a name server and returns a resolver that asks it.
func serveNames(t *testing.T, answers map[string][][]netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{answers: answers, asked: map[string]int{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := n.answer(buf[:size]); answer != nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	n.mu.Lock()
	defer n.mu.Unlock()
	key := q.Name.String() + q.Type.String()
	all := n.answers[q.Name.String()]
	m.Response, m.Authoritative = true, true
	m.Additionals = nil
	if len(all) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	} else {
		for _, a := range all[min(n.asked[key], len(all)-1)] {
			h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
			switch {
			case a.Is4() && q.Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
			case !a.Is4() && q.Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
		n.asked[key]++
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

func addrs(all ...string) []netip.Addr {
	out := make([]netip.Addr, len(all))
	for i, s := range all {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}
