package notice

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

var at = time.Date(2026, 11, 21, 20, 30, 15, 0, time.UTC)

func newStore(t *testing.T) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), at, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func newBoard(t *testing.T, source store.Notices, now time.Time) *Board {
	t.Helper()
	b, err := Open(t.Context(), source, 10*time.Minute, now)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	return b
}

func announce(t *testing.T, to interface {
	Announce(context.Context, signin.Notice) error
}, n signin.Notice) {
	t.Helper()
	if err := to.Announce(t.Context(), n); err != nil {
		t.Errorf("Announce(%+v) = %v", n, err)
	}
}

func poll(t *testing.T, b *Board, now time.Time) {
	t.Helper()
	if err := b.Poll(t.Context(), now); err != nil {
		t.Fatalf("Poll = %v", err)
	}
}

func about(subject string, at time.Time) signin.Notice {
	return signin.Notice{Reason: signin.RevokedSession, Subject: subject, At: at, Expires: at.Add(12 * time.Hour)}
}

func changed(subject string, at time.Time) signin.Notice {
	n := about(subject, at)
	n.Reason = signin.ChangedCredentials
	return n
}

// A node that had heard of the notice when it asked the directory knew of the change; one that had not did not. Their
// clocks may say anything.
func TestNoticeEndsWhatWasIssuedWithoutKnowingOfIt(t *testing.T) {
	st := newStore(t)
	b := newBoard(t, st, at)
	announce(t, st, changed("other", at))
	before, err := b.CatchUp(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	announce(t, st, changed("s", at))
	after, err := b.CatchUp(t.Context(), at)
	if err != nil || before != 1 || after != 2 {
		t.Fatalf("CatchUp = %d, then %d, %v; want 1, then 2", before, after, err)
	}
	for _, tt := range []struct {
		asOf   int64
		issued time.Duration // after the notice, by the clock of the node that issued
		want   bool
	}{
		{before, 0, true}, {before, -3 * time.Minute, true}, {before, 3 * time.Minute, true}, {before, time.Hour, true},
		{after, 0, false}, {after, 3 * time.Minute, false}, {after, -3 * time.Minute, false}, {after, -skew, false},
		// Numbers begin again lower where an old copy of the database was restored. Times still tell.
		{after + 100, -skew - time.Millisecond, true}, {after + 100, -time.Hour, true},
	} {
		if got := b.Ended(signin.ChangedCredentials, "s", tt.asOf, at.Add(tt.issued)); got != tt.want {
			t.Errorf("Ended(as of %d, issued %v after the notice) = %v, want %v", tt.asOf, tt.issued, got, tt.want)
		}
	}
	if b.Ended(signin.ChangedCredentials, "t", 0, at) || b.Ended(signin.DisabledPerson, "s", 0, at) || b.Ended(signin.ChangedCredentials, "", 0, at) {
		t.Error("the notice ended what it does not name")
	}
}

// Notices about one subject come from several nodes, whose order in the database need not be that of their times.
func TestTheLatestNoticeOfASubjectCounts(t *testing.T) {
	for name, order := range map[string][]time.Duration{"ascending": {0, time.Hour}, "descending": {time.Hour, 0}} {
		st := newStore(t)
		b := newBoard(t, st, at)
		for _, d := range order {
			announce(t, st, changed("s", at.Add(d)))
		}
		poll(t, b, at)
		if !b.Ended(signin.ChangedCredentials, "s", 1, at.Add(2*time.Hour)) {
			t.Errorf("%s: the notice of the higher number does not count", name)
		}
		if !b.Ended(signin.ChangedCredentials, "s", 2, at.Add(time.Minute)) {
			t.Errorf("%s: the notice of the later time does not count", name)
		}
		if b.Len() != 1 {
			t.Errorf("%s: Len = %d, want 1 for two notices about one subject", name, b.Len())
		}
		// It is held until the later of the two expires.
		if b.Prune(at.Add(13 * time.Hour)); b.Len() != 1 {
			t.Errorf("%s: the notice was forgotten when it expired, want when the last one does", name)
		}
		if b.Prune(at.Add(13*time.Hour + 1)); b.Len() != 0 {
			t.Errorf("%s: the notice is held longer than any session it could end", name)
		}
	}
}

func TestExpiredNoticesAreForgottenAndOthersKept(t *testing.T) {
	b := newBoard(t, newStore(t), at)
	announce(t, b, about("old", at.Add(-time.Hour)))
	announce(t, b, about("new", at))
	b.Prune(at.Add(11*time.Hour + time.Nanosecond))
	if b.Named(signin.RevokedSession, "old") || !b.Named(signin.RevokedSession, "new") || b.Len() != 1 {
		t.Errorf("after Prune, Len = %d, want only the one that has not expired", b.Len())
	}
}

// A node that starts reads all there is, however much; one that runs reads what is new.
func TestAllNoticesAreHeardInBatches(t *testing.T) {
	source := newWatched(t)
	const total = 2*batch + 1
	var wg sync.WaitGroup
	for w := range 100 { // writes that come together share a flush
		wg.Go(func() {
			for i := w; i < total; i += 100 {
				announce(t, source, about(signin.SessionID{byte(i), byte(i >> 8)}.String(), at))
			}
		})
	}
	wg.Wait()
	b := newBoard(t, source, at)
	if b.Len() != total || len(b.Count()) != 0 {
		t.Errorf("after Open, Len = %d, want %d; Count = %v, want nothing since the start", b.Len(), total, b.Count())
	}
	if diff := cmp.Diff([]int64{0, batch, 2 * batch}, source.asked); diff != "" {
		t.Errorf("asked for notices after (-want +got):\n%s", diff)
	}
	source.asked = nil
	announce(t, source, about("one more", at))
	poll(t, b, at)
	poll(t, b, at)
	if diff := cmp.Diff([]int64{total - 1, total}, source.asked); diff != "" {
		t.Errorf("asked for notices after (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[signin.Reason]uint64{signin.RevokedSession: 1}, b.Count()); diff != "" {
		t.Errorf("Count (-want +got):\n%s", diff)
	}
}

// watched is a store that tells what it was asked, and fails when it is told to.
type watched struct {
	store.Notices
	asked []int64
	err   error
}

func newWatched(t *testing.T) *watched { return &watched{Notices: newStore(t)} }

func (w *watched) Announce(ctx context.Context, n signin.Notice) error {
	if w.err != nil {
		return w.err
	}
	return w.Notices.Announce(ctx, n)
}

func (w *watched) NoticesAfter(ctx context.Context, after int64, limit int) ([]signin.Notice, error) {
	w.asked = append(w.asked, after)
	if w.err != nil {
		return nil, w.err
	}
	return w.Notices.NoticesAfter(ctx, after, limit)
}

func TestAnnouncedNoticeCountsHereAtOnceAndElsewhereAfterAPoll(t *testing.T) {
	st := newStore(t)
	here, elsewhere := newBoard(t, st, at), newBoard(t, st, at)
	announce(t, here, about("s", at))
	if !here.Named(signin.RevokedSession, "s") {
		t.Error("the node that announced it does not heed it")
	}
	if elsewhere.Named(signin.RevokedSession, "s") {
		t.Error("another node heeds it before it polled")
	}
	poll(t, elsewhere, at)
	poll(t, here, at)
	if !elsewhere.Named(signin.RevokedSession, "s") {
		t.Error("another node does not heed it after it polled")
	}
	// The metric counts it once on each node, also where it was announced.
	for name, b := range map[string]*Board{"here": here, "elsewhere": elsewhere} {
		if n := b.Count()[signin.RevokedSession]; n != 1 {
			t.Errorf("%s it was counted %d times, want 1", name, n)
		}
	}
}

// A notice that was not written down must not count here alone: after a restart it would be forgotten.
func TestNoticeThatCannotBeWrittenCountsNowhere(t *testing.T) {
	source := newWatched(t)
	b := newBoard(t, source, at)
	source.err = errors.New("disk full")
	if err := b.Announce(t.Context(), about("s", at)); !errors.Is(err, source.err) {
		t.Errorf("Announce = %v, want %v", err, source.err)
	}
	if b.Named(signin.RevokedSession, "s") {
		t.Error("the notice counts although it was not written")
	}
}

func TestBoardThatHearsNothingIsNotFresh(t *testing.T) {
	source := newWatched(t)
	b := newBoard(t, source, at)
	for _, tt := range []struct {
		after time.Duration
		fresh bool
	}{{0, true}, {10 * time.Minute, true}, {10*time.Minute + 1, false}, {-time.Hour, true}} {
		err := b.Fresh(at.Add(tt.after))
		if (err == nil) != tt.fresh || err != nil && signin.KindOf(err) != signin.Overloaded {
			t.Errorf("Fresh %v after the last answer = %v, want fresh %v", tt.after, err, tt.fresh)
		}
	}
	source.err = errors.New("gone")
	if err := b.Poll(t.Context(), at.Add(time.Hour)); !errors.Is(err, source.err) {
		t.Errorf("Poll = %v, want %v", err, source.err)
	}
	if !b.Heard().Equal(at) {
		t.Errorf("Heard = %v after a poll that failed, want %v", b.Heard(), at)
	}
	source.err = nil
	poll(t, b, at.Add(time.Hour))
	if err := b.Fresh(at.Add(time.Hour)); err != nil {
		t.Errorf("Fresh after the source came back = %v, want nil", err)
	}
	source.err = errors.New("gone")
	if _, err := Open(t.Context(), source, time.Minute, at); err == nil {
		t.Error("Open on a source that does not answer = nil, want an error: it would let revoked sessions pass")
	}
}

// Each reason ends what it is about and tells the person what to do.
func TestReasonsEndTheirSessions(t *testing.T) {
	s := signin.Session{
		ID: signin.NewSessionID(at), AuthTime: at.Add(-time.Hour), Issued: at, AsOf: 1,
		Principal: signin.Principal{
			Account: "111122223333", Role: "Developer", RoleID: "AROA234567ABCDEFGHIJ", Person: "alice", PersonID: "AIDA234567ABCDEFGHIJ",
		},
	}
	p := s.Principal
	for _, tt := range []struct {
		reason  signin.Reason
		subject string
		want    signin.Kind
	}{
		{signin.DisabledPerson, p.PersonID, signin.PermissionMissing},
		{signin.ChangedCredentials, p.PersonID, signin.CredentialsChanged},
		{signin.RemovedAssignment, signin.AssignmentSubject(p.PersonID, p.RoleID), signin.PermissionMissing},
		{signin.DeniedRole, p.RoleID, signin.PermissionMissing},
		{signin.ChangedRole, p.RoleID, signin.SessionRevoked},
	} {
		st := newStore(t)
		b := newBoard(t, st, at)
		n := signin.Notice{Reason: tt.reason, Subject: tt.subject, At: at, Expires: at.Add(time.Hour)}
		announce(t, st, n)
		poll(t, b, at)
		if err := b.Check(s); err != nil {
			t.Errorf("Check after %v that was known when the session was issued = %v, want nil", tt.reason, err)
		}
		n.Subject = "another"
		announce(t, st, n)
		poll(t, b, at)
		if err := b.Check(s); err != nil {
			t.Errorf("Check after %v of another = %v, want nil", tt.reason, err)
		}
		n.Subject = tt.subject
		announce(t, st, n)
		poll(t, b, at)
		if err := b.Check(s); err == nil || signin.KindOf(err) != tt.want {
			t.Errorf("Check after %v = %v, want %v", tt.reason, err, tt.want)
		}
	}
}

// A revocation names one session, so whatever the clocks say, it ends it. (A replay whose head came before the approval,
// or to a node that is behind, has a time before the session.)
func TestRevocationOfASessionComparesNoTimes(t *testing.T) {
	s := signin.Session{ID: signin.NewSessionID(at), Issued: at, AuthTime: at}
	b := newBoard(t, newStore(t), at)
	announce(t, b, signin.Notice{Reason: signin.RevokedSession, Subject: s.ID.String(), At: at.Add(-time.Hour), Expires: at.Add(time.Hour)})
	if err := b.Check(s); signin.KindOf(err) != signin.SessionRevoked {
		t.Errorf("Check = %v, want SessionRevoked", err)
	}
}
