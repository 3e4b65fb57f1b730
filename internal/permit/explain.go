package permit

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Step is what one statement says to a question, and where its document comes from.
type Step struct {
	policy.Step
	Origin
}

// ExplainPrincipal returns what every statement says that bears on Principal, for people, and what Principal answers. Without
// steps, the policies could not be had.
func (j *Judge) ExplainPrincipal(ctx context.Context, p signin.Principal, ask Ask) ([]Step, error) {
	w, found, err := j.ofPrincipal(ctx, p, ask)
	return j.explain(w, found, ask, err)
}

// ExplainServiceUser is ExplainPrincipal for ServiceUser.
func (j *Judge) ExplainServiceUser(ctx context.Context, u store.ServiceUser, ask Ask) ([]Step, error) {
	w, found, err := j.ofServiceUser(ctx, u, ask)
	return j.explain(w, found, ask, err)
}

func (j *Judge) explain(w who, found findings, ask Ask, err error) ([]Step, error) {
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, s := range found.policies.Explain(j.query(ask, w)) {
		from := found.identity
		if s.Layer == policy.GuardrailLayer {
			from = found.guardrails
		}
		steps = append(steps, Step{s, from[s.Document]})
	}
	return steps, j.decide(found, ask, w)
}
