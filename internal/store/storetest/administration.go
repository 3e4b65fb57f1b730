package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// administrators is how many callers change the directory at once, half of them through another store. An engine that
// lets transactions run beside each other and refuses one of them at the end has its driver try again: no caller sees it.
const administrators = 12

// administer calls f from all administrators at once, on a furnished database, and returns what they got and a store.
func administer(t *testing.T, db *database, f func(s store.Store, i int) error) (store.Store, []error) {
	t.Helper()
	stores := []store.Store{db.open(t), db.open(t)}
	furnish(t, stores[0])
	return stores[1], together(administrators, func(i int) error { return f(stores[i%2], i) })
}

// wantAll fails the test unless every administrator got want.
func wantAll(t *testing.T, call string, errs []error, want error) {
	t.Helper()
	for i, err := range errs {
		wantError(t, fmt.Sprintf("%s by administrator %d", call, i), err, want)
	}
}

// wantNotices fails the test unless exactly n notices were given, each with the reason and subject.
func wantNotices(t *testing.T, s store.Store, n int, reason signin.Reason, subject string) {
	t.Helper()
	got := noticesAfter(t, s, 0, 1000)
	if len(got) != n {
		t.Errorf("NoticesAfter gave %d notices, want %d", len(got), n)
	}
	for _, notice := range got {
		if notice.Reason != reason || notice.Subject != subject {
			t.Errorf("NoticesAfter gave %+v, want reason %v and subject %s", notice, reason, subject)
		}
	}
}

var administrationTests = []test{
	{"ChangesOfOneRowAllHappen", func(t *testing.T, db *database) {
		s, errs := administer(t, db, func(s store.Store, i int) error {
			return s.SetPassword(t.Context(), alice.ID, numbered("hash", i), noon, later)
		})
		wantAll(t, "SetPassword", errs, nil)
		wantNotices(t, s, administrators, signin.ChangedCredentials, alice.ID)
		got, err := s.PersonByID(t.Context(), alice.ID)
		must(t, "PersonByID", err)
		var i int
		if n, err := fmt.Sscanf(got.PasswordHash, "hash%d", &i); n != 1 || err != nil || i >= administrators {
			t.Errorf("PasswordHash = %q, want that of an administrator", got.PasswordHash)
		}
	}},
	{"OneTakesTheAssignmentAway", func(t *testing.T, db *database) {
		s, errs := administer(t, db, func(s store.Store, _ int) error {
			return s.Unassign(t.Context(), alice.ID, developer.ID, noon, later)
		})
		onlyWinner(t, "Unassign", errs, store.ErrNotFound)
		wantNotices(t, s, 1, signin.RemovedAssignment, signin.AssignmentSubject(alice.ID, developer.ID))
	}},
	{"AssigningAgainIsNoErrorAtOnceEither", func(t *testing.T, db *database) {
		s, errs := administer(t, db, func(s store.Store, _ int) error { return s.Assign(t.Context(), bob.ID, developer.ID) })
		wantAll(t, "Assign", errs, nil)
		got, err := s.AssignmentsOf(t.Context(), bob.ID)
		if d := diff([]store.Assignment{{AccountName: acme.Name, Role: developer}}, got); err != nil || d != "" {
			t.Errorf("AssignmentsOf: %v (-want +got)\n%s", err, d)
		}
	}},
	{"OneTakesTheNameOfARole", func(t *testing.T, db *database) {
		s, errs := administer(t, db, func(s store.Store, i int) error {
			return s.AddRole(t.Context(), store.Role{ID: numbered("AROA", i), Account: acme.ID, Name: "Operator", Created: noon})
		})
		winner := onlyWinner(t, "AddRole", errs, store.ErrExists)
		got, err := s.RoleByName(t.Context(), acme.ID, "Operator")
		if want := numbered("AROA", winner); err != nil || got.ID != want {
			t.Errorf("RoleByName = %q, %v, want the winner's %q", got.ID, err, want)
		}
	}},
	// A client and its redirect URIs are rows of two tables.
	{"OneAddsTheClient", func(t *testing.T, db *database) {
		client := func(i int) signin.Client {
			return signin.Client{
				ID: "raced", Class: signin.Confidential, Name: numbered("name", i), Principal: robot.ID,
				RedirectURIs: []string{numbered("https://a.example/", i), numbered("https://b.example/", i)},
			}
		}
		s, errs := administer(t, db, func(s store.Store, i int) error { return s.AddClient(t.Context(), client(i)) })
		winner := onlyWinner(t, "AddClient", errs, store.ErrExists)
		got, err := s.ClientByID(t.Context(), "raced")
		if d := diff(client(winner), got); err != nil || d != "" {
			t.Errorf("ClientByID: %v (-winner's +got)\n%s", err, d)
		}
	}},
	{"ChangesOfDifferentKindsAllHappen", func(t *testing.T, db *database) {
		ctx := t.Context()
		changes := []func(s store.Store, i int) error{
			func(s store.Store, _ int) error { return s.DisablePerson(ctx, alice.ID, noon, later) },
			func(s store.Store, i int) error {
				return s.SetRolePolicy(ctx, developer.ID, numbered("p", i), i%2 == 0, noon, later)
			},
			func(s store.Store, i int) error {
				return s.AddPerson(ctx, store.Person{ID: numbered("AIDA", i), Name: numbered("n", i), Created: noon, PasswordChanged: noon})
			},
			func(s store.Store, i int) error {
				return errors.Join(
					s.AddAccount(ctx, store.Account{ID: numbered("account", i), Created: noon}),
					s.AddRole(ctx, store.Role{ID: numbered("AROA", i), Account: numbered("account", i), Name: "r", Created: noon}),
					s.Assign(ctx, alice.ID, numbered("AROA", i)))
			},
			func(s store.Store, i int) error {
				return errors.Join(
					s.AddAccessKey(ctx, store.AccessKey{ID: numbered("AKIA", i), User: robot.ID, Created: noon}),
					s.DisableAccessKey(ctx, robotKey.ID))
			},
			func(s store.Store, _ int) error {
				err := s.RetireRingKey(ctx, firstKey.ID, firstKey.Expires, later)
				if errors.Is(err, store.ErrNotFound) { // another was first
					return nil
				}
				return err
			},
		}
		s, errs := administer(t, db, func(s store.Store, i int) error {
			for j := range changes { // each in a turn of its own
				kind := (i + j) % len(changes)
				if err := changes[kind](s, i); err != nil {
					return fmt.Errorf("change of kind %d: %w", kind, err)
				}
			}
			return nil
		})
		wantAll(t, "changes", errs, nil)
		got := contentsOf(t, s)
		for _, c := range []struct {
			what      string
			got, want int
		}{
			{"notices", len(got.Notices), 2 * administrators}, {"people", len(got.People), 2 + administrators},
			{"accounts", len(got.Accounts), 2 + administrators}, {"roles", len(got.Roles), 3 + administrators},
			{"assignments of alice", len(got.Assignments[alice.ID]), 3 + administrators},
		} {
			if c.got != c.want {
				t.Errorf("%s = %d, want %d", c.what, c.got, c.want)
			}
		}
		if !got.Key.Disabled || !got.Ring[0].Expires.Equal(later) {
			t.Errorf("access key %+v and ring key %+v, want the one disabled and the other retired", got.Key, got.Ring[0])
		}
		for i := range administrators {
			k, _, err := s.AccessKeyByID(ctx, numbered("AKIA", i))
			if err != nil || k.User != robot.ID {
				t.Errorf("AccessKeyByID of administrator %d's = %+v, %v", i, k, err)
			}
		}
	}},
	// What was removed stays removed, whoever adds beside it.
	{"AdministrationBesideLogins", func(t *testing.T, db *database) {
		codes := make([]signin.Session, administrators)
		for i := range codes {
			codes[i] = session(noon)
		}
		s, errs := administer(t, db, func(s store.Store, i int) error {
			switch i % 3 {
			case 0:
				return s.SetRolePolicy(t.Context(), developer.ID, "p", true, noon, later)
			case 1:
				_, err := s.ReportSteps(t.Context(), reports(codes[i].ID, 1), 2)
				return errors.Join(err, s.RecordAudit(t.Context(), []store.AuditEvent{event(noon, alice.ID)}))
			default:
				return s.RedeemCode(t.Context(), codes[i])
			}
		})
		wantAll(t, "write", errs, nil)
		wantNotices(t, s, administrators/3, signin.DeniedRole, developer.ID)
		for i := 2; i < len(codes); i += 3 {
			wantError(t, numbered("RedeemCode again ", i), s.RedeemCode(t.Context(), codes[i]), store.ErrSpent)
		}
	}},
}
