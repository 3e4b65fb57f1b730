package storetest

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// registered returns a client that registered itself at.
func registered(at time.Time) store.DynamicClient {
	return store.DynamicClient{ID: signin.NewSessionID(at), Metadata: `{"redirect_uris":["http://127.0.0.1/cb"]}`, Created: at, Expires: at.Add(24 * time.Hour)}
}

func wantClient(t *testing.T, s store.Store, want store.DynamicClient) {
	t.Helper()
	got, err := s.DynamicClientByID(t.Context(), want.ID)
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("DynamicClientByID: %v (-registered +got)\n%s", err, d)
	}
}

func wantForgotten(t *testing.T, s store.Store, c store.DynamicClient) {
	t.Helper()
	_, err := s.DynamicClientByID(t.Context(), c.ID)
	wantError(t, "DynamicClientByID of one that was swept", err, store.ErrNotFound)
}

var grantTests = []test{
	{"RegisteredClientIsKept", func(t *testing.T, db *database) {
		s := db.open(t)
		first, second := registered(noon), registered(noon.Add(-time.Hour))
		must(t, "RegisterClient", s.RegisterClient(t.Context(), first))
		must(t, "RegisterClient", s.RegisterClient(t.Context(), second))
		taken := registered(noon)
		taken.ID, taken.Metadata = first.ID, "{}"
		wantRefusedClient := s.RegisterClient(t.Context(), taken)
		wantError(t, "RegisterClient with a taken id", wantRefusedClient, store.ErrExists)
		wantClient(t, s, first)
		wantClient(t, s, second)
		_, err := s.DynamicClientByID(t.Context(), signin.NewSessionID(noon))
		wantError(t, "DynamicClientByID", err, store.ErrNotFound)
	}},
	{"OneOfManyRegistersTheID", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		c := registered(noon)
		errs := together(16, func(i int) error {
			mine := c
			mine.Metadata = numbered("m", i)
			return stores[i%2].RegisterClient(t.Context(), mine)
		})
		c.Metadata = numbered("m", onlyWinner(t, "RegisterClient", errs, store.ErrExists))
		wantClient(t, stores[0], c)
	}},
	{"ClientsThatExpiredAreSwept", func(t *testing.T, db *database) {
		s := db.open(t)
		var expired, good []store.DynamicClient
		for i := range 5 {
			c := registered(noon.Add(-time.Duration(i) * time.Hour))
			c.Expires = noon.Add(-time.Duration(i)*time.Minute - time.Millisecond)
			expired = append(expired, c)
			c = registered(noon.Add(-time.Duration(i) * time.Hour))
			c.Expires = noon.Add(time.Duration(i) * time.Minute)
			good = append(good, c)
			must(t, "RegisterClient", s.RegisterClient(t.Context(), expired[i]))
			must(t, "RegisterClient", s.RegisterClient(t.Context(), good[i]))
		}
		for _, limit := range []int{0, -1} {
			if n, err := s.Sweep(t.Context(), noon, limit); n != 0 || err != nil {
				t.Errorf("Sweep(%d) = %d, %v, want 0", limit, n, err)
			}
		}
		n, err := s.Sweep(t.Context(), noon, 2)
		if err != nil || n != 2 {
			t.Errorf("Sweep(2) = %d, %v, want 2", n, err)
		}
		if n += sweepAll(t, s, noon, 2); n != len(expired) {
			t.Errorf("Sweep deleted %d rows until it returned 0, want %d", n, len(expired))
		}
		for i := range expired {
			wantForgotten(t, s, expired[i])
			wantClient(t, s, good[i])
		}
	}},
	{"GenerationsOfSessionsThatEndedAreSwept", func(t *testing.T, db *database) {
		s := db.open(t)
		var ended, underWay []store.Advance
		for range 5 {
			a := bring(signin.NewSessionID(noon), 0, "r")
			a.End = later.Add(-time.Millisecond)
			ended = append(ended, a)
			underWay = append(underWay, bring(signin.NewSessionID(noon), 0, "r"))
		}
		for i := range ended {
			wantAdvance(t, s, ended[i], noon, noon, nil)
			wantAdvance(t, s, underWay[i], noon, noon, nil)
		}
		n, err := s.Sweep(t.Context(), later, 2)
		if err != nil || n < 1 || n > 2 {
			t.Errorf("Sweep(2) = %d, %v, want 1 or 2", n, err)
		}
		if n += sweepAll(t, s, later, 2); n != len(ended) {
			t.Errorf("Sweep deleted %d rows until it returned 0, want %d", n, len(ended))
		}
		for i := range ended {
			wantGeneration(t, s, ended[i].Session, 0)
			wantGeneration(t, s, underWay[i].Session, 1)
		}
	}},
	// The end that counts is that of the newest word of it, as with steps.
	{"EndOfASessionIsKeptWithEachGeneration", func(t *testing.T, db *database) {
		s := db.open(t)
		a := bring(signin.NewSessionID(noon), 0, "a")
		a.End = noon.Add(time.Minute)
		wantAdvance(t, s, a, noon, noon, nil)
		wantAdvance(t, s, bring(a.Session, 1, "b"), noon, noon, nil)
		if n := sweepAll(t, s, noon.Add(time.Hour), 10); n != 0 {
			t.Errorf("Sweep deleted %d rows, want none before the new end", n)
		}
		wantGeneration(t, s, a.Session, 2)
		sweepAll(t, s, later.Add(time.Millisecond), 10)
		wantGeneration(t, s, a.Session, 0)
	}},
	{"LargeGenerationsAreKept", func(t *testing.T, db *database) {
		s := db.open(t)
		id := signin.NewSessionID(noon)
		for _, g := range []int64{math.MaxInt32, 1<<53 + 1, math.MaxInt64 - 2} {
			kept := store.Generation{Session: id, Generation: g, At: noon, End: later}
			must(t, "Restore", s.Restore(t.Context(), []store.Record{{Part: store.PartGenerations, Value: kept}}))
			wantGeneration(t, s, id, g)
			wantAdvance(t, s, bring(id, g-1, "r"), noon, time.Time{}, store.ErrReused)
			wantAdvance(t, s, bring(id, g, "r"), noon, noon, nil)
			wantGeneration(t, s, id, g+1)
		}
		// There is no next one, and none before the first.
		must(t, "Restore", s.Restore(t.Context(), []store.Record{{Part: store.PartGenerations, Value: store.Generation{Session: id, Generation: math.MaxInt64, At: noon, End: later}}}))
		for _, from := range []int64{math.MaxInt64, -1, math.MinInt64} {
			wantAdvance(t, s, bring(id, from, ""), noon, time.Time{}, store.ErrReused)
			wantAdvance(t, s, bring(signin.NewSessionID(noon), from, ""), noon, time.Time{}, store.ErrReused)
		}
		wantGeneration(t, s, id, math.MaxInt64)
	}},
	{"AdvancingUnderAnEndedContextAdvancesNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		a := bring(signin.NewSessionID(noon), 0, "a")
		_, err := s.AdvanceGeneration(ended, a, noon)
		wantError(t, "AdvanceGeneration", err, context.Canceled)
		wantGeneration(t, s, a.Session, 0)
		wantAdvance(t, s, a, noon, noon, nil)
	}},
}
