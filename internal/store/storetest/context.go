package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var contextTests = []test{
	{"NothingHappensUnderAnEndedContext", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for _, c := range calls {
			wantError(t, c.method, c.do(ended, s), context.Canceled)
		}
		if d := diff(furnished(), contentsOf(t, s)); d != "" {
			t.Errorf("contents after calls under an ended context: (-before +after)\n%s", d)
		}
	}},
	{"DeadlineThatPassedIsNamed", func(t *testing.T, db *database) {
		s := db.open(t)
		past, cancel := context.WithDeadline(t.Context(), noon.AddDate(-10, 0, 0))
		defer cancel()
		wantError(t, "RedeemCode", s.RedeemCode(past, session(noon)), context.DeadlineExceeded)
		_, err := s.People(past)
		wantError(t, "People", err, context.DeadlineExceeded)
	}},
	// Whatever the moment at which the caller gives up, the code is redeemed once: by that call or by the next.
	{"GivingUpLeavesAllOrNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		const n = 300
		codes := make([]signin.Session, n)
		for i := range codes {
			codes[i] = session(noon)
		}
		first := together(n, func(i int) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				go cancel()
			}
			return s.RedeemCode(ctx, codes[i])
		})
		for i, err := range first {
			again := s.RedeemCode(t.Context(), codes[i])
			switch {
			case err == nil:
				wantError(t, "RedeemCode after nil", again, store.ErrSpent)
			case i%3 != 0 || !errors.Is(err, context.Canceled):
				t.Errorf("RedeemCode %d = %v", i, err)
			case again != nil && !errors.Is(again, store.ErrSpent):
				t.Errorf("RedeemCode after one that was given up = %v, want nil or ErrSpent", again)
			}
			wantError(t, "RedeemCode the third time", s.RedeemCode(t.Context(), codes[i]), store.ErrSpent)
		}
	}},
}
