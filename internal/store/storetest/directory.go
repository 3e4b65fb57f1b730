package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var directoryTests = []test{
	{"WhatWasAddedIsFound", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		if d := diff(furnished(), contentsOf(t, s)); d != "" {
			t.Errorf("contents: (-added +got)\n%s", d)
		}
		got, err := s.PersonByName(t.Context(), bob.Name)
		if d := diff(bob, got); err != nil || d != "" {
			t.Errorf("PersonByName: %v (-added +got)\n%s", err, d)
		}
		got, err = s.PersonByID(t.Context(), bob.ID)
		if d := diff(bob, got); err != nil || d != "" {
			t.Errorf("PersonByID: %v (-added +got)\n%s", err, d)
		}
		account, err := s.AccountByID(t.Context(), globex.ID)
		if d := diff(globex, account); err != nil || d != "" {
			t.Errorf("AccountByID: %v (-added +got)\n%s", err, d)
		}
		role, err := s.RoleByName(t.Context(), globex.ID, foreign.Name)
		if d := diff(foreign, role); err != nil || d != "" {
			t.Errorf("RoleByName: %v (-added +got)\n%s", err, d)
		}
	}},
	{"ConflictsAreRefusedAndChangeNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		for _, c := range conflicts {
			wantError(t, c.call, c.do(t.Context(), s), c.want)
		}
		if d := diff(furnished(), contentsOf(t, s)); d != "" {
			t.Errorf("contents after refusals: (-before +after)\n%s", d)
		}
	}},
	{"WhatIsNotThereIsNotFound", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		for _, c := range missing {
			wantError(t, c.method, c.do(t.Context(), s), store.ErrNotFound)
		}
		got, err := s.AssignmentsOf(t.Context(), "AIDANOBODY")
		if err != nil || len(got) != 0 {
			t.Errorf("AssignmentsOf somebody unknown = %v, %v, want none", got, err)
		}
	}},
	{"NamesMayComeAgainElsewhere", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		wantError(t, "AddServiceUser named as a person", s.AddServiceUser(ctx, store.ServiceUser{ID: "AIDA1", Account: acme.ID, Name: alice.Name}), nil)
		wantError(t, "AddServiceUser named as one of another account", s.AddServiceUser(ctx, store.ServiceUser{ID: "AIDA2", Account: globex.ID, Name: robot.Name}), nil)
		wantError(t, "AddRole named as one of another account", s.AddRole(ctx, store.Role{ID: "AROA1", Account: globex.ID, Name: auditor.Name}), nil)
		wantError(t, "AddAccount named as another", s.AddAccount(ctx, store.Account{ID: "000000000000", Name: acme.Name}), nil)
	}},
	{"PasswordIsReplaced", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		at := noon.Add(3 * time.Hour)
		must(t, "SetPassword", s.SetPassword(t.Context(), alice.ID, "$argon2id$new", at, later))
		want := furnished()
		want.People[0].PasswordHash, want.People[0].PasswordChanged = "$argon2id$new", at
		wantContents(t, s, want)
	}},
	{"PersonIsDisabledAndEnabled", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		must(t, "DisablePerson", s.DisablePerson(t.Context(), alice.ID, noon, later))
		must(t, "EnablePerson", s.EnablePerson(t.Context(), bob.ID))
		want := furnished()
		want.People[0].Disabled, want.People[1].Disabled = true, false
		wantContents(t, s, want)
		must(t, "EnablePerson again", s.EnablePerson(t.Context(), bob.ID))
		wantContents(t, s, want)
	}},
	{"PolicyIsReplaced", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		must(t, "SetRolePolicy", s.SetRolePolicy(t.Context(), foreign.ID, `{"new":1}`, true, noon, later))
		want := furnished()
		want.Roles[2].Policy = `{"new":1}`
		want.Assignments[alice.ID][2].Role.Policy = `{"new":1}`
		wantContents(t, s, want)
	}},
	{"AssignmentIsTakenAndGivenBack", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		must(t, "Unassign", s.Unassign(t.Context(), alice.ID, developer.ID, noon, later))
		want := furnished()
		held := want.Assignments[alice.ID]
		want.Assignments[alice.ID] = []store.Assignment{held[0], held[2]}
		wantContents(t, s, want)
		wantError(t, "Unassign again", s.Unassign(t.Context(), alice.ID, developer.ID, noon, later), store.ErrNotFound)
		must(t, "Assign", s.Assign(t.Context(), alice.ID, developer.ID))
		wantContents(t, s, furnished())
	}},
	{"AccessKeyIsDisabled", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		must(t, "DisableAccessKey", s.DisableAccessKey(t.Context(), robotKey.ID))
		want := furnished()
		want.Key.Disabled = true
		wantContents(t, s, want)
	}},
	{"ClientWithoutRedirectURIsIsKept", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		bare := portal
		bare.ID, bare.RedirectURIs = signin.ConfidentialPrefix+"bare", nil
		must(t, "AddClient", s.AddClient(t.Context(), bare))
		got, err := s.ClientByID(t.Context(), bare.ID)
		if d := diff(bare, got); err != nil || d != "" {
			t.Errorf("ClientByID: %v (-added +got)\n%s", err, d)
		}
	}},
}

// wantContents compares everything but notices.
func wantContents(t *testing.T, s store.Store, want contents) {
	t.Helper()
	got := contentsOf(t, s)
	got.Notices = nil
	if d := diff(want, got); d != "" {
		t.Errorf("contents: (-want +got)\n%s", d)
	}
}

// conflicts are calls on a furnished database that must fail.
var conflicts = []struct {
	call string
	want error
	do   func(ctx context.Context, s store.Store) error
}{
	{"AddAccount with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddAccount(ctx, store.Account{ID: acme.ID, Name: "Other"})
	}},
	{"AddPerson with a taken name", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddPerson(ctx, store.Person{ID: "AIDAOTHER", Name: alice.Name})
	}},
	{"AddPerson with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddPerson(ctx, store.Person{ID: alice.ID, Name: "other"})
	}},
	{"AddRole with a taken name", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddRole(ctx, store.Role{ID: "AROAOTHER", Account: acme.ID, Name: developer.Name})
	}},
	{"AddRole with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddRole(ctx, store.Role{ID: developer.ID, Account: globex.ID, Name: "Other"})
	}},
	{"AddRole in an unknown account", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
		return s.AddRole(ctx, store.Role{ID: "AROAOTHER", Account: "999999999999", Name: "Other"})
	}},
	{"Assign an unknown person", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
		return s.Assign(ctx, "AIDANOBODY", developer.ID)
	}},
	{"Assign an unknown role", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
		return s.Assign(ctx, bob.ID, "AROANOTHING")
	}},
	{"AddServiceUser with a taken name", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddServiceUser(ctx, store.ServiceUser{ID: "AIDAOTHER", Account: acme.ID, Name: robot.Name})
	}},
	{"AddServiceUser with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddServiceUser(ctx, store.ServiceUser{ID: robot.ID, Account: acme.ID, Name: "other"})
	}},
	{"AddServiceUser in an unknown account", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
		return s.AddServiceUser(ctx, store.ServiceUser{ID: "AIDAOTHER", Account: "999999999999", Name: "other"})
	}},
	{"AddAccessKey with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddAccessKey(ctx, robotKey)
	}},
	{"AddAccessKey of an unknown user", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
		return s.AddAccessKey(ctx, store.AccessKey{ID: "AKIAOTHER", User: alice.ID})
	}},
	{"AddClient with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
		return s.AddClient(ctx, portal)
	}},
	{"AddClient of an unknown principal", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
		return s.AddClient(ctx, signin.Client{ID: "other", Class: signin.Confidential, Principal: alice.ID, RedirectURIs: []string{"https://a.example/"}})
	}},
}

// missing are calls on a furnished database that name what it does not have.
var missing = []call{
	{"AccountByID", func(ctx context.Context, s store.Store) error {
		_, err := s.AccountByID(ctx, "999999999999")
		return err
	}},
	{"PersonByName", func(ctx context.Context, s store.Store) error {
		_, err := s.PersonByName(ctx, "nobody")
		return err
	}},
	{"PersonByID", func(ctx context.Context, s store.Store) error {
		_, err := s.PersonByID(ctx, robot.ID)
		return err
	}},
	{"RoleByName in the wrong account", func(ctx context.Context, s store.Store) error {
		_, err := s.RoleByName(ctx, globex.ID, auditor.Name)
		return err
	}},
	{"ServiceUserByName in the wrong account", func(ctx context.Context, s store.Store) error {
		_, err := s.ServiceUserByName(ctx, globex.ID, robot.Name)
		return err
	}},
	{"AccessKeyByID", func(ctx context.Context, s store.Store) error {
		_, _, err := s.AccessKeyByID(ctx, "AKIANOTHING")
		return err
	}},
	{"DisableAccessKey", func(ctx context.Context, s store.Store) error { return s.DisableAccessKey(ctx, "AKIANOTHING") }},
	{"ClientByID", func(ctx context.Context, s store.Store) error {
		_, err := s.ClientByID(ctx, signin.ConfidentialPrefix+"nothing")
		return err
	}},
	{"ClientByID of a devtools client", func(ctx context.Context, s store.Store) error {
		_, err := s.ClientByID(ctx, signin.SameDevice)
		return err
	}},
	{"RetireRingKey", func(ctx context.Context, s store.Store) error { return s.RetireRingKey(ctx, 77, time.Time{}, later) }},
}
