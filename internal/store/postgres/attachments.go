package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/store"
)

// attachTo returns the statement that attaches the policy $2 to the target $1 of that kind, provided that it is there;
// empty: there is no such kind.
func attachTo(kind store.TargetKind) string {
	switch kind {
	case store.ToPerson:
		return `INSERT INTO policy_attachment (kind, target, policy) SELECT 'person', id, $2::text FROM person WHERE id = $1`
	case store.ToGroup:
		return `INSERT INTO policy_attachment (kind, target, policy) SELECT 'group', id, $2::text FROM person_group WHERE id = $1`
	case store.ToRole:
		return `INSERT INTO policy_attachment (kind, target, policy) SELECT 'role', id, $2::text FROM role WHERE id = $1`
	case store.ToServiceUser:
		return `INSERT INTO policy_attachment (kind, target, policy) SELECT 'service-user', id, $2::text FROM service_user WHERE id = $1`
	case store.ToAccount:
		return `INSERT INTO policy_attachment (kind, target, policy) SELECT 'account', id, $2::text FROM account WHERE id = $1`
	}
	return ""
}

// AttachPolicy implements store.Policies.
func (s *Store) AttachPolicy(ctx context.Context, a store.Attachment, builtIn bool, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "attach_policy")(&err)
	attach := attachTo(a.Target.Kind)
	if attach == "" {
		return about("kind of target", store.ErrNotFound)
	}
	return s.changePolicies(ctx, at, noticeExpires, func(t tx) ([]string, error) {
		if !builtIn {
			found, err := t.count(`SELECT count(*) FROM managed_policy WHERE arn = $1`, a.Policy)
			if err != nil {
				return nil, err
			}
			if found == 0 {
				return nil, about("managed policy", store.ErrNotFound)
			}
		}
		if err := t.change("target of the policy", attach, a.Target.ID, a.Policy); err != nil {
			return nil, err
		}
		return t.subjectsOf(a.Target)
	})
}

// DetachPolicy implements store.Policies.
func (s *Store) DetachPolicy(ctx context.Context, a store.Attachment, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "detach_policy")(&err)
	return s.changePolicies(ctx, at, noticeExpires, func(t tx) ([]string, error) {
		err := t.change("attached policy", `DELETE FROM policy_attachment WHERE kind = $1 AND target = $2 AND policy = $3`,
			string(a.Target.Kind), a.Target.ID, a.Policy)
		if err != nil {
			return nil, err
		}
		return t.subjectsOf(a.Target)
	})
}

// subjectsOf returns whom it concerns what is attached to target.
func (t tx) subjectsOf(target store.Target) ([]string, error) {
	switch target.Kind {
	case store.ToServiceUser:
		return nil, nil
	case store.ToGroup:
		rows, err := t.pg.Query(t.ctx, `SELECT person FROM group_member WHERE person_group = $1`, target.ID)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowTo[string])
	}
	return []string{target.ID}, nil
}

// subjectsOfPolicy returns whom it concerns what the policy says; somebody may come more than once.
func (t tx) subjectsOfPolicy(arn string) ([]string, error) {
	rows, err := t.pg.Query(t.ctx, `
		SELECT a.kind, a.target, m.person
		FROM policy_attachment a LEFT JOIN group_member m ON a.kind = 'group' AND m.person_group = a.target WHERE a.policy = $1`, arn)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var subjects []string
	for rows.Next() {
		var target store.Target
		var member *string
		if err := rows.Scan(&target.Kind, &target.ID, &member); err != nil {
			return nil, err
		}
		switch {
		case member != nil:
			subjects = append(subjects, *member)
		case target.Kind != store.ToGroup && target.Kind != store.ToServiceUser:
			subjects = append(subjects, target.ID)
		}
	}
	return subjects, rows.Err()
}
