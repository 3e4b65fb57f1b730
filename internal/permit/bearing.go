package permit

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Bearing is all that bears on one question: what a decision is made of, and what one is explained by.
type Bearing struct {
	Policies policy.Policies
	// Where the documents of Policies come from, in their order.
	Identity, Guardrails []Origin
	Query                policy.Query // with the global keys
	Undenied             string       // as in Ask
}

// Decide decides the question, and returns which resource the decision is about: that of the question, or, where it is
// denied, what must not be.
func (b *Bearing) Decide() (d policy.Decision, resource string) {
	d = b.Policies.Decide(b.Query)
	if b.Undenied == "" || !d.Allowed {
		return d, b.Query.Resource
	}
	q := b.Query
	q.Resource = b.Undenied
	if on := b.Policies.Decide(q); on.Denied {
		return on, b.Undenied
	}
	return d, b.Query.Resource
}

// OnPrincipal returns what Principal decides by. A PermissionMissing fault says that somebody is gone, or that a policy cannot
// be read, and so that nobody is allowed anything.
func (j *Judge) OnPrincipal(ctx context.Context, p signin.Principal, ask Ask) (Bearing, error) {
	w, found, err := j.ofPrincipal(ctx, p, ask)
	return j.bearing(found, ask, w), err
}

// OnRole is OnPrincipal for Role.
func (j *Judge) OnRole(ctx context.Context, role store.Role, session string, ask Ask) (Bearing, error) {
	w, found, err := j.ofRole(ctx, role, session, ask)
	return j.bearing(found, ask, w), err
}

// OnServiceUser is OnPrincipal for ServiceUser.
func (j *Judge) OnServiceUser(ctx context.Context, u store.ServiceUser, ask Ask) (Bearing, error) {
	w, found, err := j.ofServiceUser(ctx, u, ask)
	return j.bearing(found, ask, w), err
}

// OnNobody returns a Bearing without policies and without the keys about a principal, to try documents with. It asks no
// store, so a Judge without one will do.
func (j *Judge) OnNobody(ask Ask) Bearing { return j.bearing(findings{}, ask, who{}) }

// Compile returns the policies of a role with its own document and what is attached to it, to others who act as it, and to
// its account. Its errors are those of OnPrincipal.
func (j *Judge) Compile(role store.Role, attached []store.Attached) (policy.Policies, error) {
	found, err := j.compile(store.Target{Kind: store.ToRole, ID: role.ID}, role.Policy, attached)
	return found.policies, err
}

func (j *Judge) bearing(found findings, ask Ask, w who) Bearing {
	return Bearing{Policies: found.policies, Identity: found.identity, Guardrails: found.guardrails, Query: j.query(ask, w), Undenied: ask.Undenied}
}
