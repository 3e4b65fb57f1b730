package postgres

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Alice enters a group while somebody else attaches a policy to it that denies. Did they not wait for each other, then
// neither would see what the other does: her sessions would be told to look at her policies before the policy is there, and
// the members of the group would be told before she is one, and she would go on as if nothing were denied.
func TestChangesOfPoliciesWaitForEachOther(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	s, c := open(t, url), beside(t, url)
	group := store.Group{ID: "AGPAOPERATORS0000000", Name: "operators"}
	denies := store.ManagedPolicy{ARN: "arn:aws:iam::111122223333:policy/Denies", Account: acme.ID, Document: "{}"}
	must(t, "AddAccount", s.AddAccount(ctx, acme))
	must(t, "AddPerson", s.AddPerson(ctx, alice))
	must(t, "AddGroup", s.AddGroup(ctx, group))
	must(t, "AddManagedPolicy", s.AddManagedPolicy(ctx, denies))
	attachment := store.Attachment{Target: store.Target{Kind: store.ToGroup, ID: group.ID}, Policy: denies.ARN}
	for _, change := range []struct {
		name string
		do   func() error
	}{
		{"AttachPolicy", func() error { return s.AttachPolicy(ctx, attachment, false, noon, later) }},
		{"AddMember", func() error { return s.AddMember(ctx, group.ID, alice.ID, noon, later) }},
		{"SetManagedPolicy", func() error { return s.SetManagedPolicy(ctx, denies.ARN, "{ }", noon, later) }},
		{"RemoveMember", func() error { return s.RemoveMember(ctx, group.ID, alice.ID, noon, later) }},
		{"DetachPolicy", func() error { return s.DetachPolicy(ctx, attachment, noon, later) }},
		{"RemoveManagedPolicy", func() error { return s.RemoveManagedPolicy(ctx, denies.ARN) }},
	} {
		done := make(chan error, 1)
		err := s.changePolicies(ctx, noon, later, func(tx) ([]string, error) {
			go func() { done <- change.do() }()
			for number(t, c, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
				if len(done) > 0 {
					t.Fatalf("%s did not wait", change.name)
				}
				time.Sleep(time.Millisecond)
			}
			return nil, nil
		})
		must(t, "a change beside it", err)
		select {
		case err := <-done:
			must(t, change.name, err)
		case <-time.After(operationLimit):
			t.Fatalf("%s does not go on after the change that it waited for", change.name)
		}
	}
	if got, err := s.NoticesAfter(ctx, 0, 10); err != nil || len(got) != 3 {
		t.Errorf("NoticesAfter = %v, %v, want one about alice of each change from AddMember to RemoveMember", got, err)
	}
}
