package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var archiveTests = []test{
	{"CopyHoldsAllThatTheOriginalHolds", func(t *testing.T, db *database) {
		s := db.open(t)
		code := fillEveryPart(t, s)
		original := archiveOf(t, s)
		for _, p := range store.Parts() {
			if len(original[p]) == 0 {
				t.Errorf("the original holds no %v: a copy without them would pass", p)
			}
		}
		other := &database{db.engine, db.name + "-copy"}
		c := other.open(t)
		restoreAll(t, c, original)
		restoreAll(t, c, original) // again changes nothing
		must(t, "Close", c.Close())
		c = other.open(t)
		wantSameArchive(t, original, archiveOf(t, c))
		if d := diff(contentsOf(t, s), contentsOf(t, c)); d != "" {
			t.Errorf("contents: (-original +copy)\n%s", d)
		}
		wantError(t, "RedeemCode of a code that was redeemed before", c.RedeemCode(t.Context(), code), store.ErrSpent)
		wantLags(t, c, 0, reports(code.ID, 8), store.Lag{Session: code.ID, Step: 8, Highest: 9})
		wantAdvance(t, c, bring(code.ID, 0, "other"), noon, noon, store.ErrReused)
		wantAdvance(t, c, bring(code.ID, 0, "first"), noon, noon, nil)
	}},
	{"CopyGoesOnAboveTheHighestNotice", func(t *testing.T, db *database) {
		s := db.open(t)
		for _, subject := range []string{"a", "b", "c"} {
			must(t, "Announce", s.Announce(t.Context(), revoked(subject)))
		}
		_, err := s.Sweep(t.Context(), later.Add(time.Second), 10) // so only the counter knows
		must(t, "Sweep", err)
		c := (&database{db.engine, db.name + "-copy"}).open(t)
		restoreAll(t, c, archiveOf(t, s))
		last, err := c.LastNotice(t.Context())
		if err != nil || last != 3 {
			t.Errorf("LastNotice of the copy = %d, %v, want 3", last, err)
		}
		must(t, "Announce", c.Announce(t.Context(), revoked("d")))
		if got := noticesAfter(t, c, 0, 10); len(got) != 1 || got[0].Seq != 4 {
			t.Errorf("NoticesAfter = %v, want one notice with Seq 4", got)
		}
	}},
	// Pages, streams and transactions have their ends somewhere in here.
	{"ManyRecordsComeOnceAndInOrder", func(t *testing.T, db *database) {
		s := db.open(t)
		const n = 2500
		var all []store.Record
		for i := range n {
			one := session(noon.Add(time.Duration(i*7919%n) * time.Second))
			all = append(all, store.Record{Part: store.PartSessions, Value: one})
		}
		for len(all) > 0 {
			part := all[:min(1000, len(all))]
			must(t, "Restore", s.Restore(t.Context(), part))
			all = all[len(part):]
		}
		if got := len(recordsOf(t, s, store.PartSessions)); got != n { // the order is checked there
			t.Errorf("Contents gave %d sessions, want %d", got, n)
		}
		for r, err := range s.Contents(t.Context(), store.PartSessions) { // a reader may leave
			must(t, "Contents of "+r.Name(), err)
			break
		}
		wantError(t, "RedeemCode after a reader left", s.RedeemCode(t.Context(), session(noon)), nil)
	}},
	{"RestoreReplacesAndRemoveDeletes", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		renamed, passed := alice, store.Record{Part: store.PartAssignments, Value: store.Assigned{PersonID: alice.ID, RoleID: auditor.ID}}
		renamed.Name, renamed.Disabled, renamed.PasswordHash = "alicia", true, "other"
		must(t, "Restore", s.Restore(t.Context(), []store.Record{{Part: store.PartPeople, Value: renamed}}))
		must(t, "Remove", s.Remove(t.Context(), []store.Record{passed, passed}))
		must(t, "Remove", s.Remove(t.Context(), []store.Record{{Part: store.PartRingKeys, Value: firstKey}}))
		got, err := s.PersonByID(t.Context(), alice.ID)
		if d := diff(renamed, got); err != nil || d != "" {
			t.Errorf("PersonByID: %v (-restored +got)\n%s", err, d)
		}
		assigned, err := s.AssignmentsOf(t.Context(), alice.ID)
		if err != nil || len(assigned) != 2 {
			t.Errorf("AssignmentsOf = %v, %v, want two without the one that was removed", assigned, err)
		}
		wantRing(t, s, secondKey)
	}},
	{"RecordsOfOperationsAreRestoredReplacedAndRemoved", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		want := furnished()
		records, changed := operationRecords()
		want.Operations = records
		restoreAll(t, s, records)
		wantContents(t, s, want)
		for _, r := range changed {
			must(t, "Restore of "+r.Part.String(), s.Restore(t.Context(), []store.Record{r}))
			for i, was := range want.Operations[r.Part] {
				if bytes.Equal(was.Key(), r.Key()) {
					want.Operations[r.Part][i] = r
				}
			}
		}
		wantContents(t, s, want)
		parts := store.Parts()
		slices.Reverse(parts)
		for _, p := range parts {
			must(t, "Remove of "+p.String(), s.Remove(t.Context(), records[p]))
			must(t, "Remove of "+p.String()+" again", s.Remove(t.Context(), records[p]))
		}
		wantContents(t, s, furnished())
	}},
	{"RestoreIsAllOrNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		for _, c := range []struct {
			record store.Record
			want   error
		}{
			{store.Record{Part: store.PartAssignments, Value: store.Assigned{PersonID: bob.ID, RoleID: "AROANOTHING"}}, store.ErrNotFound},
			{store.Record{Part: store.PartPeople, Value: store.Person{ID: "AIDAOTHER", Name: alice.Name}}, store.ErrExists},
			{store.Record{Part: store.PartManagedPolicies, Value: store.ManagedPolicy{ARN: "arn", Account: "999999999999"}}, store.ErrNotFound},
			{store.Record{Part: store.PartStatements, Value: statement("999999999999", "1", "")}, store.ErrNotFound},
		} {
			good := store.Record{Part: c.record.Part, Value: store.Assigned{PersonID: bob.ID, RoleID: developer.ID}}
			switch c.record.Part {
			case store.PartPeople:
				good.Value = store.Person{ID: "AIDAGOOD", Name: "good"}
			case store.PartManagedPolicies:
				good.Value = readOnly
			case store.PartStatements:
				good.Value = statement(acme.ID, "1", "")
			}
			wantError(t, "Restore of "+c.record.Name(), s.Restore(t.Context(), []store.Record{good, c.record}), c.want)
		}
		for _, text := range unkeepable {
			bad := store.Record{Part: store.PartAccounts, Value: store.Account{ID: "1", Name: text}}
			if err := s.Restore(t.Context(), []store.Record{bad}); err == nil {
				t.Errorf("Restore of %+q = nil, want an error", text)
			}
		}
		if d := diff(furnished(), contentsOf(t, s)); d != "" {
			t.Errorf("contents after refusals: (-before +after)\n%s", d)
		}
	}},
}

// operationRecords are one or two records of each part that operations write, on a furnished database, and what is to
// replace the first.
func operationRecords() (all map[store.Part][]store.Record, changed []store.Record) {
	all = make(map[store.Part][]store.Record)
	add := func(p store.Part, value, other any) {
		all[p] = append(all[p], store.Record{Part: p, Value: value})
		if other != nil {
			changed = append(changed, store.Record{Part: p, Value: other})
		}
	}
	renamed := operators
	renamed.Name, renamed.Created = "renamed", later
	add(store.PartGroups, operators, renamed)
	add(store.PartGroups, staff, nil)
	add(store.PartMembers, store.Member{GroupID: staff.ID, PersonID: alice.ID}, store.Member{GroupID: staff.ID, PersonID: alice.ID})
	moved := readOnly
	moved.Account, moved.Document = globex.ID, "new"
	add(store.PartManagedPolicies, readOnly, moved)
	add(store.PartAttachments, attach(store.ToPerson, bob.ID, builtIn), attach(store.ToPerson, bob.ID, builtIn))
	add(store.PartAttachments, attach(store.ToRole, foreign.ID, readOnly.ARN), nil)
	served := registry(acme.ID, "a")
	served.Service, served.Created = "new", later
	add(store.PartResources, registry(acme.ID, "a"), served)
	judged := cluster
	judged.Account, judged.Rules, judged.Audience = globex.ID, "new", "other"
	add(store.PartTrustedIssuers, builds2, nil)
	add(store.PartTrustedIssuers, cluster, judged)
	longer := visitor
	longer.Expires, longer.Metadata = later.AddDate(1, 0, 0), "new"
	add(store.PartDynamicClients, visitor, longer)
	advanced := store.Generation{Session: visitor.ID, Generation: 7, At: noon, Request: [32]byte{0xff, 31: 1}, End: later}
	further := advanced
	further.Generation, further.Request, further.At, further.End = 9, [32]byte{}, later, later.AddDate(1, 0, 0)
	add(store.PartGenerations, advanced, further)
	said := statement(acme.ID, "1", "token")
	other := said
	other.Statement, other.ClientToken, other.Request, other.Created = "new", "", [32]byte{}, later
	add(store.PartStatements, said, other)
	add(store.PartConsoleAuthorizations, store.ConsoleAuthorization{Account: acme.ID, Created: noon}, store.ConsoleAuthorization{Account: acme.ID, Created: later})
	applied := application(acme.ID, instance, "a")
	applied.ARN, applied.Created = "new", later
	add(store.PartApplications, application(acme.ID, instance, "a"), applied)
	return all, changed
}

// fillEveryPart puts something into every part, odd text too, and returns a session that is among it.
func fillEveryPart(t *testing.T, s store.Store) signin.Session {
	t.Helper()
	furnish(t, s)
	ctx := t.Context()
	for i, text := range oddTexts {
		id := numbered("odd", i)
		must(t, "AddAccount", s.AddAccount(ctx, store.Account{ID: text, Name: text, Created: noon}))
		must(t, "AddPerson", s.AddPerson(ctx, store.Person{ID: text, Name: text + id, PasswordHash: text, Created: noon, PasswordChanged: later}))
		must(t, "AddRole", s.AddRole(ctx, store.Role{ID: text, Account: text, Name: text, Policy: text, Created: noon}))
		must(t, "Assign", s.Assign(ctx, text, text))
		must(t, "Assign", s.Assign(ctx, text, developer.ID))
		must(t, "Announce", s.Announce(ctx, revoked(text)))
		e := event(noon, text)
		e.Detail, e.Remote = text, text
		must(t, "RecordAudit", s.RecordAudit(ctx, []store.AuditEvent{e}))
		for call, err := range fillOperations(ctx, s, text, text, text) {
			must(t, call, err)
		}
	}
	must(t, "SetPassword", s.SetPassword(ctx, alice.ID, "h", noon, later))
	must(t, "RetireRingKey", s.RetireRingKey(ctx, firstKey.ID, firstKey.Expires, time.Time{}))
	code := session(noon)
	code.Key, code.Methods = signin.Thumbprint{}, ""
	must(t, "RedeemCode", s.RedeemCode(ctx, code))
	must(t, "RedeemCode", s.RedeemCode(ctx, session(noon.Add(-time.Hour))))
	wantLags(t, s, 0, reports(code.ID, 9))
	wantAdvance(t, s, bring(code.ID, 0, "first"), noon, noon, nil)
	return code
}

// archiveOf returns all records of s.
func archiveOf(t *testing.T, s store.Store) map[store.Part][]store.Record {
	t.Helper()
	all := make(map[store.Part][]store.Record)
	for _, p := range store.Parts() {
		all[p] = recordsOf(t, s, p)
	}
	return all
}

// recordsOf returns the records of a part, and fails the test unless they come once and by their keys.
func recordsOf(t *testing.T, s store.Store, p store.Part) []store.Record {
	t.Helper()
	var all []store.Record
	var last []byte
	for r, err := range s.Contents(t.Context(), p) {
		must(t, "Contents of "+p.String(), err)
		key := r.Key()
		if r.Part != p || (len(all) > 0 && bytes.Compare(last, key) >= 0) {
			t.Fatalf("Contents(%v) gave a record of %v with the key %q after %q", p, r.Part, key, last)
		}
		all, last = append(all, r), key
	}
	return all
}

func restoreAll(t *testing.T, s store.Store, all map[store.Part][]store.Record) {
	t.Helper()
	for _, p := range store.Parts() {
		must(t, "Restore of "+p.String(), s.Restore(t.Context(), all[p]))
	}
}

func wantSameArchive(t *testing.T, want, got map[store.Part][]store.Record) {
	t.Helper()
	for _, p := range store.Parts() {
		if d := diff(want[p], got[p]); d != "" {
			t.Errorf("%v: (-original +copy)\n%s", p, d)
		}
		for i := range min(len(want[p]), len(got[p])) {
			if w, g := want[p][i].Canonical(), got[p][i].Canonical(); !bytes.Equal(w, g) {
				t.Errorf("%v: record %s has the canonical form %q in the copy, want %q", p, want[p][i].Name(), g, w)
			}
		}
	}
}
