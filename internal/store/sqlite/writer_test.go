package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// locked returns a store whose writes wait until release is called, as behind another process that writes.
func locked(t *testing.T) (s *Store, release func()) {
	path := filepath.Join(t.TempDir(), "x.db")
	s = open(t, path)
	other := beside(t, path)
	run(t, other, `BEGIN IMMEDIATE`)
	return s, func() { run(t, other, `ROLLBACK`) }
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

// awaitQueue returns when n writes are queued, while block keeps the writer from taking them.
func awaitQueue(s *Store, n int) {
	for len(s.writer.queue) != n {
		runtime.Gosched()
	}
}

// block has the writer run a write that goes on until release is called.
func block(t *testing.T, s *Store) (release func()) {
	t.Helper()
	entered, left := make(chan struct{}), make(chan struct{})
	go func() {
		_ = s.write(context.Background(), func(tx) error {
			close(entered)
			<-left
			return nil
		})
	}()
	<-entered
	return func() { close(left) }
}

// patient is a context that tells how often it was asked for its channel: a caller asks once before it is in the queue,
// and again when it is.
type patient struct {
	context.Context
	asked atomic.Int32
}

func (p *patient) Done() <-chan struct{} {
	p.asked.Add(1)
	return p.Context.Done()
}

func codes(n int) []signin.Session {
	list := make([]signin.Session, n)
	for i := range list {
		list[i] = session(noon)
	}
	return list
}

func TestQueuedWritesShareACommit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	release := block(t, s)
	out := redeemAll(t.Context(), s, codes(300))
	awaitQueue(s, 300)
	release()
	for i := range out {
		if err := <-out[i]; err != nil {
			t.Errorf("RedeemCode %d = %v", i, err)
		}
	}
	if got := s.Stats(); got != (Stats{Commits: 2, Writes: 301}) {
		t.Errorf("Stats() = %+v, want 2 commits: one of the first write and one of the 300 that came meanwhile", got)
	}
}

// Whoever leaves before the write begins has not redeemed the code.
func TestCallerLeavesTheQueue(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	release := block(t, s)
	leaveAndComeBack(t, s, release)
}

// The writer has taken the write, but waits for another process; that is no reason to keep the caller.
func TestCallerLeavesBeforeTheLockIsFree(t *testing.T) {
	s, release := locked(t)
	leaveAndComeBack(t, s, release)
}

// leaveAndComeBack gives up two redemptions while the writer cannot go on, and tries them again after release.
func leaveAndComeBack(t *testing.T, s *Store, release func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	list := codes(2)
	waits := &patient{Context: ctx}
	out := redeemAll(waits, s, list)
	for waits.asked.Load() < 4 {
		runtime.Gosched()
	}
	cancel()
	for i := range out { // before release: nobody waits for the writer
		if err := <-out[i]; !errors.Is(err, context.Canceled) {
			t.Errorf("RedeemCode %d = %v, want context.Canceled", i, err)
		}
	}
	release()
	for i, c := range list {
		if err := s.RedeemCode(t.Context(), c); err != nil {
			t.Errorf("RedeemCode %d after it was given up in the queue = %v, want nil", i, err)
		}
	}
}

// A write that has begun will have an outcome soon, and the caller learns it.
func TestCallerOfAWriteThatHasBegunLearnsItsOutcome(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	ctx, cancel := context.WithCancel(t.Context())
	err := s.write(ctx, func(tx tx) error {
		cancel()
		return tx.announce(signin.Notice{Subject: "a"})
	})
	got, readErr := s.NoticesAfter(t.Context(), 0, 10)
	if err != nil || readErr != nil || len(got) != 1 {
		t.Errorf("write = %v and left %v, %v, want nil and its notice", err, got, readErr)
	}
}

func TestCloseRunsWhatIsQueued(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	release := block(t, s)
	list := codes(50)
	out := redeemAll(t.Context(), s, list)
	awaitQueue(s, len(list))
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.writer.closing
	release()
	for i := range out {
		if err := <-out[i]; err != nil {
			t.Errorf("RedeemCode %d, queued before Close = %v", i, err)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestLockHeldTooLongIsAnErrorWithAHint(t *testing.T) {
	s, release := locked(t)
	run(t, s.writer.conn, `PRAGMA busy_timeout = 20`)
	code := session(noon)
	err := s.RedeemCode(t.Context(), code)
	if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code() != lib.SQLITE_BUSY || !strings.Contains(err.Error(), "another process") {
		t.Errorf("RedeemCode behind a lock = %v, want SQLITE_BUSY with a hint", err)
	}
	release()
	if err := s.RedeemCode(t.Context(), code); err != nil {
		t.Errorf("RedeemCode after the lock is gone = %v", err)
	}
}

// A full disk in the middle of a batch may end the transaction under way; then no write of the batch may stay, and none
// may be told that it did.
func TestFullDiskFailsTheBatchAndNothingElse(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	var pages int
	if err := s.writer.conn.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	run(t, s.writer.conn, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+20))
	list, outcome := codes(2000), make([]error, 2000)
	const callers = 8
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := caller; i < len(list); i += callers {
				outcome[i] = s.RedeemCode(t.Context(), list[i])
			}
		})
	}
	wg.Wait()
	failed := 0
	for i, err := range outcome {
		if err == nil {
			continue
		}
		failed++
		if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code() != lib.SQLITE_FULL || !strings.Contains(err.Error(), "make room") {
			t.Fatalf("RedeemCode %d on a full disk = %v, want SQLITE_FULL with a hint", i, err)
		}
	}
	if failed == 0 || failed == len(list) {
		t.Fatalf("%d of %d redemptions failed, want some", failed, len(list))
	}
	for i, c := range list {
		_, err := s.SessionByID(t.Context(), c.ID)
		if (outcome[i] == nil) != (err == nil) {
			t.Errorf("RedeemCode %d = %v, but SessionByID = %v", i, outcome[i], err)
		}
	}

	// Other writes fail alike, and all works again where there is room.
	long := strings.Repeat("x", 1<<20)
	if err := s.AddAccount(t.Context(), store.Account{ID: "1", Name: long}); err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("AddAccount on a full disk = %v, want SQLITE_FULL with a hint", err)
	}
	run(t, s.writer.conn, `PRAGMA max_page_count = 1000000`)
	for i, c := range list {
		if err := s.RedeemCode(t.Context(), c); (outcome[i] == nil) != errors.Is(err, store.ErrSpent) || (outcome[i] != nil && err != nil) {
			t.Errorf("RedeemCode %d again = %v; the first time it was %v", i, err, outcome[i])
		}
	}
}

// A write in the batch that fails half-way leaves nothing, and the others stay.
func TestFailingWriteIsUndoneAlone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	release := block(t, s)
	list := codes(20)
	out := redeemAll(t.Context(), s, list)
	awaitQueue(s, len(list))
	mine := errors.New("mine")
	failing := map[string]func(tx) error{
		"mine":                       func(tx) error { return mine },
		"NOT NULL constraint failed": func(t tx) error { return t.add("ring key", `INSERT INTO ring_key (id) VALUES (1)`) },
		"exists already": func(t tx) error {
			return t.add("notice", `INSERT INTO notice (seq, reason, subject, at_ms, expires_ms) SELECT max(seq), 1, '', 0, 0 FROM notice`)
		},
	}
	outcome := make(map[string]chan error)
	for want, fail := range failing {
		out := make(chan error, 1)
		outcome[want] = out
		go func() {
			out <- s.write(t.Context(), func(tx tx) error {
				if err := tx.announce(signin.Notice{Subject: "half"}); err != nil {
					return err
				}
				return fail(tx)
			})
		}()
	}
	awaitQueue(s, len(list)+len(failing))
	release()
	for want, out := range outcome {
		if err := <-out; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("write = %v, want its own error, %q", err, want)
		}
	}
	for i := range out {
		if err := <-out[i]; err != nil {
			t.Errorf("RedeemCode %d = %v", i, err)
		}
	}
	if got, err := s.NoticesAfter(t.Context(), 0, 10); err != nil || len(got) != 0 {
		t.Errorf("NoticesAfter = %v, %v, want nothing of the write that failed", got, err)
	}
	if got := s.Stats().Commits; got != 2 {
		t.Errorf("%d commits, want 2: all were in one batch", got)
	}
}
