package storetest

import (
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var lifeTests = []test{
	{"EmptyDatabaseIsEmpty", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "Ping", s.Ping(t.Context()))
		accounts, err := s.Accounts(t.Context())
		must(t, "Accounts", err)
		people, err := s.People(t.Context())
		must(t, "People", err)
		roles, err := s.Roles(t.Context())
		must(t, "Roles", err)
		if n := len(accounts) + len(people) + len(roles) + len(noticesAfter(t, s, 0, 10)); n != 0 {
			t.Errorf("a fresh database holds %d things, want none", n)
		}
		wantRing(t, s)
		if n := sweepAll(t, s, later, 10); n != 0 {
			t.Errorf("Sweep deleted %d rows of a fresh database", n)
		}
	}},
	{"EveryMethodSucceedsWhereItShould", func(t *testing.T, db *database) {
		// This holds the table of calls, which other tests use, to what it says of itself.
		s := db.open(t)
		furnish(t, s)
		for _, c := range calls {
			want := error(nil)
			if c.method == "SessionByID" {
				want = store.ErrNotFound
			}
			wantError(t, c.method, c.do(t.Context(), s), want)
		}
	}},
	{"ReopenedDatabaseHasEverything", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		code := session(noon)
		must(t, "RedeemCode", s.RedeemCode(t.Context(), code))
		must(t, "SetPassword", s.SetPassword(t.Context(), alice.ID, "h", noon, later))
		must(t, "RecordAudit", s.RecordAudit(t.Context(), []store.AuditEvent{event(noon, alice.ID), event(noon, bob.ID)}))
		wantLags(t, s, 0, reports(code.ID, 9))
		for call, err := range fillOperations(t.Context(), s, acme.ID, alice.ID, "x") {
			must(t, call, err)
		}
		before := contentsOf(t, s)
		for range 3 {
			must(t, "Close", s.Close())
			s = db.open(t)
			if d := diff(before, contentsOf(t, s)); d != "" {
				t.Errorf("contents: (-closed +reopened)\n%s", d)
			}
			wantError(t, "RedeemCode after reopening", s.RedeemCode(t.Context(), code), store.ErrSpent)
			wantLags(t, s, 0, reports(code.ID, 8), store.Lag{Session: code.ID, Step: 8, Highest: 9})
		}
	}},
	{"OtherStoreSeesWhatWasAnswered", func(t *testing.T, db *database) {
		one, other := db.open(t), db.open(t)
		furnish(t, one)
		if d := diff(furnished(), contentsOf(t, other)); d != "" {
			t.Errorf("contents: (-written +seen by the other)\n%s", d)
		}
		for i := range 20 {
			code := session(noon)
			must(t, "RedeemCode", one.RedeemCode(t.Context(), code))
			_, err := other.SessionByID(t.Context(), code.ID)
			wantError(t, "SessionByID at the other", err, nil)
			wantError(t, "RedeemCode at the other", other.RedeemCode(t.Context(), code), store.ErrSpent)
			wantLags(t, one, 0, reports(code.ID, 5))
			wantLags(t, other, 0, reports(code.ID, 4), store.Lag{Session: code.ID, Step: 4, Highest: 5})
			happened := event(noon, numbered("AIDA", i))
			must(t, "RecordAudit", one.RecordAudit(t.Context(), []store.AuditEvent{happened}))
			wantEvents(t, other, store.AuditQuery{Person: happened.Person, Limit: 10}, happened)
			wantAdvance(t, one, bring(code.ID, 0, "a"), noon, noon, nil)
			wantAdvance(t, other, bring(code.ID, 0, "b"), noon, noon, store.ErrReused)
			wantGeneration(t, other, code.ID, 1)
		}
		for call, err := range fillOperations(t.Context(), one, acme.ID, alice.ID, "x") {
			must(t, call, err)
		}
		if d := diff(contentsOf(t, one), contentsOf(t, other)); d != "" {
			t.Errorf("contents: (-written +seen by the other)\n%s", d)
		}
		must(t, "Close", one.Close())
		wantError(t, "RedeemCode after the other closed", other.RedeemCode(t.Context(), session(noon)), nil)
	}},
	{"ClosedStoreFails", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		must(t, "Close", s.Close())
		for _, c := range calls {
			if err := c.do(t.Context(), s); err == nil {
				t.Errorf("%s on a closed store = nil, want an error", c.method)
			}
		}
		if err := s.Close(); err == nil {
			t.Error("Close of a closed store = nil, want an error")
		}
		if d := diff(furnished(), contentsOf(t, db.open(t))); d != "" {
			t.Errorf("contents after calls on a closed store: (-before +after)\n%s", d)
		}
	}},
	// Close waits for writes under way: what was answered nil is there, what was answered otherwise is not.
	{"CloseAnswersWritesUnderWay", func(t *testing.T, db *database) {
		s := db.open(t)
		codes := make([]signin.Session, 200)
		for i := range codes {
			codes[i] = session(noon)
		}
		errs := together(len(codes)+1, func(i int) error {
			if i == len(codes)/2 {
				return s.Close()
			}
			return s.RedeemCode(t.Context(), codes[i%len(codes)])
		})
		wantError(t, "Close", errs[len(codes)/2], nil)
		s = db.open(t)
		for i, err := range errs[:len(codes)] {
			if i == len(codes)/2 || i == 0 { // code 0 has two callers
				continue
			}
			want := store.ErrNotFound
			if err == nil {
				want = nil
			}
			_, err := s.SessionByID(t.Context(), codes[i].ID)
			wantError(t, numbered("SessionByID of code ", i), err, want)
		}
	}},
}
