package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/latchkey-id/latchkey/internal/store"
)

// policiesOfPrincipal gives a row for each policy that applies, with the role; one without a policy where none does. What
// it sees is of one moment, because it is one statement.
const policiesOfPrincipal = `
SELECT r.id, r.account, r.name, r.policy, r.created_ms, held.kind, held.target, held.policy, held.document
FROM role r JOIN person p ON p.id = $1 LEFT JOIN (
	SELECT a.kind, a.target, a.policy, coalesce(m.document, '') AS document
	FROM (
		SELECT 'person' AS kind, id AS target FROM person WHERE id = $1
		UNION ALL SELECT 'group', person_group FROM group_member WHERE person = $1
		UNION ALL SELECT 'role', id FROM role WHERE id = $2
		UNION ALL SELECT 'account', account FROM role WHERE id = $2
	) AS asked JOIN policy_attachment a ON a.kind = asked.kind AND a.target = asked.target LEFT JOIN managed_policy m ON m.arn = a.policy
) AS held ON TRUE
WHERE r.id = $2`

// roleAndPolicy is a row of policiesOfPrincipal.
type roleAndPolicy struct {
	role                           store.Role
	kind, target, policy, document *string // nil: nothing is attached
}

// PoliciesOfPrincipal implements store.Policies. A replica may answer: whatever changes its answer is announced, except that
// the person or the role is new, of which the primary is asked because the replica knows nothing of it.
func (s *Store) PoliciesOfPrincipal(ctx context.Context, personID, roleID string) (_ store.Role, _ []store.Attached, err error) {
	defer s.operation(ctx, "policies_of_principal")(&err)
	rows, err := all(s.directory(ctx, policiesOfPrincipal, personID, roleID), scanRoleAndPolicy)
	switch {
	case err != nil:
		return store.Role{}, nil, about("person or role", err)
	case len(rows) == 0:
		return store.Role{}, nil, about("person or role", store.ErrNotFound)
	}
	var list []store.Attached
	for _, row := range rows {
		if row.kind != nil {
			target := store.Target{Kind: store.TargetKind(*row.kind), ID: *row.target}
			list = append(list, store.Attached{Attachment: store.Attachment{Target: target, Policy: *row.policy}, Document: *row.document})
		}
	}
	slices.SortFunc(list, compareAttached)
	return rows[0].role, list, nil
}

func scanRoleAndPolicy(row scanner) (f roleAndPolicy, err error) {
	r := &f.role
	err = row.Scan(&r.ID, &r.Account, &r.Name, &r.Policy, instant{&r.Created}, &f.kind, &f.target, &f.policy, &f.document)
	return f, err
}

// AttachedTo implements store.Policies. It asks the primary: what is attached to service users is not announced, so nothing
// would tell that a replica has not heard of it.
func (s *Store) AttachedTo(ctx context.Context, targets ...store.Target) (_ []store.Attached, err error) {
	defer s.operation(ctx, "attached_to")(&err)
	asked := slices.DeleteFunc(slices.Clone(targets), func(t store.Target) bool {
		return !validText(string(t.Kind)) || !validText(t.ID) // the database has no such text, and would refuse the question
	})
	slices.SortFunc(asked, compareTargets)
	asked = slices.Compact(asked)
	kinds, ids := make([]string, len(asked)), make([]string, len(asked))
	for i, t := range asked {
		kinds[i], ids[i] = string(t.Kind), t.ID
	}
	list, err := all(s.query(ctx, `
		SELECT a.kind, a.target, a.policy, coalesce(m.document, '')
		FROM unnest($1::text[], $2::text[]) AS asked (kind, target)
			JOIN policy_attachment a ON a.kind = asked.kind AND a.target = asked.target LEFT JOIN managed_policy m ON m.arn = a.policy`,
		kinds, ids), scanAttached)
	slices.SortFunc(list, compareAttached)
	return list, err
}

func scanAttached(row scanner) (a store.Attached, err error) {
	err = row.Scan(&a.Target.Kind, &a.Target.ID, &a.Policy, &a.Document)
	return a, err
}

// compareTargets orders by kind, then id, in the order of bytes; compareAttached also by the ARN of the policy.
func compareTargets(a, b store.Target) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

func compareAttached(a, b store.Attached) int {
	return cmp.Or(compareTargets(a.Target, b.Target), cmp.Compare(a.Policy, b.Policy))
}
