package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// statement returns one that came with a client token, which may be empty.
func statement(account, id, token string) store.PermissionStatement {
	return store.PermissionStatement{
		Account: account, ID: id, Statement: `{"of":"` + id + `"}`, ClientToken: token, Request: sha256.Sum256([]byte(token)), Created: noon,
	}
}

// put puts st, and fails the test unless that gives want.
func put(t *testing.T, s store.Store, st store.PermissionStatement, quota int, want store.PermissionStatement) {
	t.Helper()
	got, err := s.PutStatement(t.Context(), st, quota, noon, later)
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("PutStatement %s: %v (-want +got)\n%s", st.ID, err, d)
	}
}

func refusePut(t *testing.T, s store.Store, st store.PermissionStatement, quota int, want error) {
	t.Helper()
	_, err := s.PutStatement(t.Context(), st, quota, noon, later)
	wantError(t, "PutStatement "+st.ID, err, want)
}

func wantStatements(t *testing.T, s store.Store, account string, want ...store.PermissionStatement) {
	t.Helper()
	got, err := s.Statements(t.Context(), account, "", 1000)
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("Statements(%s): %v (-want +got)\n%s", account, err, d)
	}
}

var statementTests = []test{
	{"StatementsComeByIDFromOneToTheNext", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		var all []store.PermissionStatement
		for _, id := range []string{"+a", "/a", "0a", "AA", "Aa", "aA", "aa"} { // the order of bytes, which is no other
			all = append(all, statement(acme.ID, id, ""))
		}
		for i := range all {
			st := all[i*3%len(all)]
			put(t, s, st, 10, st)
		}
		other := statement(globex.ID, "AA", "")
		put(t, s, other, 10, other)
		wantStatements(t, s, acme.ID, all...)
		wantStatements(t, s, globex.ID, other)
		wantStatements(t, s, "999999999999")
		for _, c := range []struct {
			after string
			limit int
			want  []store.PermissionStatement
		}{
			{"", 3, all[:3]}, {all[2].ID, 3, all[3:6]}, {all[5].ID, 3, all[6:]}, {all[6].ID, 3, nil}, {"B", 2, all[5:]}, {"", 0, nil}, {"", -1, nil}, {"", math.MaxInt32, all},
		} {
			got, err := s.Statements(t.Context(), acme.ID, c.after, c.limit)
			if d := diff(c.want, got); err != nil || d != "" {
				t.Errorf("Statements(%q, %d): %v (-want +got)\n%s", c.after, c.limit, err, d)
			}
		}
	}},
	{"ClientTokenGivesTheSameStatement", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		last := lastNotice(t, s)
		first := statement(acme.ID, "1", "token")
		put(t, s, first, 1, first)
		last = wantAnnounced(t, "PutStatement", s, last, signin.ChangedPerimeter, acme.ID)
		retry := statement(acme.ID, "2", "token")
		retry.Created = later
		put(t, s, retry, 1, first) // though there are as many as there may be
		put(t, s, retry, 0, first)
		changed := statement(acme.ID, "3", "token")
		changed.Request[31] ^= 1
		refusePut(t, s, changed, 10, store.ErrConflict)
		refusePut(t, s, changed, 1, store.ErrConflict)
		wantStatements(t, s, acme.ID, first)
		wantAnnounced(t, "PutStatement again", s, last, 0)

		// The token of another account, or another token, is another.
		theirs := statement(globex.ID, "1", "token")
		theirs.Request[0] ^= 1
		put(t, s, theirs, 1, theirs)
		upper := statement(acme.ID, "4", "Token")
		put(t, s, upper, 10, upper)
		// None is never the same.
		for _, id := range []string{"5", "6"} {
			st := statement(acme.ID, id, "")
			put(t, s, st, 10, st)
		}
		// What was deleted does not come back.
		must(t, "DeleteStatement", s.DeleteStatement(t.Context(), acme.ID, first.ID, noon, later))
		put(t, s, changed, 10, changed)
		wantStatements(t, s, acme.ID, changed, upper, statement(acme.ID, "5", ""), statement(acme.ID, "6", ""))
	}},
	{"QuotaIsOfEachAccount", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		for i := range 3 {
			st := statement(acme.ID, numbered("s", i), numbered("token", i))
			refusePut(t, s, st, i, store.ErrQuota)
			refusePut(t, s, st, -1, store.ErrQuota)
			put(t, s, st, i+1, st)
		}
		refusePut(t, s, statement(acme.ID, "x", "x"), 3, store.ErrQuota)
		refusePut(t, s, statement(acme.ID, "x", ""), 2, store.ErrQuota) // it may have been lowered
		other := statement(globex.ID, "x", "x")
		put(t, s, other, 3, other)
		must(t, "DeleteStatement", s.DeleteStatement(t.Context(), acme.ID, numbered("s", 1), noon, later))
		st := statement(acme.ID, "x", "x")
		put(t, s, st, 3, st)
		refusePut(t, s, statement(acme.ID, "y", ""), 3, store.ErrQuota)
	}},
	{"PutAndDeleteAreAnnounced", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		last := lastNotice(t, s)
		st := statement(acme.ID, "1", "")
		put(t, s, st, 1, st)
		last = wantAnnounced(t, "PutStatement", s, last, signin.ChangedPerimeter, acme.ID)
		must(t, "DeleteStatement", s.DeleteStatement(ctx, acme.ID, "1", noon, later))
		last = wantAnnounced(t, "DeleteStatement", s, last, signin.ChangedPerimeter, acme.ID)
		must(t, "SetConsoleAuthorization", s.SetConsoleAuthorization(ctx, acme.ID, true, noon, later))
		last = wantAnnounced(t, "SetConsoleAuthorization", s, last, signin.ChangedPerimeter, acme.ID)
		put(t, s, st, 1, st)
		wantAnnounced(t, "PutStatement that takes effect", s, last, signin.ChangedPerimeter, acme.ID)
	}},
	{"ConflictsOfStatementsChangeNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		st := statement(acme.ID, "1", "token")
		put(t, s, st, 5, st)
		putting := func(st store.PermissionStatement, quota int) func(ctx context.Context, s store.Store) error {
			return func(ctx context.Context, s store.Store) error {
				got, err := s.PutStatement(ctx, st, quota, noon, later)
				if d := diff(store.PermissionStatement{}, got); d != "" {
					return errors.New("it failed and returned " + got.ID)
				}
				return err
			}
		}
		deleting := func(account, id string) func(ctx context.Context, s store.Store) error {
			return func(ctx context.Context, s store.Store) error {
				return s.DeleteStatement(ctx, account, id, noon, later)
			}
		}
		wantRefused(t, s, []refusal{
			{"PutStatement in an unknown account", store.ErrNotFound, putting(statement("999999999999", "1", "token"), 5)},
			{"PutStatement with a taken id", store.ErrExists, putting(statement(acme.ID, "1", ""), 5)},
			{"PutStatement above the quota", store.ErrQuota, putting(statement(acme.ID, "2", ""), 1)},
			{"DeleteStatement", store.ErrNotFound, deleting(acme.ID, "2")},
			{"DeleteStatement of another account", store.ErrNotFound, deleting(globex.ID, "1")},
			{"DeleteStatement by its token", store.ErrNotFound, deleting(acme.ID, "token")},
		})
	}},
	{"QuotaHoldsAgainstManyAtOnce", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		furnish(t, stores[0])
		last := lastNotice(t, stores[0])
		const quota, callers = 5, 24
		errs := together(callers, func(i int) error {
			_, err := stores[i%2].PutStatement(t.Context(), statement(acme.ID, numbered("s", i), ""), quota, noon, later)
			return err
		})
		kept := 0
		for i, err := range errs {
			switch {
			case err == nil:
				kept++
			case !errors.Is(err, store.ErrQuota):
				t.Errorf("PutStatement of caller %d = %v, want nil or ErrQuota", i, err)
			}
		}
		got, err := stores[1].Statements(t.Context(), acme.ID, "", 100)
		if err != nil || kept != quota || len(got) != quota {
			t.Errorf("%d callers were told that theirs is kept and %d statements are there, %v, want %d", kept, len(got), err, quota)
		}
		if n := len(noticesAfter(t, stores[0], last, 100)); n != quota {
			t.Errorf("%d changes were announced, want %d", n, quota)
		}
	}},
	// A client that hears nothing tries again at another node, while the first may still be at work.
	{"OneClientTokenAtOncePutsOnce", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		furnish(t, stores[0])
		last := lastNotice(t, stores[0])
		for round := range 8 {
			const callers = 16
			var got [callers]store.PermissionStatement
			token := numbered("token", round)
			errs := together(callers, func(i int) (err error) {
				st := statement(acme.ID, numbered(token, i), token)
				if i%4 == 3 {
					st.Request[0] ^= 1
				}
				got[i], err = stores[i%2].PutStatement(t.Context(), st, 8, noon, later)
				return err
			})
			var made store.PermissionStatement
			for i := range got {
				if errs[i] == nil {
					made = got[i]
				}
			}
			for i, err := range errs {
				want := error(nil)
				if made.Request != statement("", "", token).Request != (i%4 == 3) {
					want = store.ErrConflict
				}
				wantError(t, numbered("PutStatement of caller ", i), err, want)
				if d := diff(made, got[i]); err == nil && d != "" {
					t.Errorf("PutStatement of caller %d: (-another's +got)\n%s", i, d)
				}
			}
			last = wantAnnounced(t, "PutStatement", stores[1], last, signin.ChangedPerimeter, acme.ID)
		}
		got, err := stores[1].Statements(t.Context(), acme.ID, "", 100)
		if err != nil || len(got) != 8 {
			t.Errorf("Statements gave %d, %v, want one for each client token", len(got), err)
		}
	}},
}
