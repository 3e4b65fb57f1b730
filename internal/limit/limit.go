// Package limit slows callers down: a key (an address, a client id) goes in, and after a short wait permission or a
// fault comes out. Clients give up on the first 429, so a caller that is a little too fast is made to wait instead.
package limit

import (
	"context"
	"net/netip"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Rule is how fast one key may be.
type Rule struct {
	PerSecond float64       // requests per second in the long run; 0 means without limit
	Burst     int           // requests at once; at least 1
	Wait      time.Duration // the longest wait; a request that would wait longer is refused
}

// Limiter keeps a token bucket for each key. It is safe for concurrent use.
type Limiter struct {
	rule    Rule
	what    string
	buckets *Buckets[string]
}

// maxKeys is how many keys a limiter remembers; some megabytes.
const maxKeys = 1 << 16

// New returns a limiter with that rule; what names the keys in messages, e.g. "address".
func New(rule Rule, what string) *Limiter {
	l := &Limiter{rule: rule, what: what}
	if rule.PerSecond > 0 {
		every := max(1, time.Duration(float64(time.Second)/rule.PerSecond))
		l.buckets = NewBuckets[string](max(1, rule.Burst), every, maxKeys)
	}
	return l
}

// Wait takes one request of key, waiting for as long as the rule allows. It returns a Throttled fault that says when to
// come back, or the error of ctx.
func (l *Limiter) Wait(ctx context.Context, key string, now time.Time) error {
	if l.buckets == nil {
		return nil
	}
	delay, ok := l.buckets.Reserve(key, l.rule.Wait, now)
	if !ok {
		return &signin.Fault{
			Kind:       signin.Throttled,
			Message:    "Too many requests of this " + l.what + ". Wait the seconds that Retry-After says, then try again.",
			RetryAfter: delay,
		}
	}
	return Sleep(ctx, delay)
}

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Network returns what counts as one address: an IPv4 address, or the /64 of an IPv6 address, because whoever has one
// address there has all of them.
func Network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return a
}

// Site returns the network around an address that one customer may well have all of: the /48 of an IPv6 address, the /24 of
// an IPv4 address. Who may leave something behind is counted by site as well, because a site has thousands of addresses.
func Site(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	return netip.PrefixFrom(a, bits).Masked().Addr()
}
