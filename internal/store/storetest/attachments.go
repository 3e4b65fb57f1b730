package storetest

import (
	"context"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// attach returns the attachment of a policy to a target.
func attach(kind store.TargetKind, id, policy string) store.Attachment {
	return store.Attachment{Target: store.Target{Kind: kind, ID: id}, Policy: policy}
}

// attached returns it as it is read.
func attached(kind store.TargetKind, id string, p store.ManagedPolicy) store.Attached {
	return store.Attached{Attachment: attach(kind, id, p.ARN), Document: p.Document}
}

// wantAttached fails the test unless targets have the attachments want.
func wantAttached(t *testing.T, s store.Store, targets []store.Target, want ...store.Attached) {
	t.Helper()
	got, err := s.AttachedTo(t.Context(), targets...)
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("AttachedTo(%v): %v (-want +got)\n%s", targets, err, d)
	}
}

// The targets of the tests, in the order of their kinds.
var (
	toGlobex    = store.Target{Kind: store.ToAccount, ID: globex.ID}
	toOperators = store.Target{Kind: store.ToGroup, ID: operators.ID}
	toStaff     = store.Target{Kind: store.ToGroup, ID: staff.ID}
	toAlice     = store.Target{Kind: store.ToPerson, ID: alice.ID}
	toBob       = store.Target{Kind: store.ToPerson, ID: bob.ID}
	toForeign   = store.Target{Kind: store.ToRole, ID: foreign.ID}
	toRobot     = store.Target{Kind: store.ToServiceUser, ID: robot.ID}
)

var attachmentTests = []test{
	{"EverySubjectOfAChangeIsAnnouncedOnce", func(t *testing.T, db *database) {
		s := db.open(t)
		last := organize(t, s)
		ctx := t.Context()
		step := func(call string, err error, subjects ...string) {
			t.Helper()
			wantError(t, call, err, nil)
			last = wantAnnounced(t, call, s, last, signin.ChangedPolicies, subjects...)
		}
		attachTo := func(target store.Target) error {
			return s.AttachPolicy(ctx, store.Attachment{Target: target, Policy: readOnly.ARN}, false, noon, later)
		}
		detach := func(target store.Target) error {
			return s.DetachPolicy(ctx, store.Attachment{Target: target, Policy: readOnly.ARN}, noon, later)
		}
		set := func(document string) error { return s.SetManagedPolicy(ctx, readOnly.ARN, document, noon, later) }
		must(t, "AddGroup", s.AddGroup(ctx, store.Group{ID: "AGPAEMPTY", Name: "empty", Created: noon}))

		step("AttachPolicy to a service user", attachTo(toRobot))
		step("SetManagedPolicy of a service user's", set("1"))
		step("AttachPolicy to a group without members", attachTo(store.Target{Kind: store.ToGroup, ID: "AGPAEMPTY"}))
		step("AttachPolicy to a group", attachTo(toOperators), alice.ID, bob.ID)
		step("SetManagedPolicy of a group's", set("2"), alice.ID, bob.ID)
		step("AttachPolicy to a group of one", attachTo(toStaff), bob.ID)
		step("SetManagedPolicy of two groups'", set("3"), alice.ID, bob.ID)
		step("AttachPolicy to a person", attachTo(toBob), bob.ID)
		step("AttachPolicy to a role", attachTo(toForeign), foreign.ID)
		step("AttachPolicy to an account", attachTo(toGlobex), globex.ID)
		// By id: of the account, of people, and of the role.
		step("SetManagedPolicy of everybody's", set("4"), globex.ID, alice.ID, bob.ID, foreign.ID)
		step("SetManagedPolicy of another", s.SetManagedPolicy(ctx, bounds.ARN, "5", noon, later))
		step("DetachPolicy from a group", detach(toOperators), alice.ID, bob.ID)
		step("SetManagedPolicy of what is left", set("6"), globex.ID, bob.ID, foreign.ID)
		step("DetachPolicy from a person", detach(toBob), bob.ID)
		step("DetachPolicy from a group of one", detach(toStaff), bob.ID)
		step("DetachPolicy from a role", detach(toForeign), foreign.ID)
		step("DetachPolicy from an account", detach(toGlobex), globex.ID)
		step("DetachPolicy from a service user", detach(toRobot))
		step("SetManagedPolicy that is attached to nobody", set("7"))
		step("AttachPolicy that is built in", s.AttachPolicy(ctx, store.Attachment{Target: toAlice, Policy: builtIn}, true, noon, later), alice.ID)
		step("DetachPolicy that is built in", s.DetachPolicy(ctx, store.Attachment{Target: toAlice, Policy: builtIn}, noon, later), alice.ID)
	}},
	{"AttachedToFindsWhatIsAskedFor", func(t *testing.T, db *database) {
		s := db.open(t)
		organize(t, s)
		give(t, s)
		inBuilt := store.Attached{Attachment: store.Attachment{Target: toBob, Policy: builtIn}}
		wantAttached(t, s, nil)
		wantAttached(t, s, []store.Target{toAlice}, attached(store.ToPerson, alice.ID, readOnly))
		wantAttached(t, s, []store.Target{toAlice, toAlice}, attached(store.ToPerson, alice.ID, readOnly))
		wantAttached(t, s, []store.Target{toRobot, toForeign, toBob, toAlice, toStaff, toOperators, toGlobex},
			attached(store.ToAccount, globex.ID, bounds), attached(store.ToGroup, operators.ID, readOnly), attached(store.ToGroup, staff.ID, bounds),
			attached(store.ToPerson, alice.ID, readOnly), attached(store.ToPerson, bob.ID, readOnly), inBuilt,
			attached(store.ToRole, foreign.ID, bounds), attached(store.ToServiceUser, robot.ID, readOnly))
		// The id of one kind with the kind of another names nothing.
		wantAttached(t, s, []store.Target{{Kind: store.ToRole, ID: alice.ID}, {Kind: store.ToPerson, ID: foreign.ID}, {Kind: "", ID: ""}, {Kind: "other", ID: bob.ID}})
		many := []store.Target{toForeign}
		for i := range 2000 {
			many = append(many, store.Target{Kind: store.ToPerson, ID: numbered("AIDA", i)})
		}
		wantAttached(t, s, many, attached(store.ToRole, foreign.ID, bounds))
	}},
	{"PoliciesOfPrincipalAreThoseThatApply", func(t *testing.T, db *database) {
		s := db.open(t)
		organize(t, s)
		give(t, s)
		inBuilt := store.Attached{Attachment: store.Attachment{Target: toBob, Policy: builtIn}}
		for _, c := range []struct {
			person string
			role   store.Role
			want   []store.Attached
		}{
			{alice.ID, developer, []store.Attached{attached(store.ToGroup, operators.ID, readOnly), attached(store.ToPerson, alice.ID, readOnly)}},
			{alice.ID, foreign, []store.Attached{
				attached(store.ToAccount, globex.ID, bounds), attached(store.ToGroup, operators.ID, readOnly),
				attached(store.ToPerson, alice.ID, readOnly), attached(store.ToRole, foreign.ID, bounds),
			}},
			{bob.ID, auditor, []store.Attached{ // who need not be assigned
				attached(store.ToGroup, operators.ID, readOnly), attached(store.ToGroup, staff.ID, bounds), attached(store.ToPerson, bob.ID, readOnly), inBuilt,
			}},
		} {
			role, got, err := s.PoliciesOfPrincipal(t.Context(), c.person, c.role.ID)
			if d := diff(c.role, role); err != nil || d != "" {
				t.Errorf("PoliciesOfPrincipal(%s, %s): %v (-want +role)\n%s", c.person, c.role.ID, err, d)
			}
			if d := diff(c.want, got); d != "" {
				t.Errorf("PoliciesOfPrincipal(%s, %s): (-want +attached)\n%s", c.person, c.role.ID, d)
			}
		}
	}},
	{"PrincipalWithoutAttachmentsHasARole", func(t *testing.T, db *database) {
		s := db.open(t)
		organize(t, s)
		must(t, "SetRolePolicy", s.SetRolePolicy(t.Context(), foreign.ID, `{"new":1}`, false, noon, later))
		want := foreign
		want.Policy = `{"new":1}`
		role, got, err := s.PoliciesOfPrincipal(t.Context(), alice.ID, foreign.ID)
		if d := diff(want, role); err != nil || d != "" || len(got) != 0 {
			t.Errorf("PoliciesOfPrincipal = %v, %v, want none attached (-want +role)\n%s", got, err, d)
		}
	}},
	{"ConflictsOfAttachmentsChangeNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		organize(t, s)
		give(t, s)
		refused := []refusal{
			{"AttachPolicy again", store.ErrExists, func(ctx context.Context, s store.Store) error {
				return s.AttachPolicy(ctx, attach(store.ToPerson, alice.ID, readOnly.ARN), false, noon, later)
			}},
			{"AttachPolicy that is built in again", store.ErrExists, func(ctx context.Context, s store.Store) error {
				return s.AttachPolicy(ctx, attach(store.ToPerson, bob.ID, builtIn), true, noon, later)
			}},
			{"AttachPolicy that is missing", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.AttachPolicy(ctx, attach(store.ToPerson, alice.ID, builtIn), false, noon, later)
			}},
			{"DetachPolicy of another's", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.DetachPolicy(ctx, attach(store.ToPerson, alice.ID, bounds.ARN), noon, later)
			}},
			{"DetachPolicy of a missing target", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.DetachPolicy(ctx, attach(store.ToPerson, "AIDANOBODY", readOnly.ARN), noon, later)
			}},
			{"PoliciesOfPrincipal of an unknown person", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				_, _, err := s.PoliciesOfPrincipal(ctx, robot.ID, developer.ID)
				return err
			}},
			{"PoliciesOfPrincipal of an unknown role", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				_, _, err := s.PoliciesOfPrincipal(ctx, alice.ID, "AROANOTHING")
				return err
			}},
		}
		for _, target := range []store.Target{
			{Kind: store.ToPerson, ID: developer.ID}, {Kind: store.ToGroup, ID: alice.ID}, {Kind: store.ToRole, ID: operators.ID},
			{Kind: store.ToServiceUser, ID: alice.ID}, {Kind: store.ToAccount, ID: "999999999999"}, {Kind: "", ID: alice.ID}, {Kind: "Person", ID: alice.ID},
		} {
			for _, policy := range []string{bounds.ARN, builtIn} {
				refused = append(refused, refusal{"AttachPolicy to a missing " + string(target.Kind), store.ErrNotFound, func(ctx context.Context, s store.Store) error {
					return s.AttachPolicy(ctx, store.Attachment{Target: target, Policy: policy}, policy == builtIn, noon, later)
				}})
			}
		}
		wantRefused(t, s, refused)
	}},
}

// give attaches something to every kind of target on an organized database.
func give(t *testing.T, s store.Store) {
	t.Helper()
	for _, a := range []store.Attachment{
		{Target: toAlice, Policy: readOnly.ARN}, {Target: toBob, Policy: readOnly.ARN}, {Target: toOperators, Policy: readOnly.ARN},
		{Target: toStaff, Policy: bounds.ARN}, {Target: toForeign, Policy: bounds.ARN}, {Target: toGlobex, Policy: bounds.ARN},
		{Target: toRobot, Policy: readOnly.ARN}, {Target: toBob, Policy: builtIn},
	} {
		must(t, "AttachPolicy", s.AttachPolicy(t.Context(), a, a.Policy == builtIn, noon, later))
	}
}
