package storetest

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// reports returns the report of one step of a session that ends later.
func reports(id signin.SessionID, step int64) []store.StepReport {
	return []store.StepReport{{Session: id, Step: step, End: later}}
}

// wantLags reports all and checks which lags that gives, in whatever order.
func wantLags(t *testing.T, s store.Store, grace int64, all []store.StepReport, want ...store.Lag) {
	t.Helper()
	got, err := s.ReportSteps(t.Context(), all, grace)
	must(t, "ReportSteps", err)
	for _, lags := range [][]store.Lag{got, want} {
		slices.SortFunc(lags, func(a, b store.Lag) int { return bytes.Compare(a.Session[:], b.Session[:]) })
	}
	if d := diff(want, got); d != "" {
		t.Errorf("ReportSteps(%v, grace %d): (-want +got)\n%s", all, grace, d)
	}
}

var stepTests = []test{
	{"LagIsWhatLiesBeyondGraceBehindTheHighest", func(t *testing.T, db *database) {
		s := db.open(t)
		id := signin.NewSessionID(noon)
		for _, c := range []struct {
			step, grace int64
			highest     int64 // of the lag; 0: none
		}{
			{5, 2, 0}, {5, 0, 0}, {4, 1, 0}, {4, 0, 5}, {3, 2, 0}, {2, 2, 5}, {0, 4, 5}, {0, 5, 0}, // the highest stays 5
			{6, 0, 0}, {9, 0, 0}, {8, 0, 9}, {6, 2, 9}, {7, 2, 0},
			{1 << 40, 0, 0}, {1<<40 - 3, 2, 1 << 40},
		} {
			var want []store.Lag
			if c.highest != 0 {
				want = []store.Lag{{Session: id, Step: c.step, Highest: c.highest}}
			}
			wantLags(t, s, c.grace, reports(id, c.step), want...)
		}
	}},
	{"LargeStepsAreKept", func(t *testing.T, db *database) {
		s := db.open(t)
		id := signin.NewSessionID(noon)
		wantLags(t, s, 0, reports(id, math.MaxInt64))
		wantLags(t, s, 0, reports(id, 0), store.Lag{Session: id, Step: 0, Highest: math.MaxInt64})
		wantLags(t, s, math.MaxInt64, reports(id, 0))
	}},
	{"BatchHoldsManySessions", func(t *testing.T, db *database) {
		s := db.open(t)
		const n = 1000
		var ids []signin.SessionID
		var first, second []store.StepReport
		var want []store.Lag
		for i := range n {
			id := signin.NewSessionID(noon.Add(time.Duration(i*7919%n) * time.Second))
			ids = append(ids, id)
			first = append(first, store.StepReport{Session: id, Step: int64(i), End: later})
			r := store.StepReport{Session: id, Step: int64(n - i), End: later}
			second = append(second, r)
			if lag := int64(i) - r.Step; lag > 3 {
				want = append(want, store.Lag{Session: id, Step: r.Step, Highest: int64(i)})
			}
		}
		wantLags(t, s, 3, nil)
		wantLags(t, s, 3, first)
		wantLags(t, s, 3, second, want...)
		var third []store.StepReport
		want = nil
		for i, id := range ids { // each has the highest of both
			highest := max(int64(i), int64(n-i))
			third = append(third, store.StepReport{Session: id, Step: highest - 1, End: later})
			want = append(want, store.Lag{Session: id, Step: highest - 1, Highest: highest})
		}
		wantLags(t, s, 0, third, want...)
	}},
	{"IDsThatDifferInOneBitHaveStepsOfTheirOwn", func(t *testing.T, db *database) {
		s := db.open(t)
		base := signin.NewSessionID(noon)
		all := reports(base, 9)
		for bit := range 8 * len(base) {
			other := base
			other[bit/8] ^= 1 << (bit % 8)
			all = append(all, store.StepReport{Session: other, Step: 1, End: later})
		}
		wantLags(t, s, 0, all)
		wantLags(t, s, 0, all)
	}},
	// Of two nodes that report one session at once, the second to come through hears of the first.
	{"ReportersOfOneSessionAtOnceMissNoLag", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		for range 20 {
			id := signin.NewSessionID(noon)
			var lags [2][]store.Lag
			errs := together(2, func(i int) (err error) {
				lags[i], err = stores[i].ReportSteps(t.Context(), reports(id, int64(1+10*i)), 2)
				return err
			})
			wantError(t, "ReportSteps of the old step", errs[0], nil)
			wantError(t, "ReportSteps of the new step", errs[1], nil)
			if d := diff([]store.Lag{{Session: id, Step: 1, Highest: 11}}, lags[0]); len(lags[0]) > 0 && d != "" {
				t.Errorf("lag of the old step: (-want +got)\n%s", d)
			}
			if len(lags[1]) > 0 {
				t.Errorf("lags of the new step = %v, want none", lags[1])
			}
			for _, s := range stores { // whoever was first, the newest is what remains
				wantLags(t, s, 2, reports(id, 2), store.Lag{Session: id, Step: 2, Highest: 11})
			}
		}
	}},
	// Batches that overlap in another order each are where engines lock each other out.
	{"OverlappingBatchesAtOnce", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		const sessions, callers = 40, 12
		var ids []signin.SessionID
		for range sessions {
			ids = append(ids, signin.NewSessionID(noon))
		}
		errs := together(callers, func(i int) error {
			var all []store.StepReport
			for j := range sessions {
				all = append(all, store.StepReport{Session: ids[(i*17+j*(1+2*(i%2)))%sessions], Step: int64(100 + i), End: later})
			}
			if i%3 == 0 {
				slices.Reverse(all)
			}
			_, err := stores[i%2].ReportSteps(t.Context(), unique(all), 1000)
			return err
		})
		for i, err := range errs {
			wantError(t, numbered("ReportSteps of caller ", i), err, nil)
		}
		for _, id := range ids {
			wantLags(t, stores[0], 0, reports(id, 50), store.Lag{Session: id, Step: 50, Highest: 100 + callers - 1})
		}
	}},
	{"StepsOfSessionsThatEndedAreSwept", func(t *testing.T, db *database) {
		s := db.open(t)
		var ended, underWay []store.StepReport
		for i := range 10 {
			at := noon.Add(time.Duration(i) * time.Minute)
			ended = append(ended, store.StepReport{Session: signin.NewSessionID(at), Step: 5, End: later.Add(-time.Millisecond)})
			underWay = append(underWay, store.StepReport{Session: signin.NewSessionID(at), Step: 5, End: later.Add(time.Duration(i) * time.Hour)})
		}
		wantLags(t, s, 0, ended)
		wantLags(t, s, 0, underWay)
		// No code of these was redeemed here; a report stands for itself.
		if n, err := s.Sweep(t.Context(), later, 3); err != nil || n < 1 || n > 3 {
			t.Errorf("Sweep(3) = %d, %v, want 1 to 3", n, err)
		}
		sweepAll(t, s, later, 3)
		var forgotten, remembered []store.StepReport
		var want []store.Lag
		for i := range ended {
			forgotten = append(forgotten, store.StepReport{Session: ended[i].Session, Step: 1, End: later})
			remembered = append(remembered, store.StepReport{Session: underWay[i].Session, Step: 1, End: later})
			want = append(want, store.Lag{Session: underWay[i].Session, Step: 1, Highest: 5})
		}
		wantLags(t, s, 0, forgotten)
		wantLags(t, s, 0, remembered, want...)
	}},
	{"SweepKeepsToItsLimitAmongSteps", func(t *testing.T, db *database) {
		s := db.open(t)
		for range 7 {
			one := session(noon)
			must(t, "RedeemCode", s.RedeemCode(t.Context(), one))
			wantLags(t, s, 0, []store.StepReport{{Session: one.ID, Step: 1, End: one.End}})
		}
		now := noon.Add(24 * time.Hour)
		n, err := s.Sweep(t.Context(), now, 2)
		if err != nil || n < 1 || n > 4 {
			t.Errorf("Sweep(2) = %d, %v, want 1 to 4: at most two of each kind", n, err)
		}
		if rest := sweepAll(t, s, now, 2); n+rest != 14 {
			t.Errorf("Sweep deleted %d rows until it returned 0, want 7 sessions and their steps", n+rest)
		}
	}},
}

// unique leaves out the second report of a session.
func unique(all []store.StepReport) []store.StepReport {
	seen := make(map[signin.SessionID]bool)
	return slices.DeleteFunc(all, func(r store.StepReport) bool {
		again := seen[r.Session]
		seen[r.Session] = true
		return again
	})
}
