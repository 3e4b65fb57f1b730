package storetest

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var sweepTests = []test{
	{"OnlyWhatIsOverIsSwept", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		now := noon.Add(20 * time.Hour)
		for i, c := range []struct {
			ends time.Time
			over bool
		}{
			{now.AddDate(1, 0, 0), false}, {now.Add(-time.Hour), true}, {now, false}, {now.Add(-time.Millisecond), true}, {now.Add(time.Millisecond), false},
		} {
			redeemed := session(noon.Add(time.Duration(i) * time.Minute))
			redeemed.End = c.ends
			must(t, "RedeemCode", s.RedeemCode(t.Context(), redeemed))
			notice := revoked(numbered("n", i))
			notice.Expires = c.ends
			must(t, "Announce", s.Announce(t.Context(), notice))
			defer func() {
				_, err := s.SessionByID(t.Context(), redeemed.ID)
				want := map[bool]error{true: store.ErrNotFound, false: nil}[c.over]
				wantError(t, "SessionByID of one that ends at "+c.ends.String(), err, want)
			}()
		}
		if n := sweepAll(t, s, now, 100); n != 4 {
			t.Errorf("Sweep deleted %d rows, want 2 sessions and 2 notices", n)
		}
		got := noticesAfter(t, s, 0, 10)
		if len(got) != 3 || got[0].Subject != numbered("n", 0) || got[1].Subject != numbered("n", 2) || got[2].Subject != numbered("n", 4) {
			t.Errorf("NoticesAfter a sweep = %v, want the three that have not expired", got)
		}
		wantContents(t, s, furnished())
	}},
	{"SweepKeepsToItsLimit", func(t *testing.T, db *database) {
		s := db.open(t)
		for i := range 7 {
			must(t, "RedeemCode", s.RedeemCode(t.Context(), session(noon)))
			if i < 3 {
				must(t, "Announce", s.Announce(t.Context(), revoked("s")))
			}
		}
		now := noon.Add(24 * time.Hour)
		for _, limit := range []int{0, -1} {
			if n, err := s.Sweep(t.Context(), now, limit); n != 0 || err != nil {
				t.Errorf("Sweep(%d) = %d, %v, want 0", limit, n, err)
			}
		}
		n, err := s.Sweep(t.Context(), now, 2)
		if err != nil || n < 1 || n > 4 {
			t.Errorf("Sweep(2) = %d, %v, want 1 to 4: at most two of each kind", n, err)
		}
		if rest := sweepAll(t, s, now, 2); n+rest != 10 {
			t.Errorf("Sweep deleted %d rows until it returned 0, want 10", n+rest)
		}
	}},
	// A lifetime may be configured to be shorter than it was. A driver may put off what thousands of older sessions hide,
	// but not what a few do.
	{"LongSessionDoesNotHideShorterOnes", func(t *testing.T, db *database) {
		s := db.open(t)
		for range 10 {
			long := session(noon)
			long.End = noon.AddDate(100, 0, 0)
			must(t, "RedeemCode", s.RedeemCode(t.Context(), long))
		}
		short := session(noon.Add(time.Minute))
		must(t, "RedeemCode", s.RedeemCode(t.Context(), short))
		if n := sweepAll(t, s, noon.Add(24*time.Hour), 2); n != 1 {
			t.Errorf("Sweep deleted %d rows, want the one that ended", n)
		}
		_, err := s.SessionByID(t.Context(), short.ID)
		wantError(t, "SessionByID of the one that ended", err, store.ErrNotFound)
	}},
	{"SweepBesideRedemptions", func(t *testing.T, db *database) {
		s := db.open(t)
		now := noon.Add(24 * time.Hour)
		var old, fresh []signin.Session
		for range 100 {
			old = append(old, session(noon))
			fresh = append(fresh, session(now))
		}
		for i, err := range together(len(old), func(i int) error { return s.RedeemCode(t.Context(), old[i]) }) {
			wantError(t, numbered("RedeemCode ", i), err, nil)
		}
		errs := together(len(fresh)+5, func(i int) error {
			if i < len(fresh) {
				return s.RedeemCode(t.Context(), fresh[i])
			}
			_, err := s.Sweep(t.Context(), now, 30)
			return err
		})
		for i, err := range errs {
			wantError(t, numbered("call ", i), err, nil)
		}
		sweepAll(t, s, now, 30)
		for i := range fresh {
			_, err := s.SessionByID(t.Context(), fresh[i].ID)
			wantError(t, "SessionByID of one under way", err, nil)
			_, err = s.SessionByID(t.Context(), old[i].ID)
			wantError(t, "SessionByID of one that ended", err, store.ErrNotFound)
		}
	}},
}

// sweepAll sweeps until nothing is left to sweep, and returns how many rows that were.
func sweepAll(t *testing.T, s store.Store, now time.Time, limit int) int {
	t.Helper()
	sum := 0
	for range 1000 {
		n, err := s.Sweep(t.Context(), now, limit)
		must(t, "Sweep", err)
		if n == 0 {
			return sum
		}
		sum += n
	}
	t.Fatalf("Sweep never returned 0; it claims %d rows", sum)
	return 0
}
