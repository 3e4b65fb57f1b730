package limit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

var perSecond = Rule{PerSecond: 2, Burst: 3, Wait: time.Second}

// take takes one request of key now, and returns how long it waited.
func take(t *testing.T, l *Limiter, key string) (waited time.Duration, err error) {
	t.Helper()
	began := time.Now()
	err = l.Wait(t.Context(), key, began)
	return time.Since(began), err
}

func TestBurstGoesThroughThenRequestsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(perSecond, "client")
		for i := range 3 {
			if waited, err := take(t, l, "a"); err != nil || waited != 0 {
				t.Errorf("request %d of the burst waited %v, %v", i, waited, err)
			}
		}
		for i := range 3 {
			if waited, err := take(t, l, "a"); err != nil || waited != 500*time.Millisecond {
				t.Errorf("request %d after the burst waited %v, %v, want 500ms at 2/s", i, waited, err)
			}
		}
		// After a rest the burst is there again, and no more than that.
		time.Sleep(time.Hour)
		for range 3 {
			if waited, _ := take(t, l, "a"); waited != 0 {
				t.Errorf("after a rest a request waited %v", waited)
			}
		}
		if waited, _ := take(t, l, "a"); waited == 0 {
			t.Error("an hour's rest gave more than the burst")
		}
	})
}

func TestKeysDoNotShareABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(perSecond, "client")
		for i := range 100 {
			if waited, err := take(t, l, fmt.Sprint("key", i)); err != nil || waited != 0 {
				t.Errorf("the first request of key %d waited %v, %v", i, waited, err)
			}
		}
	})
}

// Of many at once, as many wait as fit into the longest wait; the others are told when to come back, at once.
func TestWhoWouldWaitTooLongIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(perSecond, "address")
		var mu sync.Mutex
		waits := map[time.Duration]int{}
		refused := 0
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				waited, err := take(t, l, "a")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					waits[waited]++
					return
				}
				refused++
				fault, ok := errors.AsType[*signin.Fault](err)
				if !ok || fault.Kind != signin.Throttled || fault.RetryAfter != 1500*time.Millisecond || waited != 0 {
					t.Errorf("refused after %v with %v, RetryAfter %v, want at once and 1.5s", waited, err, fault.RetryAfter)
				}
			})
		}
		wg.Wait()
		if waits[0] != 3 || waits[500*time.Millisecond] != 1 || waits[time.Second] != 1 || refused != 15 {
			t.Errorf("waits are %v, %d refused, want 3 at once, one each after 0.5s and 1s, 15 refused", waits, refused)
		}
	})
}

// A refused request costs nothing: whoever obeys Retry-After gets in, however often others knocked meanwhile.
func TestRefusalLeavesNoDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := perSecond
		rule.Wait = 0
		l := New(rule, "client")
		for range 3 {
			take(t, l, "a")
		}
		for range 1000 {
			if _, err := take(t, l, "a"); signin.KindOf(err) != signin.Throttled {
				t.Fatalf("request over the burst = %v, want Throttled", err)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if waited, err := take(t, l, "a"); err != nil || waited != 0 {
			t.Errorf("after 1000 refusals and 500ms at 2/s, a request waited %v, %v", waited, err)
		}
		if _, err := take(t, l, "a"); err == nil {
			t.Error("500ms at 2/s gave two requests")
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Rule{PerSecond: 1, Burst: 1, Wait: time.Minute}, "client")
		take(t, l, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := l.Wait(ctx, "a", began); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("Wait = %v after %v, want the context's error after 100ms", err, time.Since(began))
		}
	})
}

func TestNoRuleIsNoLimit(t *testing.T) {
	l := New(Rule{}, "client")
	for range 10_000 {
		if err := l.Wait(t.Context(), "a", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

// A rule without a burst still lets one through at a time.
func TestBurstIsAtLeastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Rule{PerSecond: 1, Burst: 0, Wait: time.Minute}, "client")
		for i := range 3 {
			if waited, err := take(t, l, "a"); err != nil || waited != time.Duration(min(i, 1))*time.Second {
				t.Errorf("request %d waited %v, %v, want the first at once and the others a second each", i, waited, err)
			}
		}
	})
}

// Forgetting a bucket must not help a caller that is still being slowed down.
func TestEmptyBucketIsNotForgotten(t *testing.T) {
	l := New(Rule{PerSecond: 0.01, Burst: 10, Wait: 0}, "address") // takes 1000 s to fill
	now := time.Unix(1_800_000_000, 0)
	for range 10 {
		l.Wait(t.Context(), "a", now)
	}
	for i := range 2000 {
		l.Wait(t.Context(), fmt.Sprint("other", i), now.Add(90*time.Second))
	}
	if err := l.Wait(t.Context(), "a", now.Add(90*time.Second)); signin.KindOf(err) != signin.Throttled {
		t.Errorf("after 90 s at 0.01/s a caller that took its burst got %v, want Throttled", err)
	}
}

// Attack: come from more addresses than memory has room for.
func TestMemoryIsBoundedWhateverComes(t *testing.T) {
	l := New(Rule{PerSecond: 1, Burst: 1, Wait: time.Second}, "address")
	now := time.Unix(1_800_000_000, 0)
	for i := range maxKeys + 1000 {
		l.Wait(t.Context(), fmt.Sprint("key", i), now)
	}
	if n := l.buckets.Len(); n > maxKeys {
		t.Errorf("%d keys are remembered, want at most %d", n, maxKeys)
	}
}

// Attack: the time of a request is that of its head, and its body may come slowly. What is late must not refill anything.
func TestTimeThatGoesBackRefillsNothing(t *testing.T) {
	l := New(Rule{PerSecond: 10, Burst: 100, Wait: 0}, "address")
	now := time.Unix(1_800_000_000, 0)
	passed := 0
	for range 1000 {
		for _, at := range []time.Time{now, now.Add(-29 * time.Second)} {
			if l.Wait(t.Context(), "a", at) == nil {
				passed++
			}
		}
	}
	if passed > 100 {
		t.Errorf("%d requests passed within a moment, want the burst of 100", passed)
	}
}

// A network that has many addresses is one caller: an IPv6 customer has a /64 at least.
func TestNetworkIsWhatOneCallerHas(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "::1": "::",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := Network(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("Network(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestSiteIsTheNetworkOfACustomer(t *testing.T) {
	for address, want := range map[string]string{
		"2001:db8:5:1::9": "2001:db8:5::", "fe80::1%eth0": "fe80::", "198.51.100.77": "198.51.100.0", "::ffff:198.51.100.77": "198.51.100.0",
	} {
		if got := Site(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("Site(%s) = %s, want %s", address, got, want)
		}
	}
	if got := Site(netip.Addr{}); got.IsValid() {
		t.Errorf("Site of no address is %s", got)
	}
}
