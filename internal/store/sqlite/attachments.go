package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// targets say, for each kind, whether there is the target of an id.
var targets = map[store.TargetKind]string{
	store.ToPerson:      `SELECT EXISTS (SELECT 1 FROM person WHERE id = ?)`,
	store.ToGroup:       `SELECT EXISTS (SELECT 1 FROM person_group WHERE id = ?)`,
	store.ToRole:        `SELECT EXISTS (SELECT 1 FROM role WHERE id = ?)`,
	store.ToServiceUser: `SELECT EXISTS (SELECT 1 FROM service_user WHERE id = ?)`,
	store.ToAccount:     `SELECT EXISTS (SELECT 1 FROM account WHERE id = ?)`,
}

// AttachPolicy implements store.Policies. No key ties an attachment to its target and its policy, so both are looked for
// here; nobody can remove them before the transaction ends, as one at a time writes.
func (s *Store) AttachPolicy(ctx context.Context, a store.Attachment, builtIn bool, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "attach_policy")(&err)
	look, ok := targets[a.Target.Kind]
	if !ok {
		return about("kind of target", store.ErrNotFound)
	}
	return s.write(ctx, func(t tx) error {
		if err := t.needs("target", look, a.Target.ID); err != nil {
			return err
		}
		if !builtIn {
			if err := t.needs("managed policy", `SELECT EXISTS (SELECT 1 FROM managed_policy WHERE arn = ?)`, a.Policy); err != nil {
				return err
			}
		}
		err := t.add("attachment", `INSERT INTO policy_attachment (kind, target, policy) VALUES (?, ?, ?)`, string(a.Target.Kind), a.Target.ID, a.Policy)
		if err != nil {
			return err
		}
		return t.announceTarget(a.Target, at, noticeExpires)
	})
}

// DetachPolicy implements store.Policies.
func (s *Store) DetachPolicy(ctx context.Context, a store.Attachment, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "detach_policy")(&err)
	return s.write(ctx, func(t tx) error {
		err := t.change("attachment", `DELETE FROM policy_attachment WHERE kind = ? AND target = ? AND policy = ?`,
			string(a.Target.Kind), a.Target.ID, a.Policy)
		if err != nil {
			return err
		}
		return t.announceTarget(a.Target, at, noticeExpires)
	})
}

const announceMembers = `
INSERT INTO notice (reason, subject, at_ms, expires_ms)
SELECT ?, person, ?, ? FROM group_member WHERE person_group = ? ORDER BY person`

// announceTarget announces the change of what is attached to a target.
func (t tx) announceTarget(target store.Target, at, noticeExpires time.Time) error {
	switch target.Kind {
	case store.ToServiceUser:
		return nil
	case store.ToGroup:
		return t.add("notice", announceMembers, int(signin.ChangedPolicies), at.UnixMilli(), noticeExpires.UnixMilli(), target.ID)
	}
	return t.announce(signin.Notice{Reason: signin.ChangedPolicies, Subject: target.ID, At: at, Expires: noticeExpires})
}

// attachedTo takes its targets as JSON, [[kind, id], …], so that it is one query however many they are.
const attachedTo = `
SELECT a.kind, a.target, a.policy, ifnull(m.document, '')
FROM policy_attachment a LEFT JOIN managed_policy m ON m.arn = a.policy
WHERE (a.kind, a.target) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?)) ORDER BY a.kind, a.target, a.policy`

// AttachedTo implements store.Policies.
func (s *Store) AttachedTo(ctx context.Context, targets ...store.Target) (_ []store.Attached, err error) {
	defer s.operation(ctx, "attached_to")(&err)
	pairs := make([][2]string, 0, len(targets))
	for _, target := range targets {
		if validText(target.ID) && validText(string(target.Kind)) { // JSON would make other text of it, which may be there
			pairs = append(pairs, [2]string{string(target.Kind), target.ID})
		}
	}
	list, err := json.Marshal(pairs)
	if err != nil {
		return nil, err
	}
	return all(s.query(ctx, attachedTo, string(list)), scanAttached)
}

func scanAttached(row scanner) (a store.Attached, err error) {
	err = row.Scan(&a.Target.Kind, &a.Target.ID, &a.Policy, &a.Document)
	return a, err
}

// policiesOfPrincipal gives the role in every row, and one row where nothing is attached. It is one statement, so that all
// of it is of one moment.
const policiesOfPrincipal = `
WITH acting AS MATERIALIZED (
	SELECT id, account, name, policy, created_ms FROM role WHERE id = ? AND EXISTS (SELECT 1 FROM person WHERE id = ?)),
applies AS (
	SELECT kind, target, policy FROM policy_attachment WHERE kind = 'person' AND target = ?
	UNION ALL SELECT a.kind, a.target, a.policy FROM group_member g JOIN policy_attachment a ON a.kind = 'group' AND a.target = g.person_group WHERE g.person = ?
	UNION ALL SELECT a.kind, a.target, a.policy FROM acting JOIN policy_attachment a ON a.kind = 'role' AND a.target = acting.id
	UNION ALL SELECT a.kind, a.target, a.policy FROM acting JOIN policy_attachment a ON a.kind = 'account' AND a.target = acting.account)
SELECT acting.id, acting.account, acting.name, acting.policy, acting.created_ms, applies.kind, applies.target, applies.policy, m.document
FROM acting LEFT JOIN applies ON true LEFT JOIN managed_policy m ON m.arn = applies.policy
ORDER BY applies.kind, applies.target, applies.policy`

// PoliciesOfPrincipal implements store.Policies.
func (s *Store) PoliciesOfPrincipal(ctx context.Context, personID, roleID string) (_ store.Role, _ []store.Attached, err error) {
	defer s.operation(ctx, "policies_of_principal")(&err)
	var role store.Role
	var list []store.Attached
	found := false
	err = s.query(ctx, policiesOfPrincipal, roleID, personID, personID, personID).each(func(row scanner) error {
		found = true
		var kind, target, policy, document sql.NullString
		err := row.Scan(&role.ID, &role.Account, &role.Name, &role.Policy, instant{&role.Created}, &kind, &target, &policy, &document)
		if kind.Valid {
			list = append(list, store.Attached{
				Attachment: store.Attachment{Target: store.Target{Kind: store.TargetKind(kind.String), ID: target.String}, Policy: policy.String},
				Document:   document.String,
			})
		}
		return err
	})
	switch {
	case err != nil:
		return store.Role{}, nil, err
	case !found:
		return store.Role{}, nil, about("role or person", store.ErrNotFound)
	}
	return role, list, nil
}
