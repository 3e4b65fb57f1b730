package notice

import (
	"context"
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
	polls(t, b, 1)
	if b.Resets() != 1 {
		t.Errorf("Resets = %d after a poll of an older copy, want 1", b.Resets())
	}
	announce(t, after, about("announced since", at))
	poll(t, b, at)
	for _, subject := range []string{"in the backup", "lost", "announced since"} {
		if !b.Named(signin.RevokedSession, subject) {
			t.Errorf("the notice %q is not held", subject)
		}
	}
	polls(t, b, 30)
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
	polls(t, b, 1)
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

// Attack, or bad luck: a number that was lost is given again before the next poll, to a revocation. It must be heard.
func TestNumberThatIsGivenAgainIsHeard(t *testing.T) {
	before, after := newStore(t), newStore(t)
	source := &restored{before}
	b := newBoard(t, source, at)
	announce(t, before, about("in both", at))
	announce(t, before, about("lost", at))
	poll(t, b, at)
	announce(t, after, about("in both", at))
	announce(t, after, about("given again", at.Add(time.Second)))
	announce(t, after, about("and one more", at.Add(time.Second)))
	source.Notices = after
	poll(t, b, at)
	for _, subject := range []string{"in both", "lost", "given again", "and one more"} {
		if !b.Named(signin.RevokedSession, subject) {
			t.Errorf("the notice %q is not held", subject)
		}
	}
	if b.Resets() != 1 {
		t.Errorf("Resets = %d, want 1", b.Resets())
	}
	polls(t, b, 5)
	if b.Resets() != 1 {
		t.Errorf("Resets = %d after further polls, want 1", b.Resets())
	}
}

// The newest notice expires and is swept. That is no other copy.
func TestSweptNoticeIsNoReset(t *testing.T) {
	st := newStore(t)
	b := newBoard(t, st, at)
	announce(t, st, about("s", at))
	poll(t, b, at)
	over := at.Add(12*time.Hour + time.Minute)
	if _, err := st.Sweep(t.Context(), over, 10); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		poll(t, b, over)
	}
	announce(t, st, about("next", over))
	poll(t, b, over)
	if b.Resets() != 0 || !b.Named(signin.RevokedSession, "next") {
		t.Errorf("Resets = %d, want 0, and the next notice heard: %v", b.Resets(), b.Named(signin.RevokedSession, "next"))
	}
}

// Sessions were begun before an older copy was restored, on numbers that the copy does not know, and a server that starts
// on it has no memory of them. Whoever is disabled from then on is out all the same.
func TestSessionsOfTheLostTimeEndByTime(t *testing.T) {
	st := newStore(t)
	announce(t, st, changed("s", at.Add(time.Minute)))
	announce(t, st, changed("other", at))
	b := newBoard(t, st, at)
	// A node that is behind by a moment is no reason: another heard number 3 first.
	if b.Ended(signin.ChangedCredentials, "s", 3, at.Add(2*time.Minute)) {
		t.Error("a session that another node let in a moment ago is over")
	}
	announce(t, st, changed("third", at))
	poll(t, b, at)
	poll(t, b, at)
	if b.Ended(signin.ChangedCredentials, "s", 3, at.Add(2*time.Minute)) {
		t.Error("a session is over that was let in after all that this node knows")
	}
	b.Ended(signin.ChangedCredentials, "s", 100, at)
	poll(t, b, at)
	for issued, want := range map[time.Duration]bool{-time.Hour: true, 0: true, 9 * time.Minute: true, time.Hour: false} {
		if got := b.Ended(signin.ChangedCredentials, "s", 100, at.Add(issued)); got != want {
			t.Errorf("a session as of a number that there is not, issued %v after: over %v, want %v", issued, got, want)
		}
	}
	if b.Ended(signin.ChangedCredentials, "s", 3, at.Add(2*time.Minute)) {
		t.Error("a session of the present numbers is over as well")
	}
}

// Notices that come faster than a server reads must not keep it reading: it would be deaf to the time.
func TestPollEndsWhateverIsAnnounced(t *testing.T) {
	source := &flood{Notices: newStore(t)}
	b := newBoard(t, source, at)
	source.n = 10 * batch
	if err := b.Poll(t.Context(), at); err != nil || b.Len() < 10*batch || b.Len() > 13*batch {
		t.Errorf("Poll = %v with %d notices read, want about %d", err, b.Len(), 10*batch)
	}
}

// flood has n notices, and as many more at each question as are asked for.
type flood struct {
	store.Notices
	n int64
}

func (f *flood) LastNotice(context.Context) (int64, error) { return f.n, nil }

func (f *flood) NoticesAfter(_ context.Context, after int64, limit int) ([]signin.Notice, error) {
	var list []signin.Notice
	for i := after + 1; i <= f.n && len(list) < limit; i++ {
		n := about(signin.SessionID{byte(i), byte(i >> 8), byte(i >> 16)}.String(), at)
		n.Seq = i
		list = append(list, n)
	}
	if f.n > 0 {
		f.n += int64(limit)
	}
	return list, nil
}
