package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// AddRole implements store.Directory.
func (s *Store) AddRole(ctx context.Context, r store.Role) (err error) {
	defer s.operation(ctx, "add_role")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("role or its account", `INSERT INTO role (id, account, name, policy, created_ms) VALUES ($1, $2, $3, $4, $5)`,
			r.ID, r.Account, r.Name, r.Policy, r.Created.UnixMilli())
	})
}

// RoleByName implements store.Directory.
func (s *Store) RoleByName(ctx context.Context, account, name string) (_ store.Role, err error) {
	defer s.operation(ctx, "role_by_name")(&err)
	return one("role", s.directory(ctx, `
		SELECT id, account, name, policy, created_ms FROM role WHERE account = $1 AND name = $2`, account, name), scanRole)
}

// Roles implements store.Directory. The order is that of bytes, whatever the database is set to.
func (s *Store) Roles(ctx context.Context) (_ []store.Role, err error) {
	defer s.operation(ctx, "roles")(&err)
	list, err := all(s.query(ctx, `SELECT id, account, name, policy, created_ms FROM role`), scanRole)
	slices.SortFunc(list, compareRoles)
	return list, err
}

func scanRole(row scanner) (r store.Role, err error) {
	err = row.Scan(&r.ID, &r.Account, &r.Name, &r.Policy, instant{&r.Created})
	return r, err
}

// SetRolePolicy implements store.Directory.
func (s *Store) SetRolePolicy(ctx context.Context, roleID, policy string, denies bool, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "set_role_policy")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("role", `UPDATE role SET policy = $1 WHERE id = $2`, policy, roleID); err != nil {
			return err
		}
		reason := signin.ChangedRole
		if denies {
			reason = signin.DeniedRole
		}
		return t.announce(signin.Notice{Reason: reason, Subject: roleID, At: at, Expires: noticeExpires})
	})
}
