package sqlite

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// RegisterClient implements store.Grants.
func (s *Store) RegisterClient(ctx context.Context, c store.DynamicClient) (err error) {
	defer s.operation(ctx, "register_client")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("client", `INSERT INTO dynamic_client (id, metadata, created_ms, expires_ms) VALUES (?, ?, ?, ?)`,
			c.ID[:], c.Metadata, c.Created.UnixMilli(), c.Expires.UnixMilli())
	})
}

// DynamicClientByID implements store.Grants.
func (s *Store) DynamicClientByID(ctx context.Context, id signin.SessionID) (_ store.DynamicClient, err error) {
	defer s.operation(ctx, "dynamic_client_by_id")(&err)
	return one("client", s.query(ctx, `SELECT id, metadata, created_ms, expires_ms FROM dynamic_client WHERE id = ?`, id[:]), scanDynamicClient)
}

func scanDynamicClient(row scanner) (c store.DynamicClient, err error) {
	err = row.Scan(fixed(c.ID[:]), &c.Metadata, instant{&c.Created}, instant{&c.Expires})
	return c, err
}
