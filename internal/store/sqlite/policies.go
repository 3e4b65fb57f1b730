package sqlite

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// AddManagedPolicy implements store.Policies.
func (s *Store) AddManagedPolicy(ctx context.Context, p store.ManagedPolicy) (err error) {
	defer s.operation(ctx, "add_managed_policy")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("managed policy or its account", `INSERT INTO managed_policy (arn, account, document, created_ms) VALUES (?, ?, ?, ?)`,
			p.ARN, p.Account, p.Document, p.Created.UnixMilli())
	})
}

// ManagedPolicyByARN implements store.Policies.
func (s *Store) ManagedPolicyByARN(ctx context.Context, arn string) (_ store.ManagedPolicy, err error) {
	defer s.operation(ctx, "managed_policy_by_arn")(&err)
	return one("managed policy", s.query(ctx, `SELECT arn, account, document, created_ms FROM managed_policy WHERE arn = ?`, arn), scanManagedPolicy)
}

// ManagedPolicies implements store.Policies.
func (s *Store) ManagedPolicies(ctx context.Context) (_ []store.ManagedPolicy, err error) {
	defer s.operation(ctx, "managed_policies")(&err)
	return all(s.query(ctx, `SELECT arn, account, document, created_ms FROM managed_policy ORDER BY arn`), scanManagedPolicy)
}

func scanManagedPolicy(row scanner) (p store.ManagedPolicy, err error) {
	err = row.Scan(&p.ARN, &p.Account, &p.Document, instant{&p.Created})
	return p, err
}

// announceAttached announces everybody whom a policy is attached to. UNION leaves out whoever is found twice.
const announceAttached = `
INSERT INTO notice (reason, subject, at_ms, expires_ms)
SELECT ?, subject, ?, ? FROM (
	SELECT target AS subject FROM policy_attachment WHERE policy = ? AND kind IN ('person', 'role', 'account')
	UNION SELECT m.person FROM policy_attachment a JOIN group_member m ON m.person_group = a.target WHERE a.policy = ? AND a.kind = 'group')
ORDER BY subject`

// SetManagedPolicy implements store.Policies.
func (s *Store) SetManagedPolicy(ctx context.Context, arn, document string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "set_managed_policy")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("managed policy", `UPDATE managed_policy SET document = ? WHERE arn = ?`, document, arn); err != nil {
			return err
		}
		return t.add("notice", announceAttached, int(signin.ChangedPolicies), at.UnixMilli(), noticeExpires.UnixMilli(), arn, arn)
	})
}

// RemoveManagedPolicy implements store.Policies.
func (s *Store) RemoveManagedPolicy(ctx context.Context, arn string) (err error) {
	defer s.operation(ctx, "remove_managed_policy")(&err)
	return s.write(ctx, func(t tx) error {
		attached, err := t.found(`SELECT EXISTS (SELECT 1 FROM policy_attachment WHERE policy = ?)`, arn)
		if err != nil {
			return err
		}
		if attached {
			return about("managed policy", store.ErrInUse)
		}
		return t.change("managed policy", `DELETE FROM managed_policy WHERE arn = ?`, arn)
	})
}
