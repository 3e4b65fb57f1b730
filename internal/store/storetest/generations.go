package storetest

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// grace is that of the tests.
const grace = 10 * time.Second

// bring returns what brings the refresh token of a generation, with a request of that name.
func bring(id signin.SessionID, from int64, request string) store.Advance {
	return store.Advance{Session: id, From: from, Request: sha256.Sum256([]byte(request)), End: later, Grace: grace}
}

func wantAdvance(t *testing.T, s store.Store, a store.Advance, now, began time.Time, want error) {
	t.Helper()
	got, err := s.AdvanceGeneration(t.Context(), a, now)
	wantError(t, "AdvanceGeneration", err, want)
	if err == nil && (!got.Equal(began) || got.Location() != time.UTC) {
		t.Errorf("AdvanceGeneration from %d gave %v, want %v", a.From, got, began)
	}
}

func wantGeneration(t *testing.T, s store.Store, id signin.SessionID, want int64) {
	t.Helper()
	got, err := s.GenerationOf(t.Context(), id)
	if err != nil || got != want {
		t.Errorf("GenerationOf = %d, %v, want %d", got, err, want)
	}
}

var generationTests = []test{
	{"TokenOfEachGenerationAdvancesOnce", func(t *testing.T, db *database) {
		s := db.open(t)
		id := signin.NewSessionID(noon)
		at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
		for i, c := range []struct {
			from    int64
			request string
			now     time.Time
			began   time.Time // zero: ErrReused
			now1    int64     // the generation after it
		}{
			{1, "early", at(0), time.Time{}, 0}, // there is no such token yet
			{7, "early", at(0), time.Time{}, 0},
			{0, "a", at(0), at(0), 1},
			{0, "a", at(0), at(0), 1}, // again
			{0, "a", at(5), at(0), 1},
			{0, "b", at(0), time.Time{}, 1}, // a thief, or the victim
			{0, "a", at(10), at(0), 1},      // the last moment of grace
			{0, "a", at(10).Add(time.Millisecond), time.Time{}, 1},
			{0, "a", at(-3), at(0), 1}, // a node whose clock is behind
			{2, "c", at(20), time.Time{}, 1},
			{1, "c", at(20), at(20), 2},
			{1, "c", at(30), at(20), 2},
			{1, "a", at(20), time.Time{}, 2}, // the request that made the generation before
			{0, "a", at(20), time.Time{}, 2}, // in its grace or not, it is two behind
			{0, "a", at(1), time.Time{}, 2},
			{0, "c", at(20), time.Time{}, 2},
			{2, "c", at(21), at(21), 3}, // the same request may bring another token
			{2, "c", at(31), at(21), 3},
			{1, "c", at(21), time.Time{}, 3},
			{3, "d", at(5), at(5), 4}, // time is the caller's
		} {
			want := error(nil)
			if c.began.IsZero() {
				want = store.ErrReused
			}
			wantAdvance(t, s, bring(id, c.from, c.request), c.now, c.began, want)
			wantGeneration(t, s, id, c.now1)
			if t.Failed() {
				t.Fatalf("in line %d: %+v", i, c)
			}
		}
		wantGeneration(t, s, signin.NewSessionID(noon), 0)
	}},
	{"GraceIsTheCallers", func(t *testing.T, db *database) {
		s := db.open(t)
		a := bring(signin.NewSessionID(noon), 0, "a")
		a.Grace = 0
		wantAdvance(t, s, a, noon, noon, nil)
		wantAdvance(t, s, a, noon, noon, nil)
		wantAdvance(t, s, a, noon.Add(time.Millisecond), noon, store.ErrReused)
		a.Grace = 1000 * time.Hour
		wantAdvance(t, s, a, noon.Add(1000*time.Hour), noon, nil)
		wantAdvance(t, s, a, noon.Add(1000*time.Hour+time.Millisecond), noon, store.ErrReused)
	}},
	{"BeginningsAreKeptToTheMillisecondInUTC", func(t *testing.T, db *database) {
		s := db.open(t)
		a := bring(signin.NewSessionID(noon), 0, "a")
		now := noon.Add(999 * time.Microsecond).In(time.FixedZone("east", 3600))
		wantAdvance(t, s, a, now, noon, nil)
		wantAdvance(t, s, a, now.Add(grace), noon, nil) // the first answer and the second are of one moment
		records := recordsOf(t, s, store.PartGenerations)
		want := []store.Record{{Part: store.PartGenerations, Value: store.Generation{Session: a.Session, Generation: 1, At: noon, Request: a.Request, End: later}}}
		if d := diff(want, records); d != "" {
			t.Errorf("Contents: (-want +got)\n%s", d)
		}
	}},
	{"SessionsHaveGenerationsOfTheirOwn", func(t *testing.T, db *database) {
		s := db.open(t)
		base := signin.NewSessionID(noon)
		wantAdvance(t, s, bring(base, 0, "a"), noon, noon, nil)
		for bit := range 8 * len(base) {
			other := base
			other[bit/8] ^= 1 << (bit % 8)
			wantGeneration(t, s, other, 0)
			wantAdvance(t, s, bring(other, 1, "a"), noon, noon, store.ErrReused)
			wantAdvance(t, s, bring(other, 0, "a"), noon, noon, nil)
		}
		for bit := range 8 * sha256.Size {
			a := bring(base, 0, "a")
			a.Request[bit/8] ^= 1 << (bit % 8)
			wantAdvance(t, s, a, noon, noon, store.ErrReused)
		}
		wantGeneration(t, s, base, 1)
	}},
	// A stolen token is brought by the thief and by its owner at the same time: one of them gets nothing, and is noticed.
	{"OneOfManyAdvances", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		id := signin.NewSessionID(noon)
		for from := range int64(10) {
			errs := together(32, func(i int) error {
				_, err := stores[i%2].AdvanceGeneration(t.Context(), bring(id, from, numbered("request", i)), noon)
				return err
			})
			winner := onlyWinner(t, "AdvanceGeneration", errs, store.ErrReused)
			for _, s := range stores {
				wantGeneration(t, s, id, from+1)
			}
			wantAdvance(t, stores[winner%2], bring(id, from, numbered("request", winner)), noon, noon, nil)
		}
	}},
	// Whatever answers were lost on the way, each retry is answered like the first, by all nodes.
	{"IdenticalRetriesAtOnceGetOneAnswer", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		id := signin.NewSessionID(noon)
		for from := range int64(10) {
			const callers = 32
			var began [callers]time.Time
			errs := together(callers, func(i int) (err error) {
				now := noon.Add(time.Duration(i) * time.Second / 4) // of clocks that differ by less than the grace
				began[i], err = stores[i%2].AdvanceGeneration(t.Context(), bring(id, from, "same"), now)
				return err
			})
			wantAll(t, "AdvanceGeneration", errs, nil)
			for i, b := range began {
				if !b.Equal(began[0]) || b.Before(noon) || b.After(noon.Add(callers*time.Second/4)) {
					t.Errorf("AdvanceGeneration of caller %d gave %v and of another %v", i, b, began[0])
				}
			}
			wantGeneration(t, stores[0], id, from+1)
		}
	}},
	{"ChainsOfManySessionsAdvanceAtOnce", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		const sessions, length = 20, 15
		ids := make([]signin.SessionID, sessions)
		for i := range ids {
			ids[i] = signin.NewSessionID(noon)
		}
		won := make([][length]bool, 2*sessions) // by caller, two for each session
		errs := together(2*sessions, func(i int) error {
			for from := range int64(length) {
				a := bring(ids[i/2], from, numbered("request", i))
				_, err := stores[i%2].AdvanceGeneration(t.Context(), a, noon)
				if err != nil && !errors.Is(err, store.ErrReused) {
					return err
				}
				won[i][from] = err == nil
			}
			return nil
		})
		wantAll(t, "AdvanceGeneration", errs, nil)
		for i, id := range ids {
			steps := int64(0)
			for from := range length {
				if won[2*i][from] && won[2*i+1][from] {
					t.Errorf("session %d was advanced from generation %d twice", i, from)
				}
				if won[2*i][from] || won[2*i+1][from] {
					steps++
				}
			}
			wantGeneration(t, stores[0], id, steps)
		}
	}},
}
