package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const instance = "arn:aws:sso:::instance/ssoins-1234567890abcdef"

// application returns one of an account for an instance.
func application(account, instance, name string) store.PropagationApplication {
	return store.PropagationApplication{Account: account, Instance: instance, ARN: "arn:aws:sso::" + account + ":application/" + name, Created: noon}
}

func wantEffective(t *testing.T, s store.Store, want ...store.PermissionStatement) {
	t.Helper()
	got, err := s.EffectiveStatements(t.Context())
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("EffectiveStatements: %v (-want +got)\n%s", err, d)
	}
}

var perimeterTests = []test{
	{"StatementsTakeEffectWhereTheyAreSwitchedOn", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		mine, second, theirs := statement(acme.ID, "2", ""), statement(acme.ID, "3", ""), statement(globex.ID, "1", "")
		for _, st := range []store.PermissionStatement{theirs, second, mine} {
			put(t, s, st, 5, st)
		}
		last := lastNotice(t, s)
		wantEffective(t, s)
		_, err := s.ConsoleAuthorizationOf(ctx, acme.ID)
		wantError(t, "ConsoleAuthorizationOf where it never was on", err, store.ErrNotFound)
		set := func(account string, on bool, at time.Time, subjects ...string) {
			t.Helper()
			must(t, "SetConsoleAuthorization", s.SetConsoleAuthorization(ctx, account, on, at, later))
			last = wantAnnounced(t, fmt.Sprintf("SetConsoleAuthorization(%s, %v)", account, on), s, last, signin.ChangedPerimeter, subjects...)
		}
		set(acme.ID, false, noon) // it never was on
		set(acme.ID, true, noon, acme.ID)
		wantEffective(t, s, mine, second)
		set(acme.ID, true, later)
		got, err := s.ConsoleAuthorizationOf(ctx, acme.ID)
		if d := diff(store.ConsoleAuthorization{Account: acme.ID, Created: noon}, got); err != nil || d != "" {
			t.Errorf("ConsoleAuthorizationOf: %v (-want +got)\n%s", err, d)
		}
		set(globex.ID, true, noon, globex.ID)
		wantEffective(t, s, mine, second, theirs)
		set(acme.ID, false, noon, acme.ID)
		wantEffective(t, s, theirs)
		set(acme.ID, false, later)
		_, err = s.ConsoleAuthorizationOf(ctx, acme.ID)
		wantError(t, "ConsoleAuthorizationOf where it was switched off", err, store.ErrNotFound)
		must(t, "DeleteStatement", s.DeleteStatement(ctx, globex.ID, "1", noon, later))
		wantEffective(t, s)
		wantStatements(t, s, acme.ID, mine, second)
	}},
	{"AuthorizationOfAMissingAccountIsRefused", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		var refused []refusal
		for _, on := range []bool{true, false} {
			refused = append(refused, refusal{fmt.Sprintf("SetConsoleAuthorization to %v", on), store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.SetConsoleAuthorization(ctx, "999999999999", on, noon, later)
			}})
		}
		wantRefused(t, s, refused)
	}},
	{"SwitchingAtOnceIsAnnouncedOnce", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		furnish(t, stores[0])
		last := lastNotice(t, stores[0])
		for round := range 4 {
			errs := together(administrators, func(i int) error {
				return stores[i%2].SetConsoleAuthorization(t.Context(), acme.ID, round%2 == 0, noon, later)
			})
			wantAll(t, "SetConsoleAuthorization", errs, nil)
			last = wantAnnounced(t, "SetConsoleAuthorization", stores[round%2], last, signin.ChangedPerimeter, acme.ID)
		}
	}},
	// The statements of an account are read together: one of them alone may let in what another keeps out.
	{"EffectiveStatementsAreOfOneMoment", func(t *testing.T, db *database) {
		writer, reader := db.open(t), db.open(t)
		furnish(t, writer)
		ctx := t.Context()
		must(t, "SetConsoleAuthorization", writer.SetConsoleAuthorization(ctx, acme.ID, true, noon, later))
		st := statement(acme.ID, numbered("s", 0), "")
		put(t, writer, st, 2, st)
		whileWriting(t, func() error {
			for i := range 50 { // each takes the place of the one before
				_, err := writer.PutStatement(ctx, statement(acme.ID, numbered("s", i+1), ""), 2, noon, later)
				err = errors.Join(err, writer.DeleteStatement(ctx, acme.ID, numbered("s", i), noon, later))
				if err != nil {
					return err
				}
			}
			return nil
		}, func() error {
			got, err := reader.EffectiveStatements(ctx)
			if err != nil || len(got) < 1 || len(got) > 2 {
				return fmt.Errorf("EffectiveStatements = %v, %v, want one or two", got, err)
			}
			return nil
		})
	}},
	{"AccountHasOneApplicationForAnInstance", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		first, elsewhere, theirs := application(acme.ID, instance, "b"), application(acme.ID, instance+"0", "c"), application(globex.ID, instance, "d")
		again := application(acme.ID, instance, "a")
		again.Created = later
		for _, c := range []struct{ add, want store.PropagationApplication }{
			{first, first}, {elsewhere, elsewhere}, {theirs, theirs}, {again, first}, {first, first},
		} {
			got, err := s.AddPropagationApplication(ctx, c.add)
			if d := diff(c.want, got); err != nil || d != "" {
				t.Errorf("AddPropagationApplication %s: %v (-want +got)\n%s", c.add.ARN, err, d)
			}
		}
		_, err := s.AddPropagationApplication(ctx, application("999999999999", instance, "x"))
		wantError(t, "AddPropagationApplication in an unknown account", err, store.ErrNotFound)
		for _, c := range []struct {
			account, instance string
			want              []store.PropagationApplication
		}{
			{acme.ID, instance, []store.PropagationApplication{first}}, {acme.ID, elsewhere.Instance, []store.PropagationApplication{elsewhere}},
			{globex.ID, instance, []store.PropagationApplication{theirs}}, {globex.ID, elsewhere.Instance, nil}, {acme.ID, "", nil},
		} {
			got, err := s.PropagationApplications(ctx, c.account, c.instance)
			if d := diff(c.want, got); err != nil || d != "" {
				t.Errorf("PropagationApplications(%s, %s): %v (-want +got)\n%s", c.account, c.instance, err, d)
			}
		}
		wantAnnounced(t, "applications", s, 0, 0)
	}},
	{"ApplicationAddedAtOnceIsOne", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		furnish(t, stores[0])
		const callers = 16
		var got [callers]store.PropagationApplication
		errs := together(callers, func(i int) (err error) {
			got[i], err = stores[i%2].AddPropagationApplication(t.Context(), application(acme.ID, instance, numbered("a", i)))
			return err
		})
		wantAll(t, "AddPropagationApplication", errs, nil)
		kept, err := stores[0].PropagationApplications(t.Context(), acme.ID, instance)
		if err != nil || len(kept) != 1 {
			t.Fatalf("PropagationApplications = %v, %v, want one", kept, err)
		}
		for i := range got {
			if d := diff(kept[0], got[i]); d != "" {
				t.Errorf("AddPropagationApplication of caller %d: (-kept +got)\n%s", i, d)
			}
		}
	}},
}
