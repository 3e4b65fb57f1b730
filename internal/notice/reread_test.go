package notice

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// restored is a source that can be replaced by an older copy of itself.
type restored struct{ store.Notices }

func polls(t *testing.T, b *Board, n int) {
	t.Helper()
	for range n {
		poll(t, b, at)
	}
}

// An operator restores a backup under servers that run. The numbers of notices begin again lower, and what is announced
// from then on must be heard all the same.
func TestRestoredDatabaseIsNoticed(t *testing.T) {
	before, after := newStore(t), newStore(t)
	source := &restored{before}
	b := newBoard(t, source, at)
	announce(t, before, about("in the backup", at))
	announce(t, before, about("lost", at))
	announce(t, before, changed("lost", at))
	poll(t, b, at)

	announce(t, after, about("in the backup", at))
	source.Notices = after
	polls(t, b, askLast+1)
	if b.Resets() != 1 {
		t.Errorf("Resets = %d after %d polls of an older copy, want 1", b.Resets(), askLast+1)
	}
	announce(t, after, about("announced since", at))
	poll(t, b, at)
	for _, subject := range []string{"in the backup", "lost", "announced since"} {
		if !b.Named(signin.RevokedSession, subject) {
			t.Errorf("the notice %q is not held", subject)
		}
	}
	polls(t, b, 3*askLast)
	if b.Resets() != 1 {
		t.Errorf("Resets = %d, want it noticed once", b.Resets())
	}
	if asOf, err := b.CatchUp(t.Context(), at); err != nil || asOf != 2 {
		t.Errorf("CatchUp = %d, %v, want 2, the highest of the copy", asOf, err)
	}
}

// A notice that the copy does not have goes on ending what was issued before it, and not what is issued long after.
func TestLostNoticeDecidesByItsTime(t *testing.T) {
	before := newStore(t)
	source := &restored{before}
	b := newBoard(t, source, at)
	for range 100 {
		announce(t, before, changed("s", at))
	}
	poll(t, b, at)
	source.Notices = newStore(t)
	polls(t, b, askLast+1)
	for _, tt := range []struct {
		asOf   int64
		issued time.Duration // after the notice
		want   bool
	}{
		{99, -time.Minute, true}, {0, -time.Minute, true}, {99, -time.Hour, true},
		{0, time.Minute, true}, {0, skew, false}, {0, time.Hour, false}, {99, time.Hour, false},
	} {
		if got := b.Ended(signin.ChangedCredentials, "s", tt.asOf, at.Add(tt.issued)); got != tt.want {
			t.Errorf("Ended(as of %d, issued %v after the notice that was lost) = %v, want %v", tt.asOf, tt.issued, got, tt.want)
		}
	}
	announce(t, source, changed("s", at.Add(2*time.Hour))) // it gets the number 1
	poll(t, b, at)
	if !b.Ended(signin.ChangedCredentials, "s", 0, at.Add(time.Hour)) {
		t.Error("a notice that the copy gave does not count, want it to end what was issued without knowing of it")
	}
	if b.Ended(signin.ChangedCredentials, "s", 1, at.Add(3*time.Hour)) {
		t.Error("what was issued after all that is over, too")
	}
}

// A database is away while it is restored, so the first answer after that is looked at with care.
func TestDatabaseThatWasAwayIsLookedAtAtOnce(t *testing.T) {
	source := newWatched(t)
	b := newBoard(t, source, at)
	announce(t, source, about("x", at))
	poll(t, b, at)
	source.err = errors.New("gone")
	if err := b.Poll(t.Context(), at); err == nil {
		t.Fatal("Poll of a source that is gone = nil")
	}
	source.err, source.Notices = nil, newStore(t)
	poll(t, b, at)
	if b.Resets() != 1 {
		t.Errorf("Resets = %d after the first poll since the source was away, want 1", b.Resets())
	}
}
