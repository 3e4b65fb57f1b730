package sqlite

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Assign implements store.Directory.
func (s *Store) Assign(ctx context.Context, personID, roleID string) (err error) {
	defer s.operation(ctx, "assign")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("person or role", `INSERT INTO assignment (person, role) VALUES (?, ?) ON CONFLICT (person, role) DO NOTHING`,
			personID, roleID)
	})
}

// Unassign implements store.Directory.
func (s *Store) Unassign(ctx context.Context, personID, roleID string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "unassign")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("assignment", `DELETE FROM assignment WHERE person = ? AND role = ?`, personID, roleID); err != nil {
			return err
		}
		return t.announce(signin.Notice{
			Reason: signin.RemovedAssignment, Subject: signin.AssignmentSubject(personID, roleID), At: at, Expires: noticeExpires,
		})
	})
}

// AssignmentsOf implements store.Directory. A person that there is not has none.
func (s *Store) AssignmentsOf(ctx context.Context, personID string) (_ []store.Assignment, err error) {
	defer s.operation(ctx, "assignments_of")(&err)
	return all(s.query(ctx, `
		SELECT account.name, role.id, role.account, role.name, role.policy, role.created_ms
		FROM assignment JOIN role ON role.id = assignment.role JOIN account ON account.id = role.account
		WHERE assignment.person = ? ORDER BY role.account, role.name`, personID), scanAssignment)
}

func scanAssignment(row scanner) (a store.Assignment, err error) {
	r := &a.Role
	err = row.Scan(&a.AccountName, &r.ID, &r.Account, &r.Name, &r.Policy, instant{&r.Created})
	return a, err
}
