package main

import (
	"context"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// ways tells of each devtools client whether somebody can sign in through it.
type ways struct{ sameDevice, crossDevice bool }

func (w ways) with(other ways) ways {
	return ways{w.sameDevice || other.sameDevice, w.crossDevice || other.crossDevice}
}

// waysIn returns through what somebody in the role could sign in with what is attached, whatever the conditions are.
func waysIn(judge *permit.Judge, region string, role store.Role, attached []store.Attached) ways {
	policies, err := judge.Compile(role, attached)
	if err != nil {
		return ways{} // what cannot be read lets nobody in
	}
	allows := func(clientID string) bool {
		client, _ := signin.DevtoolsClient(clientID)
		for _, action := range []string{"signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"} {
			q := policy.Query{Action: action, Resource: client.Resource(region, role.Account), Unknown: []string{"*"}}
			if !policies.Decide(q).Allowed {
				return false
			}
		}
		return true
	}
	return ways{allows(signin.SameDevice), allows(signin.CrossDevice)}
}

// deniesSignIn tells whether the role, with the document that it has in the argument, keeps a devtools client from signing in,
// whoever the person is. The people of ended sessions are told that, or else that they should sign in again: so it
// is true only when that would help nobody.
func deniesSignIn(ctx context.Context, in *installation, role store.Role) (bool, error) {
	of, err := in.AttachedTo(ctx, store.Target{Kind: store.ToRole, ID: role.ID}, store.Target{Kind: store.ToAccount, ID: role.Account})
	if err != nil {
		return false, fmt.Errorf("list attached policies: %w", err)
	}
	judge, all := in.judge(), ways{true, true}
	found := waysIn(judge, in.cfg.Region, role, of)
	if found == all {
		return false, nil
	}
	others, err := attachedToPeople(ctx, in)
	if err != nil {
		return false, err
	}
	for _, a := range others {
		found = found.with(waysIn(judge, in.cfg.Region, role, append([]store.Attached{a}, of...)))
	}
	return found != all, nil
}

// attachedToPeople returns what is attached to people and groups, each policy once.
func attachedToPeople(ctx context.Context, in *installation) ([]store.Attached, error) {
	groups, err := in.Groups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	people, err := in.People(ctx)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	var targets []store.Target
	for _, g := range groups {
		targets = append(targets, store.Target{Kind: store.ToGroup, ID: g.ID})
	}
	for _, p := range people {
		targets = append(targets, store.Target{Kind: store.ToPerson, ID: p.ID})
	}
	attached, err := in.AttachedTo(ctx, targets...)
	if err != nil {
		return nil, fmt.Errorf("list attached policies: %w", err)
	}
	var once []store.Attached
	seen := map[string]bool{}
	for _, a := range attached {
		if !seen[a.Policy] {
			seen[a.Policy] = true
			once = append(once, a)
		}
	}
	return once, nil
}
