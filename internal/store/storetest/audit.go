package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// wantEvents checks what q finds, in its order.
func wantEvents(t *testing.T, s store.Store, q store.AuditQuery, want ...store.AuditEvent) {
	t.Helper()
	got, err := s.AuditEvents(t.Context(), q)
	must(t, "AuditEvents", err)
	if d := diff(want, got); d != "" {
		t.Errorf("AuditEvents(%+v): (-want +got)\n%s", q, d)
	}
}

// eventsWith returns an event for each of its texts, by name, that has text there.
func eventsWith(text string) map[string]store.AuditEvent {
	all := make(map[string]store.AuditEvent)
	for field, place := range map[string]func(*store.AuditEvent) *string{
		"Kind":      func(e *store.AuditEvent) *string { return &e.Kind },
		"Request":   func(e *store.AuditEvent) *string { return &e.Request },
		"Session":   func(e *store.AuditEvent) *string { return &e.Session },
		"Client":    func(e *store.AuditEvent) *string { return &e.Client },
		"Principal": func(e *store.AuditEvent) *string { return &e.Principal },
		"Person":    func(e *store.AuditEvent) *string { return &e.Person },
		"Remote":    func(e *store.AuditEvent) *string { return &e.Remote },
		"Detail":    func(e *store.AuditEvent) *string { return &e.Detail },
	} {
		e := event(noon, alice.ID)
		*place(&e) = text
		all[field] = e
	}
	return all
}

// newest is all, newest first.
var newest = store.AuditQuery{Limit: 10_000}

var auditTests = []test{
	{"EventsComeNewestFirst", func(t *testing.T, db *database) {
		s := db.open(t)
		wantEvents(t, s, newest)
		must(t, "RecordAudit of nothing", s.RecordAudit(t.Context(), nil))
		var all []store.AuditEvent
		for i := range 20 { // they arrive in no order, as from several nodes
			e := event(noon.Add(time.Duration(i*7%20)*time.Second), numbered("AIDA", i))
			e.Kind, e.Request, e.Session, e.Client = numbered("kind", i), numbered("request", i), numbered("session", i), numbered("client", i)
			e.Principal, e.Remote, e.Detail = numbered("arn", i), numbered("remote", i), numbered("detail", i)
			all = append(all, e)
		}
		must(t, "RecordAudit", s.RecordAudit(t.Context(), all[:5]))
		must(t, "RecordAudit", s.RecordAudit(t.Context(), all[5:]))
		slices.SortFunc(all, func(a, b store.AuditEvent) int { return b.At.Compare(a.At) })
		wantEvents(t, s, newest, all...)
		for _, limit := range []int{1, 7, 20} {
			wantEvents(t, s, store.AuditQuery{Limit: limit}, all[:limit]...)
			// A reader who goes on from the last id of a page sees everything once.
			var pages []store.AuditEvent
			q := store.AuditQuery{Limit: limit}
			for range len(all) + 1 {
				page, err := s.AuditEvents(t.Context(), q)
				must(t, "AuditEvents", err)
				pages = append(pages, page...)
				if len(page) > 0 {
					q.Before = page[len(page)-1].ID
				}
			}
			if d := diff(all, pages); d != "" {
				t.Errorf("pages of %d: (-want +got)\n%s", limit, d)
			}
		}
		for _, limit := range []int{0, -1} {
			wantEvents(t, s, store.AuditQuery{Limit: limit})
			wantEvents(t, s, store.AuditQuery{Limit: limit, Person: all[0].Person})
		}
	}},
	{"EventsOfOneMillisecondHaveAnOrder", func(t *testing.T, db *database) {
		s := db.open(t)
		var all []store.AuditEvent
		for range 100 {
			all = append(all, event(noon, alice.ID))
		}
		must(t, "RecordAudit", s.RecordAudit(t.Context(), all))
		slices.SortFunc(all, func(a, b store.AuditEvent) int { return slices.Compare(b.ID[:], a.ID[:]) })
		wantEvents(t, s, newest, all...)
		wantEvents(t, s, store.AuditQuery{Limit: 10, Before: all[49].ID}, all[50:60]...)
		wantEvents(t, s, store.AuditQuery{Limit: 10, Before: all[49].ID, Person: alice.ID}, all[50:60]...)
		wantEvents(t, s, store.AuditQuery{Limit: 10, Before: all[99].ID})
	}},
	{"EventsAreFoundByPerson", func(t *testing.T, db *database) {
		s := db.open(t)
		var all, alices, nobodys []store.AuditEvent
		for i := range 30 {
			e := event(noon.Add(time.Duration(-i)*time.Second), []string{alice.ID, bob.ID, ""}[i%3])
			e.Kind = []string{"code-replayed", "sign-in-refused"}[i/3%2]
			all = append(all, e)
			switch e.Person {
			case alice.ID:
				alices = append(alices, e)
			case "":
				nobodys = append(nobodys, e)
			}
		}
		must(t, "RecordAudit", s.RecordAudit(t.Context(), all))
		wantEvents(t, s, store.AuditQuery{Person: alice.ID, Limit: 100}, alices...)
		wantEvents(t, s, store.AuditQuery{Person: alice.ID, Limit: 3}, alices[:3]...)
		for _, kind := range []string{alices[0].Kind, alices[1].Kind, "none"} {
			of := slices.DeleteFunc(slices.Clone(alices), func(e store.AuditEvent) bool { return e.Kind != kind })
			wantEvents(t, s, store.AuditQuery{Person: alice.ID, Kind: kind, Limit: 2}, of[:min(2, len(of))]...)
		}
		wantEvents(t, s, store.AuditQuery{Person: alice.ID, Limit: 3, Before: alices[2].ID}, alices[3:6]...)
		wantEvents(t, s, store.AuditQuery{Person: alice.ID, Limit: 3, Before: nobodys[0].ID}, alices[1:4]...)
		wantEvents(t, s, store.AuditQuery{Person: "AIDANOBODY", Limit: 3})
		wantEvents(t, s, store.AuditQuery{Person: alice.ID[:4], Limit: 3})
		wantEvents(t, s, store.AuditQuery{Limit: 100}, all...)
	}},
	{"EventRecordedTwiceIsKeptOnce", func(t *testing.T, db *database) {
		s := db.open(t)
		first, second, third := event(noon.Add(3), alice.ID), event(noon.Add(time.Second), bob.ID), event(noon.Add(2*time.Second), "")
		first.At = noon
		must(t, "RecordAudit", s.RecordAudit(t.Context(), []store.AuditEvent{first, second}))
		other := second
		other.Person, other.Detail = alice.ID, "Something else."
		must(t, "RecordAudit again", s.RecordAudit(t.Context(), []store.AuditEvent{first, other, third, third}))
		wantEvents(t, s, newest, third, second, first)
		wantEvents(t, s, store.AuditQuery{Person: alice.ID, Limit: 10}, first)
	}},
	{"EventsRecordedAtOnceAreKeptOnce", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		var all []store.AuditEvent
		for i := range 60 {
			all = append(all, event(noon.Add(time.Duration(-i)*time.Millisecond), numbered("AIDA", i)))
		}
		errs := together(12, func(i int) error { // every event comes from several callers, in both orders
			mine := slices.Concat(all[i*5:], all[:i*5])
			if i%2 == 0 {
				slices.Reverse(mine)
			}
			return stores[i%2].RecordAudit(t.Context(), mine)
		})
		for i, err := range errs {
			wantError(t, numbered("RecordAudit of caller ", i), err, nil)
		}
		for _, s := range stores {
			wantEvents(t, s, newest, all...)
		}
	}},
	{"EventsKeepAnyText", func(t *testing.T, db *database) {
		s := db.open(t)
		for _, text := range oddTexts {
			var all []store.AuditEvent
			for _, e := range eventsWith(text) {
				all = append(all, e)
			}
			slices.SortFunc(all, func(a, b store.AuditEvent) int { return slices.Compare(b.ID[:], a.ID[:]) })
			must(t, fmt.Sprintf("RecordAudit with %+q", text), s.RecordAudit(t.Context(), all))
			wantEvents(t, s, newest, all...)
			if text != "" {
				about := slices.DeleteFunc(all, func(e store.AuditEvent) bool { return e.Person != text })
				wantEvents(t, s, store.AuditQuery{Person: text, Limit: 10}, about...)
			}
			_, err := s.SweepAudit(t.Context(), later, 100)
			must(t, "SweepAudit", err)
		}
	}},
	{"TimesOfEventsAreKeptToTheMillisecondInUTC", func(t *testing.T, db *database) {
		s := db.open(t)
		e := event(noon.Add(999*time.Microsecond).In(time.FixedZone("east", 3600)), alice.ID)
		must(t, "RecordAudit", s.RecordAudit(t.Context(), []store.AuditEvent{e}))
		got, err := s.AuditEvents(t.Context(), newest)
		if err != nil || len(got) != 1 || got[0].At != noon {
			t.Errorf("AuditEvents = %v, %v, want one of %v", got, err, noon)
		}
	}},
	{"SearchForUnkeepableTextFindsNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "RecordAudit", s.RecordAudit(t.Context(), []store.AuditEvent{event(noon, "a")}))
		for _, text := range unkeepable {
			if got, err := s.AuditEvents(t.Context(), store.AuditQuery{Person: text, Limit: 10}); err != nil || len(got) != 0 {
				t.Errorf("AuditEvents about %+q = %v, %v, want none", text, got, err)
			}
		}
	}},
	{"SweepAuditForgetsTheOldest", func(t *testing.T, db *database) {
		s := db.open(t)
		var all []store.AuditEvent // newest first
		for i := range 10 {
			all = append(all, event(noon.Add(time.Duration(-i)*time.Millisecond), alice.ID))
		}
		must(t, "RecordAudit", s.RecordAudit(t.Context(), all))
		for _, c := range []struct {
			then          time.Time
			limit, delete int
		}{
			{noon, 0, 0}, {noon, -1, 0}, {all[9].At, 100, 0}, {time.Time{}, 100, 0}, {time.Unix(-1, 0), 100, 0},
			{all[8].At, 100, 1}, {all[8].At, 100, 0}, {noon, 2, 2}, {all[6].At.Add(time.Microsecond), 100, 0},
			{all[5].At, 100, 1}, {noon, 100, 5}, {noon, 100, 0}, {noon.AddDate(1, 0, 0), 100, 1}, {noon.AddDate(10000, 0, 0), 100, 0},
		} {
			n, err := s.SweepAudit(t.Context(), c.then, c.limit)
			if err != nil || n != c.delete {
				t.Errorf("SweepAudit(%v, %d) = %d, %v, want %d", c.then, c.limit, n, err, c.delete)
			}
			all = all[:len(all)-c.delete]
			wantEvents(t, s, newest, all...)
			wantEvents(t, s, store.AuditQuery{Person: alice.ID, Limit: 100}, all...)
		}
	}},
	{"SweepLeavesTheAuditTrailAlone", func(t *testing.T, db *database) {
		s := db.open(t)
		e := event(noon, alice.ID)
		must(t, "RecordAudit", s.RecordAudit(t.Context(), []store.AuditEvent{e}))
		sweepAll(t, s, noon.AddDate(100, 0, 0), 10)
		wantEvents(t, s, newest, e)
	}},
}
