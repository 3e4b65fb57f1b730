package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/postgres"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var noon = time.Date(2026, 3, 14, 12, 0, 0, 159_000_000, time.UTC)

// engines open a database that a test has for itself, again and again.
var engines = map[string]func(t *testing.T) func() store.Store{
	"sqlite": func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "x.db")
		return func() store.Store {
			s, err := sqlite.Open(t.Context(), path, noon, sqlite.Options{Marked: true})
			return opened(t, s, err)
		}
	},
	"postgres": func(t *testing.T) func() store.Store {
		url := pgtest.Shared(t)
		return func() store.Store {
			s, err := postgres.Open(t.Context(), postgres.Options{URL: url, Now: noon, Marked: true})
			return opened(t, s, err)
		}
	},
}

func opened(t *testing.T, s store.Store, err error) store.Store {
	t.Helper()
	must(t, "Open", err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t *testing.T, call string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v", call, err)
	}
}

// between runs a test for every pair of engines.
func between(t *testing.T, run func(t *testing.T, from, to store.Store)) {
	for _, pair := range [][2]string{{"sqlite", "postgres"}, {"postgres", "sqlite"}, {"sqlite", "sqlite"}} {
		t.Run(pair[0]+" to "+pair[1], func(t *testing.T) {
			t.Parallel()
			run(t, engines[pair[0]](t)(), engines[pair[1]](t)())
		})
	}
}

func move(t *testing.T, from, to store.Store, o Options) (map[store.Part]Digest, error) {
	t.Helper()
	o.Now = noon
	return Move(t.Context(), Side{from, "here"}, Side{to, "there"}, o)
}

func session(i int) signin.Session {
	at := noon.Add(time.Duration(i) * time.Second)
	return signin.Session{
		ID: signin.NewSessionID(at), ClientID: signin.SameDevice, AuthTime: at, Issued: at, Start: at, End: at.Add(time.Hour), Methods: "pwd",
		Principal: signin.Principal{Account: "111122223333", Role: "Developer", RoleID: "AROA", Person: "é'", PersonID: "AIDA"}, AsOf: int64(i),
	}
}

func revoked(subject string) signin.Notice {
	return signin.Notice{Reason: signin.RevokedSession, Subject: subject, At: noon, Expires: noon.Add(time.Hour)}
}

func contents(t *testing.T, s store.Store) (all []string) {
	t.Helper()
	for _, p := range store.Parts() {
		for r, err := range s.Contents(t.Context(), p) {
			must(t, "Contents", err)
			all = append(all, fmt.Sprintf("%s %s %x", p, r.Name(), r.Canonical()))
		}
	}
	return all
}

func wantSame(t *testing.T, from, to store.Store) {
	t.Helper()
	if d := cmp.Diff(contents(t, from), contents(t, to)); d != "" {
		t.Errorf("contents: (-original +copy)\n%s", d)
	}
}

func wantMark(t *testing.T, what string, s store.Store, want store.State) {
	t.Helper()
	if got, err := s.Mark(t.Context()); err != nil || got.State != want {
		t.Errorf("the mark of the %s is %q, %v, want %q", what, got.State, err, want)
	}
}

func TestMoveBetweenEnginesKeepsEverything(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		sessions := fill(t, from, 2345)
		digests, err := move(t, from, to, Options{})
		must(t, "Move", err)
		wantSame(t, from, to)
		if got := digests[store.PartSessions].Count; got != len(sessions) {
			t.Errorf("Move counted %d sessions, want %d", got, len(sessions))
		}
		wantMark(t, "original", from, store.Moved)
		wantMark(t, "copy", to, store.InUse)
		if err := to.RedeemCode(t.Context(), sessions[9]); !errors.Is(err, store.ErrSpent) {
			t.Errorf("RedeemCode of a code that was redeemed before = %v, want %v", err, store.ErrSpent)
		}
		before, err := from.LastNotice(t.Context())
		must(t, "LastNotice", err)
		must(t, "Announce", to.Announce(t.Context(), revoked("b")))
		if last, err := to.LastNotice(t.Context()); err != nil || last != before+1 || before == 0 {
			t.Errorf("LastNotice after one more = %d, %v, want one above %d", last, err, before)
		}
		if _, err := move(t, from, to, Options{}); !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), "there") {
			t.Errorf("Move again = %v, want %v, and where to", err, ErrMoved)
		}
	})
}

// checking is a store that does something before it is held.
type checking struct {
	store.Store
	before func()
}

func (c checking) MoveAway(ctx context.Context, place string, at time.Time, check func(context.Context) error) error {
	c.before()
	return c.Store.MoveAway(ctx, place, at, check)
}

func TestWhatChangesAfterTheFirstPassIsCopied(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		ctx := t.Context()
		sessions := fill(t, from, 50)
		changing := checking{from, func() {
			must(t, "RedeemCode", from.RedeemCode(ctx, session(60)))
			must(t, "RedeemCode", from.RedeemCode(ctx, session(-60))) // of an older id
			must(t, "AddPerson", from.AddPerson(ctx, store.Person{ID: "AIDA0", Name: "bob"}))
			must(t, "Assign", from.Assign(ctx, "AIDA0", "AROA"))
			must(t, "Unassign", from.Unassign(ctx, "AIDA", "AROA", noon, noon))
			must(t, "SetPassword", from.SetPassword(ctx, "AIDA", "other", noon, noon.Add(time.Hour)))
			must(t, "RetireRingKey", from.RetireRingKey(ctx, 1, time.Time{}, noon))
			changeOperations(t, from, sessions[0].ID)
			must(t, "Remove", from.Remove(ctx, []store.Record{{Part: store.PartSessions, Value: sessions[0]}, {Part: store.PartSessions, Value: sessions[49]}}))
		}}
		_, err := move(t, changing, to, Options{})
		must(t, "Move", err)
		wantSame(t, from, to)
	})
}

// Wherever a copy is broken off, the original serves on, the copy serves nobody, and the next one completes it.
func TestBrokenCopyIsContinued(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		fill(t, from, 2500)
		for _, calls := range []int{0, 1, 3, 20, 60} {
			_, err := move(t, failing{from, &calls}, to, Options{})
			if !errors.Is(err, errBroken) {
				t.Fatalf("Move = %v, want %v", err, errBroken)
			}
			wantMark(t, "original", from, store.InUse)
			must(t, "RedeemCode", from.RedeemCode(t.Context(), session(10_000)))
		}
		wantMark(t, "copy", to, store.Copying)
		_, err := move(t, from, to, Options{})
		must(t, "Move", err)
		wantSame(t, from, to)
	})
}

var errBroken = errors.New("broken off")

// failing is a store whose records cannot be read any more after so many hundred.
type failing struct {
	store.Store
	hundreds *int
}

func (f failing) Contents(ctx context.Context, p store.Part) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		n := 0
		for r, err := range f.Store.Contents(ctx, p) {
			if n++; n%100 == 1 {
				*f.hundreds--
			}
			if *f.hundreds < 0 {
				yield(store.Record{}, errBroken)
				return
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// An earlier copy left every second session, and some that were swept since; writing goes on between what is read.
func TestHoledCopyIsFilled(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		sessions := fill(t, from, 5000)
		var records []store.Record
		for i, s := range sessions {
			if i%2 == 0 {
				records = append(records, store.Record{Part: store.PartSessions, Value: s})
			}
			if i%3 == 0 {
				records = append(records, store.Record{Part: store.PartSessions, Value: session(i)})
			}
		}
		for len(records) > 0 {
			n := min(1000, len(records))
			must(t, "Restore", to.Restore(t.Context(), records[:n]))
			records = records[n:]
		}
		must(t, "SetMark", to.SetMark(t.Context(), store.Mark{State: store.Copying, Place: "here", At: noon}))
		c := &copying{source: from, target: to, progress: func(store.Part, int, int, bool) {}}
		_, err := c.sync(t.Context(), false) // one pass does it
		must(t, "sync", err)
		wantSame(t, from, to)
	})
}

func TestInterruptedMoveMovesNothing(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		fill(t, from, 10)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Move(ctx, Side{from, "here"}, Side{to, "there"}, Options{Now: noon, Check: func(ctx context.Context, _ []store.RingKey) error {
			cancel()
			return ctx.Err()
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Move = %v, want %v", err, context.Canceled)
		}
		wantMark(t, "original", from, store.InUse)
		wantMark(t, "copy", to, store.Copying)
		must(t, "RedeemCode", from.RedeemCode(t.Context(), session(99)))
	})
}

// The program was killed between the two marks: the original is closed, and the copy is complete and not open yet.
func TestCopyOfAMovedDatabaseIsCompleted(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		fill(t, from, 10)
		_, err := move(t, from, unmarkable{to}, Options{})
		if !errors.Is(err, ErrUnfinished) {
			t.Fatalf("Move = %v, want %v", err, ErrUnfinished)
		}
		wantMark(t, "original", from, store.Moved)
		wantMark(t, "copy", to, store.Copying)
		_, err = move(t, from, to, Options{})
		must(t, "Move", err)
		wantMark(t, "copy", to, store.InUse)
		wantSame(t, from, to)
	})
}

// unmarkable keeps its mark.
type unmarkable struct{ store.Store }

func (u unmarkable) SetMark(ctx context.Context, m store.Mark) error {
	if m.State == store.InUse {
		return errBroken
	}
	return u.Store.SetMark(ctx, m)
}

// lying is a store that keeps a session otherwise than it was told, or not at all, or one more.
type lying struct {
	store.Store
	how func([]store.Record) []store.Record
}

func (l lying) Restore(ctx context.Context, records []store.Record) error {
	if len(records) > 0 && records[0].Part == store.PartSessions {
		records = l.how(records)
	}
	return l.Store.Restore(ctx, records)
}

func TestDifferenceKeepsTheOriginalInUseAndIsNamed(t *testing.T) {
	for name, how := range map[string]func([]store.Record) []store.Record{
		"is not the same": func(r []store.Record) []store.Record {
			s := r[3].Value.(signin.Session)
			s.AsOf++
			return append([]store.Record{{Part: r[3].Part, Value: s}}, append(r[:3:3], r[4:]...)...)
		},
		"is missing": func(r []store.Record) []store.Record { return append(r[:3:3], r[4:]...) },
		"is in the copy only": func(r []store.Record) []store.Record {
			return append(r, store.Record{Part: r[0].Part, Value: session(-5)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			between(t, func(t *testing.T, from, to store.Store) {
				fill(t, from, 20)
				_, err := move(t, from, lying{to, func(r []store.Record) []store.Record {
					if len(r) < 4 { // what the second pass mends
						return nil
					}
					return how(r)
				}}, Options{})
				if name == "is in the copy only" {
					// The second pass finds and removes it, as it does what was swept at the original.
					must(t, "Move", err)
					wantSame(t, from, to)
					return
				}
				if !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "sessions") {
					t.Errorf("Move with a session that %s = %v, want %v that says so", name, err, ErrDiffers)
				}
				wantMark(t, "original", from, store.InUse)
				wantMark(t, "copy", to, store.Copying)
				must(t, "RedeemCode", from.RedeemCode(t.Context(), session(99)))
			})
		})
	}
}

func TestTargetOfAnotherInstallationIsLeftAlone(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		fill(t, from, 5)
		other := []store.RingKey{{ID: 1, Purpose: "seal", Created: noon.Add(time.Minute), UseFrom: noon, Wrapped: []byte{2}}}
		must(t, "AddRingKeys", to.AddRingKeys(t.Context(), 0, other))
		before := contents(t, to)
		for _, m := range []store.Mark{{}, {State: store.Copying, Place: "elsewhere", At: noon}, {State: store.Moved, Place: "elsewhere", At: noon}} {
			must(t, "SetMark", to.SetMark(t.Context(), m))
			if _, err := move(t, from, to, Options{}); !errors.Is(err, ErrForeign) {
				t.Errorf("Move to a database with the mark %q = %v, want %v", m.State, err, ErrForeign)
			}
			wantMark(t, "target", to, m.State)
		}
		if d := cmp.Diff(before, contents(t, to)); d != "" {
			t.Errorf("the target: (-before +after)\n%s", d)
		}
		wantMark(t, "original", from, store.InUse)
	})
}

func TestRingThatDoesNotOpenKeepsTheOriginalInUse(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		fill(t, from, 5)
		_, err := move(t, from, to, Options{Check: func(_ context.Context, rows []store.RingKey) error {
			if len(rows) != 1 {
				t.Errorf("Check was given %d keys, want those of the copy", len(rows))
			}
			return errBroken
		}})
		if !errors.Is(err, errBroken) {
			t.Errorf("Move = %v, want %v", err, errBroken)
		}
		wantMark(t, "original", from, store.InUse)
	})
}

func TestMovedDatabaseIsCopiedAgainOnDemand(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		fill(t, from, 5)
		third := engines["sqlite"](t)()
		_, err := move(t, from, third, Options{})
		must(t, "Move", err)
		_, err = move(t, from, to, Options{Again: true})
		must(t, "Move again", err)
		wantSame(t, from, to)
		wantMark(t, "copy", to, store.InUse)
	})
}

// adding is a store in which somebody adds a role, and lets a person act as it, when its assignments are about to be read.
type adding struct {
	store.Store
	t *testing.T
}

func (a adding) Contents(ctx context.Context, p store.Part) iter.Seq2[store.Record, error] {
	if p == store.PartAssignments {
		r := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: "111122223333", Created: noon}
		r.Name = r.ID
		must(a.t, "AddRole", a.AddRole(ctx, r))
		must(a.t, "Assign", a.Assign(ctx, "AIDA", r.ID))
	}
	return a.Store.Contents(ctx, p)
}

// What refers to something that the first pass has not seen waits for the second.
func TestFirstPassLeavesWhatItCannotKeepYet(t *testing.T) {
	between(t, func(t *testing.T, from, to store.Store) {
		fill(t, from, 5)
		c := &copying{source: adding{from, t}, target: to, progress: func(store.Part, int, int, bool) {}}
		if _, err := c.sync(t.Context(), false); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a strict pass = %v, want %v", err, store.ErrNotFound)
		}
		if _, err := c.sync(t.Context(), true); err != nil {
			t.Errorf("a lenient pass = %v, want nil", err)
		}
		_, err := move(t, from, to, Options{})
		if errors.Is(err, ErrForeign) { // this test began without the mark
			must(t, "SetMark", to.SetMark(t.Context(), store.Mark{State: store.Copying, Place: "here", At: noon}))
			_, err = move(t, from, to, Options{})
		}
		must(t, "Move", err)
		wantSame(t, from, to)
	})
}
