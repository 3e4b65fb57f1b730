package limit

import (
	"sync"
	"time"
)

// Buckets is a token bucket for each key that was seen lately. A bucket holds burst tokens and gets one back after each
// time of every.
//
// A bucket is kept as the moment when it will be full again (the generic cell rate algorithm), so a bucket that is full
// needs no entry, and what the map holds is who failed lately.
type Buckets[K comparable] struct {
	burst int
	every time.Duration
	// most is how many entries there may be. Beyond it, the bucket that is nearest to full is forgotten among a few that
	// are looked at.
	most int

	mu   sync.Mutex
	full map[K]time.Time
}

// NewBuckets returns full buckets of burst tokens, of which at most most are remembered.
func NewBuckets[K comparable](burst int, every time.Duration, most int) *Buckets[K] {
	return &Buckets[K]{burst: burst, every: every, most: most, full: map[K]time.Time{}}
}

// Take takes a token and returns 0, or takes none and returns how long to wait for the next.
func (b *Buckets[K]) Take(k K, now time.Time) time.Duration {
	wait, ok := b.Reserve(k, 0, now)
	if ok {
		return 0
	}
	return wait
}

// Reserve takes the next token and returns how long to wait before it is there; or, when that is longer than limit, takes
// none, tells how long it would be, and returns false. A now before an earlier one gains nothing.
func (b *Buckets[K]) Reserve(k K, limit time.Duration, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := latest(b.full[k], now).Add(b.every)
	wait = full.Sub(now) - time.Duration(b.burst)*b.every
	if wait > limit {
		return wait, false
	}
	b.putLocked(k, full, now)
	return max(0, wait), true
}

// Len returns how many buckets are remembered.
func (b *Buckets[K]) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.full)
}

// Owe takes a token, whether there is one or not, and returns how long the taker should wait: 0 while there are tokens,
// then more and more, at most limit.
func (b *Buckets[K]) Owe(k K, limit time.Duration, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := latest(b.full[k], now).Add(b.every)
	wait := full.Sub(now) - time.Duration(b.burst)*b.every
	if wait > limit { // debt beyond the limit is forgiven, so that it is over soon after the attempts are
		full, wait = full.Add(limit-wait), limit
	}
	b.putLocked(k, full, now)
	return max(0, wait)
}

// GiveBack returns the token of one Take or Owe.
func (b *Buckets[K]) GiveBack(k K, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	full, ok := b.full[k]
	if !ok {
		return
	}
	if full = full.Add(-b.every); !full.After(now) {
		delete(b.full, k)
		return
	}
	b.full[k] = full
}

func (b *Buckets[K]) putLocked(k K, full, now time.Time) {
	if _, ok := b.full[k]; !ok && len(b.full) >= b.most {
		b.makeRoomLocked(now)
	}
	b.full[k] = full
}

// makeRoomLocked looks at a few entries, which the map gives in random order, and forgets those that are full, or else
// the one that is nearest to it. To look at all of them would let a flood of new keys take the processor.
func (b *Buckets[K]) makeRoomLocked(now time.Time) {
	const looks = 16
	var nearest K
	var when time.Time
	seen, freed := 0, false
	for k, full := range b.full {
		if !full.After(now) {
			delete(b.full, k)
			freed = true
		} else if when.IsZero() || full.Before(when) {
			nearest, when = k, full
		}
		if seen++; seen == looks {
			break
		}
	}
	if !freed {
		delete(b.full, nearest)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
