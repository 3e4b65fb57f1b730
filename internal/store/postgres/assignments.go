package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Assign implements store.Directory.
func (s *Store) Assign(ctx context.Context, personID, roleID string) (err error) {
	defer s.operation(ctx, "assign")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("person or role", `INSERT INTO assignment (person, role) VALUES ($1, $2) ON CONFLICT (person, role) DO NOTHING`,
			personID, roleID)
	})
}

// Unassign implements store.Directory.
func (s *Store) Unassign(ctx context.Context, personID, roleID string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "unassign")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("assignment", `DELETE FROM assignment WHERE person = $1 AND role = $2`, personID, roleID); err != nil {
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
	list, err := all(s.directory(ctx, `
		SELECT account.name, role.id, role.account, role.name, role.policy, role.created_ms
		FROM assignment JOIN role ON role.id = assignment.role JOIN account ON account.id = role.account
		WHERE assignment.person = $1`, personID), scanAssignment)
	slices.SortFunc(list, func(a, b store.Assignment) int { return compareRoles(a.Role, b.Role) })
	return list, err
}

// compareRoles orders roles by account, then name, in the order of bytes.
func compareRoles(a, b store.Role) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Name, b.Name))
}

func scanAssignment(row scanner) (a store.Assignment, err error) {
	r := &a.Role
	err = row.Scan(&a.AccountName, &r.ID, &r.Account, &r.Name, &r.Policy, instant{&r.Created})
	return a, err
}
