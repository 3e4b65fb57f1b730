package permit

import (
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Origin is where a document comes from.
type Origin struct {
	Target store.Target // whose own document it is, or what it is attached to
	Policy string       // ARN of the policy that is attached; empty: it is the target's own document
}

// findings are the policies that bear on a principal, and where each of them comes from.
type findings struct {
	policies             policy.Policies
	identity, guardrails []Origin
}

// compile reads the document of a principal itself and what is attached. One that cannot be read lets nobody in: it might
// have denied.
func (j *Judge) compile(target store.Target, own string, attached []store.Attached) (findings, error) {
	var f findings
	if err := j.add(&f, Origin{Target: target}, own); err != nil {
		return findings{}, err
	}
	for _, a := range attached {
		document := a.Document
		if document == "" {
			var ok bool
			if document, ok = policy.ManagedByARN(a.Policy); !ok {
				return findings{}, signin.Refuse(signin.PermissionMissing, "The policy %s is attached, but there is no such policy in this version. Ask the administrator.", a.Policy)
			}
		}
		if err := j.add(&f, Origin{Target: a.Target, Policy: a.Policy}, document); err != nil {
			return findings{}, err
		}
	}
	return f, nil
}

// add reads a document and puts it where it counts: what is attached to an account bounds, all else gives.
func (j *Judge) add(f *findings, from Origin, text string) error {
	d, err := j.cache.document(text)
	if err != nil {
		name := from.Policy
		if name == "" {
			name = "the " + string(from.Target.Kind) + "'s own"
		}
		return signin.RefuseBecause(err, signin.PermissionMissing, "A policy that applies here (%s) cannot be read, so nothing is allowed by any. Ask the administrator.", name)
	}
	if from.Target.Kind == store.ToAccount {
		f.policies.Guardrails, f.guardrails = append(f.policies.Guardrails, d), append(f.guardrails, from)
		return nil
	}
	f.policies.Identity, f.identity = append(f.policies.Identity, d), append(f.identity, from)
	return nil
}
