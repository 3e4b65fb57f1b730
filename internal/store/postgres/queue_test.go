package postgres

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// locked returns a store both writers of which wait, each with one redemption, until release is called.
func locked(t *testing.T, options string) (s *Store, first []chan error, release func()) {
	t.Helper()
	url := pgtest.Shared(t)
	s = open(t, url+options)
	c := beside(t, url)
	run(t, c, `BEGIN`, `LOCK TABLE session IN ACCESS EXCLUSIVE MODE`)
	for i := range writers {
		first = append(first, redeemAll(t.Context(), s, codes(1))...)
		awaitWaiting(t, c, i+1)
	}
	return s, first, func() { run(t, c, `ROLLBACK`) }
}

// awaitWaiting returns when n sessions of the database wait for a lock.
func awaitWaiting(t *testing.T, c *pgx.Conn, n int) {
	t.Helper()
	for number(t, c, `SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND d.datname = current_database()`) != int64(n) {
		time.Sleep(time.Millisecond)
	}
}

// redeemAll redeems codes at once and returns a channel with every outcome, which is as long as codes.
func redeemAll(ctx context.Context, s *Store, codes []signin.Session) []chan error {
	out := make([]chan error, len(codes))
	for i := range codes {
		out[i] = make(chan error, 1)
		go func() { out[i] <- s.RedeemCode(ctx, codes[i]) }()
	}
	return out
}

// awaitQueue returns when n redemptions are queued, while the writers cannot take them.
func awaitQueue(s *Store, n int) {
	for len(s.queue.waiting) != n {
		runtime.Gosched()
	}
}

func wantAll(t *testing.T, call string, out []chan error, want error) {
	t.Helper()
	for i := range out {
		if err := <-out[i]; !errors.Is(err, want) || (want == nil && err != nil) {
			t.Errorf("%s %d = %v, want %v", call, i, err, want)
		}
	}
}

func TestQueuedRedemptionsShareAStatement(t *testing.T) {
	s, first, release := locked(t, "")
	list := codes(300)
	list[7], list[200] = list[100], list[100] // one code has three callers
	out := redeemAll(t.Context(), s, list)
	awaitQueue(s, len(list))
	release()
	wantAll(t, "RedeemCode", first, nil)
	won := 0
	for i := range out {
		err := <-out[i]
		if i == 7 || i == 100 || i == 200 {
			if err == nil {
				won++
			} else if !errors.Is(err, store.ErrSpent) {
				t.Errorf("RedeemCode %d = %v, want nil or ErrSpent", i, err)
			}
		} else if err != nil {
			t.Errorf("RedeemCode %d = %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d callers with one code won, want 1", won)
	}
	if got := s.Stats(); got.Writes != 302 || got.Commits < 3 || got.Commits > 4 {
		t.Errorf("Stats() = %+v, want 302 redemptions: two by themselves, and 300 in one or two groups", got)
	}
}

// Whoever leaves before the writer begins has not redeemed the code.
func TestCallerLeavesTheQueue(t *testing.T) {
	s, first, release := locked(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	list := codes(2)
	out := redeemAll(ctx, s, list)
	awaitQueue(s, 2)
	cancel()
	wantAll(t, "RedeemCode", out, context.Canceled) // before release: nobody waits for the writer
	release()
	wantAll(t, "RedeemCode", first, nil)
	wantAll(t, "RedeemCode after it was given up in the queue", redeemAll(t.Context(), s, list), nil)
}

// A redemption that is under way will have an outcome soon, and the caller learns it.
func TestCallerOfARedemptionUnderWayLearnsItsOutcome(t *testing.T) {
	url := pgtest.Shared(t)
	s, c := open(t, url), beside(t, url)
	run(t, c, `BEGIN`, `LOCK TABLE session IN ACCESS EXCLUSIVE MODE`)
	ctx, cancel := context.WithCancel(t.Context())
	out := redeemAll(ctx, s, codes(1))
	awaitWaiting(t, c, 1)
	cancel()
	run(t, c, `ROLLBACK`)
	wantAll(t, "RedeemCode", out, nil)
}

func TestCloseRunsWhatIsQueued(t *testing.T) {
	s, first, release := locked(t, "")
	out := redeemAll(t.Context(), s, codes(50))
	awaitQueue(s, 50)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.queue.closing
	release()
	wantAll(t, "RedeemCode, under way before Close", first, nil)
	wantAll(t, "RedeemCode, queued before Close", out, nil)
	if err := <-closed; err != nil {
		t.Errorf("Close = %v", err)
	}
}

// A lock that is held too long fails those who wait, says why, and leaves nothing behind.
func TestLockHeldTooLongIsAnErrorWithAHint(t *testing.T) {
	s, first, release := locked(t, "&statement_timeout=300")
	code := session(noon)
	err := s.RedeemCode(t.Context(), code)
	if err == nil || !strings.Contains(err.Error(), "look for long transactions") {
		t.Errorf("RedeemCode behind a lock = %v, want an error with a hint", err)
	}
	for i := range first {
		if err := <-first[i]; err == nil {
			t.Error("RedeemCode behind a lock = nil, want an error")
		}
	}
	release()
	if err := s.RedeemCode(t.Context(), code); err != nil {
		t.Errorf("RedeemCode after the lock is gone = %v", err)
	}
}

// Two nodes that insert the same codes in another order would wait for each other; they sort.
func TestNodesThatRedeemTheSameCodesDoNotDeadlock(t *testing.T) {
	url := pgtest.Shared(t)
	one, other := open(t, url), open(t, url)
	for range 10 {
		list := codes(200)
		backwards := make([]signin.Session, len(list))
		for i := range list {
			backwards[len(list)-1-i] = list[i]
		}
		out, contrary := redeemAll(t.Context(), one, list), redeemAll(t.Context(), other, backwards)
		for i := range out {
			a, b := <-out[i], <-contrary[len(list)-1-i]
			if (a == nil) == (b == nil) || (a != nil && !errors.Is(a, store.ErrSpent)) || (b != nil && !errors.Is(b, store.ErrSpent)) {
				t.Errorf("RedeemCode %d at two nodes = %v and %v, want one nil and one ErrSpent", i, a, b)
			}
		}
	}
	if n := number(t, beside(t, url), `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("the server broke %d deadlocks, want 0", n)
	}
}
