// Package limit slows callers down: a key (an address, a client id) goes in, and after a short wait permission or a
// fault comes out. Clients give up on the first 429, so a caller that is a little too fast is made to wait instead.
package limit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Rule is how fast one key may be.
type Rule struct {
	PerSecond float64       // requests per second in the long run; 0 means without limit
	Burst     int           // requests at once
	Wait      time.Duration // the longest wait; a request that would wait longer is refused
}

// Limiter keeps a token bucket for each key. It is safe for concurrent use, and holds no more than maxKeys of them:
// buckets that have been full for a while are forgotten, which changes nothing for their keys.
type Limiter struct {
	rule   Rule
	what   string
	seed   maphash.Seed
	shards [shards]shard
}

const (
	shards  = 64
	maxKeys = 1 << 20
)

type shard struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

// New returns a limiter with that rule; what names the keys in messages, e.g. "address".
func New(rule Rule, what string) *Limiter {
	l := &Limiter{rule: rule, what: what, seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].buckets = map[string]*bucket{}
	}
	return l
}

// Wait takes one request of key, waiting for as long as the rule allows. It returns a Throttled fault that says when to
// come back, or the error of ctx.
func (l *Limiter) Wait(ctx context.Context, key string, now time.Time) error {
	if l.rule.PerSecond <= 0 {
		return nil
	}
	delay, ok := l.reserve(key, now)
	if !ok {
		return &signin.Fault{
			Kind:       signin.Throttled,
			Message:    "Too many requests of this " + l.what + ". Wait the seconds that Retry-After says, then try again.",
			RetryAfter: delay,
		}
	}
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reserve takes one request and returns how long it must wait; or, when that is longer than the rule allows, takes none
// and returns false.
func (l *Limiter) reserve(key string, now time.Time) (time.Duration, bool) {
	s := &l.shards[maphash.String(l.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[key]
	if b == nil {
		l.sweep(s, now)
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(l.rule.PerSecond), max(1, l.rule.Burst))}
		s.buckets[key] = b
	}
	b.used = now
	r := b.ReserveN(now, 1)
	delay := r.DelayFrom(now)
	if delay > l.rule.Wait {
		r.CancelAt(now)
		return delay, false
	}
	return delay, true
}

// sweep forgets full buckets, at most once a minute, and all of a shard that has grown out of bounds: then it is under
// an attack from so many addresses that counting them helps nobody.
func (l *Limiter) sweep(s *shard, now time.Time) {
	if len(s.buckets) >= maxKeys/shards {
		clear(s.buckets)
	}
	if now.Sub(s.swept) < time.Minute {
		return
	}
	s.swept = now
	full := time.Duration(float64(max(1, l.rule.Burst)) / l.rule.PerSecond * float64(time.Second))
	for key, b := range s.buckets {
		if now.Sub(b.used) > full+l.rule.Wait {
			delete(s.buckets, key)
		}
	}
}

// Gate bounds how many requests are served at once.
type Gate struct {
	slots chan struct{}
	wait  time.Duration
}

// NewGate returns a gate for n requests at once; further ones wait in a queue, each for at most wait.
func NewGate(n int, wait time.Duration) *Gate {
	return &Gate{slots: make(chan struct{}, n), wait: wait}
}

// Enter returns a function that must be called when the request is done, or an Overloaded fault.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	default:
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, &signin.Fault{
			Kind:       signin.Overloaded,
			Message:    "The server has more requests than it can serve. Try again shortly.",
			RetryAfter: time.Second,
		}
	}
}

func (g *Gate) leave() { <-g.slots }
