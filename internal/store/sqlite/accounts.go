package sqlite

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/store"
)

// AddAccount implements store.Directory.
func (s *Store) AddAccount(ctx context.Context, a store.Account) (err error) {
	defer s.operation(ctx, "add_account")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("account", `INSERT INTO account (id, name, created_ms) VALUES (?, ?, ?)`, a.ID, a.Name, a.Created.UnixMilli())
	})
}

// AccountByID implements store.Directory.
func (s *Store) AccountByID(ctx context.Context, id string) (_ store.Account, err error) {
	defer s.operation(ctx, "account_by_id")(&err)
	return one("account", s.query(ctx, `SELECT id, name, created_ms FROM account WHERE id = ?`, id), scanAccount)
}

// Accounts implements store.Directory.
func (s *Store) Accounts(ctx context.Context) (_ []store.Account, err error) {
	defer s.operation(ctx, "accounts")(&err)
	return all(s.query(ctx, `SELECT id, name, created_ms FROM account ORDER BY id`), scanAccount)
}

func scanAccount(row scanner) (a store.Account, err error) {
	err = row.Scan(&a.ID, &a.Name, instant{&a.Created})
	return a, err
}
