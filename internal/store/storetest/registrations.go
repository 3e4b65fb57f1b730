package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var registrationTests = []test{
	{"RegistrationsAreListedFromTheNewest", func(t *testing.T, db *database) {
		s := db.open(t)
		var all []store.DynamicClient
		for i := range 7 {
			c := registered(noon.Add(time.Duration(i) * time.Second))
			all = append(all, c)
		}
		for _, i := range []int{3, 0, 6, 1, 5, 2, 4} {
			must(t, "RegisterClient", s.RegisterClient(t.Context(), all[i]))
		}
		slices.Reverse(all)
		for _, tt := range []struct {
			before signin.SessionID
			limit  int
			want   []store.DynamicClient
		}{
			{limit: 100, want: all}, {limit: 7, want: all}, {limit: 3, want: all[:3]}, {before: all[2].ID, limit: 3, want: all[3:6]},
			{before: all[2].ID, limit: 100, want: all[3:]}, {before: all[6].ID, limit: 100}, {limit: 0}, {limit: -1},
			{before: signin.NewSessionID(noon.Add(time.Hour)), limit: 100, want: all},
		} {
			got, err := s.DynamicClients(t.Context(), tt.before, tt.limit)
			must(t, "DynamicClients", err)
			if d := diff(tt.want, got); d != "" && len(tt.want)+len(got) > 0 {
				t.Errorf("DynamicClients(%s, %d) (-want +got):\n%s", tt.before, tt.limit, d)
			}
		}
	}},
	{"RegistrationsAreCountedUpToABound", func(t *testing.T, db *database) {
		s := db.open(t)
		for have := range 4 {
			for _, most := range []int{-1, 0, 1, 2, 3, 4, 1000} {
				n, err := s.CountDynamicClients(t.Context(), most)
				if want := max(0, min(have, most)); err != nil || n != want {
					t.Errorf("of %d, CountDynamicClients(%d) = %d, %v, want %d", have, most, n, err, want)
				}
			}
			must(t, "RegisterClient", s.RegisterClient(t.Context(), registered(noon)))
		}
	}},
	{"RegistrationIsRemovedOnce", func(t *testing.T, db *database) {
		s := db.open(t)
		gone, stays := registered(noon), registered(noon)
		must(t, "RegisterClient", s.RegisterClient(t.Context(), gone))
		must(t, "RegisterClient", s.RegisterClient(t.Context(), stays))
		errs := together(8, func(int) error { return s.RemoveDynamicClient(t.Context(), gone.ID, noon, later) })
		onlyWinner(t, "RemoveDynamicClient", errs, store.ErrNotFound)
		wantNotices(t, s, 1, signin.RemovedClient, gone.ID.String())
		wantForgotten(t, s, gone)
		wantClient(t, s, stays)
		wantError(t, "RemoveDynamicClient of nobody", s.RemoveDynamicClient(t.Context(), signin.NewSessionID(noon), noon, later), store.ErrNotFound)
		wantNotices(t, s, 1, signin.RemovedClient, gone.ID.String())
		must(t, "RegisterClient again", s.RegisterClient(t.Context(), gone))
	}},
}
