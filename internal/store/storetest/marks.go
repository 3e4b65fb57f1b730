package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/latchkey-id/latchkey/internal/store"
)

var markTests = []test{
	{"MarkIsKept", func(t *testing.T, db *database) {
		s := db.open(t)
		other := db.open(t) // what opens from here on would be refused
		wantMark(t, s, store.Mark{})
		for _, m := range []store.Mark{
			{State: store.Copying, Place: "/a 'b' \"c\".db", At: noon}, {State: store.Moved, Place: "é", At: later}, {}, {},
		} {
			must(t, "SetMark", s.SetMark(t.Context(), m))
			wantMark(t, s, m)
			wantMark(t, other, m)
		}
		wantError(t, "RedeemCode", s.RedeemCode(t.Context(), session(noon)), nil)
	}},
	{"FailedCheckMovesNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		err := s.MoveAway(t.Context(), "there", noon, func(context.Context) error {
			if got, err := s.AccountByID(t.Context(), acme.ID); err != nil || got != acme {
				t.Errorf("AccountByID during the check = %v, %v, want it readable", got, err)
			}
			return errNotMoved
		})
		wantError(t, "MoveAway", err, errNotMoved)
		wantMark(t, s, store.Mark{})
		wantError(t, "RedeemCode", s.RedeemCode(t.Context(), session(noon)), nil)
		wantError(t, "RedeemCode after reopening", db.open(t).RedeemCode(t.Context(), session(noon)), nil)
	}},
	{"MovedDatabaseSaysWhere", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		before := archiveOf(t, s)
		must(t, "MoveAway", s.MoveAway(t.Context(), "there", noon, func(context.Context) error { return nil }))
		wantMark(t, s, store.Mark{State: store.Moved, Place: "there", At: noon})
		wantSameArchive(t, before, archiveOf(t, s))
	}},
	{"CancelledMoveMovesNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.MoveAway(ctx, "there", noon, func(ctx context.Context) error {
			cancel()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("MoveAway = %v, want %v", err, context.Canceled)
		}
		wantMark(t, s, store.Mark{})
	}},
	{"LastNoticeIsTheHighestEverGiven", func(t *testing.T, db *database) {
		s, other := db.open(t), db.open(t)
		wantLast := func(want int64) {
			t.Helper()
			got, err := other.LastNotice(t.Context())
			if err != nil || got != want {
				t.Errorf("LastNotice = %d, %v, want %d", got, err, want)
			}
		}
		wantLast(0)
		must(t, "Announce", s.Announce(t.Context(), revoked("a")))
		must(t, "Announce", s.Announce(t.Context(), revoked("b")))
		wantLast(2)
		_, err := s.Sweep(t.Context(), later.AddDate(1, 0, 0), 10)
		must(t, "Sweep", err)
		wantLast(2)
	}},
}

func wantMark(t *testing.T, s store.Store, want store.Mark) {
	t.Helper()
	got, err := s.Mark(t.Context())
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("Mark: %v (-set +got)\n%s", err, d)
	}
}
