package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// The groups and policies of the tests. The names of the groups are not in the order of their ids.
var (
	operators = store.Group{ID: "AGPAOPERATORS0000000", Name: "operators", Created: noon}
	staff     = store.Group{ID: "AGPASTAFF00000000000", Name: "everybody", Created: noon.Add(time.Second)}
	readOnly  = store.ManagedPolicy{ARN: "arn:aws:iam::111122223333:policy/ReadOnly", Account: acme.ID, Document: `{"Statement":[1]}`, Created: noon}
	bounds    = store.ManagedPolicy{ARN: "arn:aws:iam::444455556666:policy/Bounds", Account: globex.ID, Document: `{"Statement":[2]}`, Created: noon.Add(time.Minute)}
)

// builtIn is the ARN of a policy that the store does not keep.
const builtIn = "arn:aws:iam::aws:policy/BuiltIn"

// organize furnishes s, lets alice and bob be operators and bob staff, adds both policies and attaches none. It returns the
// Seq of the last notice.
func organize(t *testing.T, s store.Store) int64 {
	t.Helper()
	furnish(t, s)
	ctx := t.Context()
	must(t, "AddGroup", s.AddGroup(ctx, operators))
	must(t, "AddGroup", s.AddGroup(ctx, staff))
	for _, m := range []store.Member{{GroupID: operators.ID, PersonID: bob.ID}, {GroupID: operators.ID, PersonID: alice.ID}, {GroupID: staff.ID, PersonID: bob.ID}} {
		must(t, "AddMember", s.AddMember(ctx, m.GroupID, m.PersonID, noon, later))
	}
	must(t, "AddManagedPolicy", s.AddManagedPolicy(ctx, bounds))
	must(t, "AddManagedPolicy", s.AddManagedPolicy(ctx, readOnly))
	return lastNotice(t, s)
}

func lastNotice(t *testing.T, s store.Store) int64 {
	t.Helper()
	last, err := s.LastNotice(t.Context())
	must(t, "LastNotice", err)
	return last
}

// wantAnnounced fails the test unless the notices after last are those of the reason about subjects, in that order, of the
// times that the tests give. It returns the Seq of the newest.
func wantAnnounced(t *testing.T, call string, s store.Store, last int64, reason signin.Reason, subjects ...string) int64 {
	t.Helper()
	got := noticesAfter(t, s, last, 1000)
	var want []signin.Notice
	for i, subject := range subjects {
		n := signin.Notice{Reason: reason, Subject: subject, At: noon, Expires: later}
		if i < len(got) {
			n.Seq = got[i].Seq
		}
		want = append(want, n)
	}
	if d := diff(want, got); d != "" {
		t.Errorf("%s: notices: (-want +announced)\n%s", call, d)
	}
	return lastNotice(t, s)
}

// refusal is a call that must fail with want and change nothing.
type refusal struct {
	call string
	want error
	do   func(ctx context.Context, s store.Store) error
}

// wantRefused makes all calls, and fails the test unless each gives its error and none changes or announces anything.
func wantRefused(t *testing.T, s store.Store, all []refusal) {
	t.Helper()
	before := contentsOf(t, s)
	for _, c := range all {
		wantError(t, c.call, c.do(t.Context(), s), c.want)
	}
	if d := diff(before, contentsOf(t, s)); d != "" {
		t.Errorf("contents after refusals: (-before +after)\n%s", d)
	}
}

var groupTests = []test{
	{"GroupsAndMembersAreFound", func(t *testing.T, db *database) {
		s := db.open(t)
		organize(t, s)
		groups, err := s.Groups(t.Context())
		if d := diff([]store.Group{staff, operators}, groups); err != nil || d != "" { // everybody, operators
			t.Errorf("Groups: %v (-want +got)\n%s", err, d)
		}
		group, err := s.GroupByName(t.Context(), staff.Name)
		if d := diff(staff, group); err != nil || d != "" {
			t.Errorf("GroupByName: %v (-want +got)\n%s", err, d)
		}
		for _, c := range []struct {
			group string
			want  []store.Person
		}{{operators.ID, []store.Person{alice, bob}}, {staff.ID, []store.Person{bob}}, {"AGPANOTHING", nil}} {
			got, err := s.Members(t.Context(), c.group)
			if d := diff(c.want, got); err != nil || d != "" {
				t.Errorf("Members of %s: %v (-want +got)\n%s", c.group, err, d)
			}
		}
		for _, c := range []struct {
			person string
			want   []store.Group
		}{{alice.ID, []store.Group{operators}}, {bob.ID, []store.Group{staff, operators}}, {"AIDANOBODY", nil}} {
			got, err := s.GroupsOf(t.Context(), c.person)
			if d := diff(c.want, got); err != nil || d != "" {
				t.Errorf("GroupsOf %s: %v (-want +got)\n%s", c.person, err, d)
			}
		}
	}},
	{"WhoEntersOrLeavesAGroupIsAnnounced", func(t *testing.T, db *database) {
		s := db.open(t)
		last := organize(t, s)
		ctx := t.Context()
		must(t, "AddMember", s.AddMember(ctx, staff.ID, alice.ID, noon, later))
		last = wantAnnounced(t, "AddMember", s, last, signin.ChangedPolicies, alice.ID)
		must(t, "AddMember again", s.AddMember(ctx, staff.ID, alice.ID, noon, later))
		last = wantAnnounced(t, "AddMember again", s, last, 0)
		must(t, "RemoveMember", s.RemoveMember(ctx, operators.ID, bob.ID, noon, later))
		last = wantAnnounced(t, "RemoveMember", s, last, signin.ChangedPolicies, bob.ID)
		wantError(t, "RemoveMember again", s.RemoveMember(ctx, operators.ID, bob.ID, noon, later), store.ErrNotFound)
		wantAnnounced(t, "RemoveMember again", s, last, 0)
		got, err := s.Members(ctx, operators.ID)
		if d := diff([]store.Person{alice}, got); err != nil || d != "" {
			t.Errorf("Members: %v (-want +got)\n%s", err, d)
		}
	}},
	{"ManagedPoliciesAreKeptReplacedAndRemoved", func(t *testing.T, db *database) {
		s := db.open(t)
		last := organize(t, s)
		ctx := t.Context()
		wantPolicies := func(want ...store.ManagedPolicy) {
			t.Helper()
			got, err := s.ManagedPolicies(ctx)
			if d := diff(want, got); err != nil || d != "" {
				t.Errorf("ManagedPolicies: %v (-want +got)\n%s", err, d)
			}
			for _, p := range want {
				got, err := s.ManagedPolicyByARN(ctx, p.ARN)
				if d := diff(p, got); err != nil || d != "" {
					t.Errorf("ManagedPolicyByARN: %v (-want +got)\n%s", err, d)
				}
			}
		}
		wantPolicies(readOnly, bounds)
		changed := readOnly
		changed.Document = `{"Statement":[3]}`
		must(t, "SetManagedPolicy", s.SetManagedPolicy(ctx, readOnly.ARN, changed.Document, noon, later))
		wantPolicies(changed, bounds)
		must(t, "RemoveManagedPolicy", s.RemoveManagedPolicy(ctx, bounds.ARN))
		wantPolicies(changed)
		wantAnnounced(t, "changes of policies that are attached to nothing", s, last, 0)
		must(t, "AddManagedPolicy after it was removed", s.AddManagedPolicy(ctx, bounds))
		wantPolicies(changed, bounds)
	}},
	{"ConflictsOfGroupsAndPoliciesChangeNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		organize(t, s)
		must(t, "AttachPolicy", s.AttachPolicy(t.Context(), attach(store.ToServiceUser, robot.ID, bounds.ARN), false, noon, later))
		wantRefused(t, s, []refusal{
			{"AddGroup with a taken name", store.ErrExists, func(ctx context.Context, s store.Store) error {
				return s.AddGroup(ctx, store.Group{ID: "AGPAOTHER", Name: staff.Name})
			}},
			{"AddGroup with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
				return s.AddGroup(ctx, store.Group{ID: staff.ID, Name: "other"})
			}},
			{"GroupByName", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				_, err := s.GroupByName(ctx, "Operators")
				return err
			}},
			{"AddMember to an unknown group", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.AddMember(ctx, "AGPANOTHING", alice.ID, noon, later)
			}},
			{"AddMember who is unknown", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.AddMember(ctx, staff.ID, robot.ID, noon, later)
			}},
			{"RemoveMember who is in another group", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.RemoveMember(ctx, staff.ID, alice.ID, noon, later)
			}},
			{"AddManagedPolicy with a taken ARN", store.ErrExists, func(ctx context.Context, s store.Store) error {
				return s.AddManagedPolicy(ctx, store.ManagedPolicy{ARN: readOnly.ARN, Account: globex.ID})
			}},
			{"AddManagedPolicy in an unknown account", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.AddManagedPolicy(ctx, store.ManagedPolicy{ARN: "arn:other", Account: "999999999999"})
			}},
			{"ManagedPolicyByARN", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				_, err := s.ManagedPolicyByARN(ctx, builtIn)
				return err
			}},
			{"SetManagedPolicy", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.SetManagedPolicy(ctx, builtIn, "{}", noon, later)
			}},
			{"RemoveManagedPolicy", store.ErrNotFound, func(ctx context.Context, s store.Store) error { return s.RemoveManagedPolicy(ctx, builtIn) }},
			{"RemoveManagedPolicy that is attached", store.ErrInUse, func(ctx context.Context, s store.Store) error {
				return s.RemoveManagedPolicy(ctx, bounds.ARN)
			}},
		})
	}},
}
