package identity

import (
	"sync"
	"time"
)

// buckets is a token bucket for each key that was seen lately. A bucket holds burst tokens and gets one back after each
// time of every.
//
// A bucket is kept as the moment when it will be full again (the generic cell rate algorithm), so a bucket that is full
// needs no entry, and what the map holds is who failed lately.
type buckets[K comparable] struct {
	burst int
	every time.Duration
	// most is how many entries there may be. Beyond it, the bucket that is nearest to full is forgotten among a few that
	// are looked at.
	most int

	mu   sync.Mutex
	full map[K]time.Time
}

func newBuckets[K comparable](burst int, every time.Duration, most int) *buckets[K] {
	return &buckets[K]{burst: burst, every: every, most: most, full: map[K]time.Time{}}
}

// take takes a token and returns 0, or takes none and returns how long to wait for the next.
func (b *buckets[K]) take(k K, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := latest(b.full[k], now).Add(b.every)
	if wait := full.Sub(now) - time.Duration(b.burst)*b.every; wait > 0 {
		return wait
	}
	b.putLocked(k, full, now)
	return 0
}

// owe takes a token, whether there is one or not, and returns how long the taker should wait: 0 while there are tokens,
// then more and more, at most limit.
func (b *buckets[K]) owe(k K, limit time.Duration, now time.Time) time.Duration {
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

// giveBack returns the token of one take or owe.
func (b *buckets[K]) giveBack(k K, now time.Time) {
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

func (b *buckets[K]) putLocked(k K, full, now time.Time) {
	if _, ok := b.full[k]; !ok && len(b.full) >= b.most {
		b.makeRoomLocked(now)
	}
	b.full[k] = full
}

// makeRoomLocked looks at a few entries, which the map gives in random order, and forgets those that are full, or else
// the one that is nearest to it. To look at all of them would let a flood of new keys take the processor.
func (b *buckets[K]) makeRoomLocked(now time.Time) {
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
