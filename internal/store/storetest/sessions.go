package storetest

import (
	"math"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var sessionTests = []test{
	{"RedeemedSessionIsKept", func(t *testing.T, db *database) {
		s := db.open(t)
		want := session(noon)
		must(t, "RedeemCode", s.RedeemCode(t.Context(), want))
		got, err := s.SessionByID(t.Context(), want.ID)
		wantError(t, "SessionByID", err, nil)
		if d := diff(want, got); d != "" {
			t.Errorf("SessionByID: (-redeemed +got)\n%s", d)
		}
	}},
	{"SessionWithoutKeyIsKept", func(t *testing.T, db *database) {
		s := db.open(t)
		want := session(noon)
		want.Key, want.Methods = signin.Thumbprint{}, ""
		must(t, "RedeemCode", s.RedeemCode(t.Context(), want))
		got, err := s.SessionByID(t.Context(), want.ID)
		wantError(t, "SessionByID", err, nil)
		if d := diff(want, got); d != "" {
			t.Errorf("SessionByID: (-redeemed +got)\n%s", d)
		}
	}},
	{"AsOfIsKeptHoweverLarge", func(t *testing.T, db *database) {
		s := db.open(t)
		for _, asOf := range []int64{0, 1, math.MaxInt32, math.MaxInt32 + 1, 1<<53 + 1, math.MaxInt64} {
			want := session(noon)
			want.AsOf = asOf
			must(t, "RedeemCode", s.RedeemCode(t.Context(), want))
			got, err := s.SessionByID(t.Context(), want.ID)
			if err != nil || got.AsOf != asOf {
				t.Errorf("SessionByID gave AsOf %d, %v, want %d", got.AsOf, err, asOf)
			}
		}
	}},
	{"SecondRedemptionIsSpentAndChangesNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		first := session(noon)
		must(t, "RedeemCode", s.RedeemCode(t.Context(), first))
		second := session(noon.Add(time.Second))
		second.ID, second.Key, second.Principal.Person = first.ID, signin.Thumbprint{7}, "mallory"
		wantError(t, "RedeemCode of the same id", s.RedeemCode(t.Context(), second), store.ErrSpent)
		wantError(t, "RedeemCode again", s.RedeemCode(t.Context(), first), store.ErrSpent)
		got, err := s.SessionByID(t.Context(), first.ID)
		wantError(t, "SessionByID", err, nil)
		if d := diff(first, got); d != "" {
			t.Errorf("SessionByID: (-first +got)\n%s", d)
		}
	}},
	{"UnknownSessionIsNotFound", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "RedeemCode", s.RedeemCode(t.Context(), session(noon)))
		_, err := s.SessionByID(t.Context(), signin.NewSessionID(noon))
		wantError(t, "SessionByID", err, store.ErrNotFound)
		_, err = s.SessionByID(t.Context(), signin.SessionID{})
		wantError(t, "SessionByID of zeros", err, store.ErrNotFound)
	}},
	{"IDsThatDifferInOneBitAreTwo", func(t *testing.T, db *database) {
		s := db.open(t)
		base := session(noon)
		must(t, "RedeemCode", s.RedeemCode(t.Context(), base))
		for bit := range 8 * len(base.ID) {
			other := base
			other.ID[bit/8] ^= 1 << (bit % 8)
			wantError(t, "RedeemCode of "+other.ID.String(), s.RedeemCode(t.Context(), other), nil)
		}
	}},
	{"ManySessionsDoNotMix", func(t *testing.T, db *database) {
		s := db.open(t)
		var all []signin.Session
		for i := range 200 {
			// Ids come neither in order nor from one minute only.
			one := session(noon.Add(time.Duration(i*7919%200) * time.Second))
			one.Principal.Person = numbered("person", i)
			all = append(all, one)
		}
		for i, err := range together(len(all), func(i int) error { return s.RedeemCode(t.Context(), all[i]) }) {
			wantError(t, numbered("RedeemCode ", i), err, nil)
		}
		for _, want := range all {
			got, err := s.SessionByID(t.Context(), want.ID)
			wantError(t, "SessionByID", err, nil)
			if d := diff(want, got); d != "" {
				t.Fatalf("SessionByID: (-redeemed +got)\n%s", d)
			}
		}
	}},
}
