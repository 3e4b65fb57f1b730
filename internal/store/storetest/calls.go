package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// call is one method of the contract, called so that it would succeed on a furnished database.
type call struct {
	method string
	do     func(ctx context.Context, s store.Store) error
}

// calls are all methods but Close. Those that add come first of their kind and add something new.
var calls = slices.Concat(firstCalls, operationCalls)

var firstCalls = []call{
	{"RedeemCode", func(ctx context.Context, s store.Store) error { return s.RedeemCode(ctx, session(noon)) }},
	{"SessionByID", func(ctx context.Context, s store.Store) error {
		_, err := s.SessionByID(ctx, signin.NewSessionID(noon))
		return err
	}},
	{"Announce", func(ctx context.Context, s store.Store) error { return s.Announce(ctx, revoked("x")) }},
	{"NoticesAfter", func(ctx context.Context, s store.Store) error {
		_, err := s.NoticesAfter(ctx, 0, 10)
		return err
	}},
	{"LastNotice", func(ctx context.Context, s store.Store) error {
		_, err := s.LastNotice(ctx)
		return err
	}},
	{"AddAccount", func(ctx context.Context, s store.Store) error {
		return s.AddAccount(ctx, store.Account{ID: "777788889999", Created: noon})
	}},
	{"AccountByID", func(ctx context.Context, s store.Store) error {
		_, err := s.AccountByID(ctx, acme.ID)
		return err
	}},
	{"Accounts", func(ctx context.Context, s store.Store) error {
		_, err := s.Accounts(ctx)
		return err
	}},
	{"AddPerson", func(ctx context.Context, s store.Store) error {
		return s.AddPerson(ctx, store.Person{ID: "AIDACAROL00000000000", Name: "carol", Created: noon, PasswordChanged: noon})
	}},
	{"PersonByName", func(ctx context.Context, s store.Store) error {
		_, err := s.PersonByName(ctx, alice.Name)
		return err
	}},
	{"PersonByID", func(ctx context.Context, s store.Store) error {
		_, err := s.PersonByID(ctx, alice.ID)
		return err
	}},
	{"People", func(ctx context.Context, s store.Store) error {
		_, err := s.People(ctx)
		return err
	}},
	{"SetPassword", func(ctx context.Context, s store.Store) error {
		return s.SetPassword(ctx, alice.ID, "new", noon, later)
	}},
	{"DisablePerson", func(ctx context.Context, s store.Store) error { return s.DisablePerson(ctx, alice.ID, noon, later) }},
	{"EnablePerson", func(ctx context.Context, s store.Store) error { return s.EnablePerson(ctx, bob.ID) }},
	{"AddRole", func(ctx context.Context, s store.Store) error {
		return s.AddRole(ctx, store.Role{ID: "AROANEW0000000000000", Account: acme.ID, Name: "New", Created: noon})
	}},
	{"RoleByName", func(ctx context.Context, s store.Store) error {
		_, err := s.RoleByName(ctx, acme.ID, developer.Name)
		return err
	}},
	{"Roles", func(ctx context.Context, s store.Store) error {
		_, err := s.Roles(ctx)
		return err
	}},
	{"SetRolePolicy", func(ctx context.Context, s store.Store) error {
		return s.SetRolePolicy(ctx, developer.ID, "new", true, noon, later)
	}},
	{"Assign", func(ctx context.Context, s store.Store) error { return s.Assign(ctx, bob.ID, developer.ID) }},
	{"Unassign", func(ctx context.Context, s store.Store) error {
		return s.Unassign(ctx, alice.ID, developer.ID, noon, later)
	}},
	{"AssignmentsOf", func(ctx context.Context, s store.Store) error {
		_, err := s.AssignmentsOf(ctx, alice.ID)
		return err
	}},
	{"AddServiceUser", func(ctx context.Context, s store.Store) error {
		return s.AddServiceUser(ctx, store.ServiceUser{ID: "AIDANEW0000000000000", Account: acme.ID, Name: "new", Created: noon})
	}},
	{"ServiceUserByName", func(ctx context.Context, s store.Store) error {
		_, err := s.ServiceUserByName(ctx, acme.ID, robot.Name)
		return err
	}},
	{"AddAccessKey", func(ctx context.Context, s store.Store) error {
		return s.AddAccessKey(ctx, store.AccessKey{ID: "AKIANEW0000000000000", User: robot.ID, Created: noon})
	}},
	{"AccessKeyByID", func(ctx context.Context, s store.Store) error {
		_, _, err := s.AccessKeyByID(ctx, robotKey.ID)
		return err
	}},
	{"DisableAccessKey", func(ctx context.Context, s store.Store) error { return s.DisableAccessKey(ctx, robotKey.ID) }},
	{"AddClient", func(ctx context.Context, s store.Store) error {
		return s.AddClient(ctx, signin.Client{ID: signin.ConfidentialPrefix + "new", Class: signin.Confidential, Principal: robot.ID})
	}},
	{"ClientByID", func(ctx context.Context, s store.Store) error {
		_, err := s.ClientByID(ctx, portal.ID)
		return err
	}},
	{"RingKeys", func(ctx context.Context, s store.Store) error {
		_, err := s.RingKeys(ctx)
		return err
	}},
	{"AddRingKeys", func(ctx context.Context, s store.Store) error {
		return s.AddRingKeys(ctx, 2, []store.RingKey{{ID: 3, Created: noon, UseFrom: noon, Wrapped: []byte("w")}})
	}},
	{"RewrapRingKeys", func(ctx context.Context, s store.Store) error {
		return s.RewrapRingKeys(ctx, []store.Rewrap{{ID: firstKey.ID, From: firstKey.Wrapped, To: []byte("new")}})
	}},
	{"RetireRingKey", func(ctx context.Context, s store.Store) error {
		return s.RetireRingKey(ctx, firstKey.ID, firstKey.Expires, later)
	}},
	{"DeleteRingKeys", func(ctx context.Context, s store.Store) error { return s.DeleteRingKeys(ctx, later.AddDate(1, 0, 0)) }},
	{"ReportSteps", func(ctx context.Context, s store.Store) error {
		_, err := s.ReportSteps(ctx, []store.StepReport{{Session: signin.NewSessionID(noon), Step: 1, End: later}}, 2)
		return err
	}},
	{"RecordAudit", func(ctx context.Context, s store.Store) error {
		return s.RecordAudit(ctx, []store.AuditEvent{event(noon, alice.ID)})
	}},
	{"AuditEvents", func(ctx context.Context, s store.Store) error {
		_, err := s.AuditEvents(ctx, store.AuditQuery{Person: alice.ID, Limit: 10})
		return err
	}},
	{"SweepAudit", func(ctx context.Context, s store.Store) error {
		_, err := s.SweepAudit(ctx, noon.AddDate(-1, 0, 0), 10)
		return err
	}},
	{"Contents", func(ctx context.Context, s store.Store) error {
		for _, err := range s.Contents(ctx, store.PartPeople) {
			return err
		}
		return errors.New("it gave nothing")
	}},
	{"Restore", func(ctx context.Context, s store.Store) error {
		return s.Restore(ctx, []store.Record{{Part: store.PartAccounts, Value: store.Account{ID: "000011112222", Created: noon}}})
	}},
	{"Remove", func(ctx context.Context, s store.Store) error {
		return s.Remove(ctx, []store.Record{{Part: store.PartAccounts, Value: store.Account{ID: "000011112222"}}})
	}},
	{"Mark", func(ctx context.Context, s store.Store) error {
		_, err := s.Mark(ctx)
		return err
	}},
	{"SetMark", func(ctx context.Context, s store.Store) error { return s.SetMark(ctx, store.Mark{}) }},
	{"MoveAway", func(ctx context.Context, s store.Store) error {
		err := s.MoveAway(ctx, "x", noon, func(context.Context) error { return errNotMoved })
		if errors.Is(err, errNotMoved) {
			return nil
		}
		return err
	}},
	{"Ping", func(ctx context.Context, s store.Store) error { return s.Ping(ctx) }},
	{"Sweep", func(ctx context.Context, s store.Store) error {
		_, err := s.Sweep(ctx, later.AddDate(1, 0, 0), 10)
		return err
	}},
}

// errNotMoved keeps a database where it is.
var errNotMoved = errors.New("not moved after all")

// revoked returns a notice about a session.
func revoked(subject string) signin.Notice {
	return signin.Notice{Reason: signin.RevokedSession, Subject: subject, At: noon, Expires: later}
}
