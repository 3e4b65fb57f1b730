package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// changePolicies runs do in a transaction, and announces to the subjects that it returns, each once, that their policies
// changed.
//
// A row that all who change policies lock first makes them come one after the other. Otherwise a person who enters a group
// while a policy is attached to it could be missed by both: the one would announce the person before the policy is there,
// the other the members before the person is one. It is a row that nobody else waits for.
func (s *Store) changePolicies(ctx context.Context, at, noticeExpires time.Time, do func(tx) ([]string, error)) error {
	return s.write(ctx, func(t tx) error {
		if _, err := t.exec(`SELECT version FROM schema_migrations WHERE version = 4 FOR UPDATE`); err != nil {
			return err
		}
		subjects, err := do(t)
		if err != nil {
			return err
		}
		slices.Sort(subjects)
		for _, subject := range slices.Compact(subjects) {
			err := t.announce(signin.Notice{Reason: signin.ChangedPolicies, Subject: subject, At: at, Expires: noticeExpires})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// AddManagedPolicy implements store.Policies.
func (s *Store) AddManagedPolicy(ctx context.Context, p store.ManagedPolicy) (err error) {
	defer s.operation(ctx, "add_managed_policy")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("managed policy or its account", `INSERT INTO managed_policy (arn, account, document, created_ms) VALUES ($1, $2, $3, $4)`,
			p.ARN, p.Account, p.Document, p.Created.UnixMilli())
	})
}

// ManagedPolicyByARN implements store.Policies.
func (s *Store) ManagedPolicyByARN(ctx context.Context, arn string) (_ store.ManagedPolicy, err error) {
	defer s.operation(ctx, "managed_policy_by_arn")(&err)
	return one("managed policy", s.query(ctx, `SELECT arn, account, document, created_ms FROM managed_policy WHERE arn = $1`, arn), scanManagedPolicy)
}

// ManagedPolicies implements store.Policies. The order is that of bytes, whatever the database is set to.
func (s *Store) ManagedPolicies(ctx context.Context) (_ []store.ManagedPolicy, err error) {
	defer s.operation(ctx, "managed_policies")(&err)
	list, err := all(s.query(ctx, `SELECT arn, account, document, created_ms FROM managed_policy`), scanManagedPolicy)
	slices.SortFunc(list, func(a, b store.ManagedPolicy) int { return cmp.Compare(a.ARN, b.ARN) })
	return list, err
}

func scanManagedPolicy(row scanner) (p store.ManagedPolicy, err error) {
	err = row.Scan(&p.ARN, &p.Account, &p.Document, instant{&p.Created})
	return p, err
}

// SetManagedPolicy implements store.Policies.
func (s *Store) SetManagedPolicy(ctx context.Context, arn, document string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "set_managed_policy")(&err)
	return s.changePolicies(ctx, at, noticeExpires, func(t tx) ([]string, error) {
		if err := t.change("managed policy", `UPDATE managed_policy SET document = $1 WHERE arn = $2`, document, arn); err != nil {
			return nil, err
		}
		return t.subjectsOfPolicy(arn)
	})
}

// RemoveManagedPolicy implements store.Policies.
func (s *Store) RemoveManagedPolicy(ctx context.Context, arn string) (err error) {
	defer s.operation(ctx, "remove_managed_policy")(&err)
	return s.changePolicies(ctx, time.Time{}, time.Time{}, func(t tx) ([]string, error) {
		if err := t.change("managed policy", `DELETE FROM managed_policy WHERE arn = $1`, arn); err != nil {
			return nil, err
		}
		attached, err := t.count(`SELECT count(*) FROM policy_attachment WHERE policy = $1`, arn)
		if err == nil && attached > 0 {
			err = about("managed policy", store.ErrInUse)
		}
		return nil, err
	})
}
