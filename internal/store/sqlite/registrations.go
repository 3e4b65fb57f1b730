package sqlite

import (
	"bytes"
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	dynamicClients = `SELECT id, metadata, created_ms, expires_ms FROM dynamic_client WHERE id < ? ORDER BY id DESC LIMIT ?`
	countClients   = `SELECT count(*) FROM (SELECT 1 FROM dynamic_client LIMIT ?)`
)

// DynamicClients implements store.Grants.
func (s *Store) DynamicClients(ctx context.Context, before signin.SessionID, limit int) (_ []store.DynamicClient, err error) {
	defer s.operation(ctx, "dynamic_clients")(&err)
	below := before[:]
	if before == (signin.SessionID{}) {
		below = bytes.Repeat([]byte{0xff}, len(before)+1) // lies behind every id
	}
	return all(s.query(ctx, dynamicClients, below, max(0, limit)), scanDynamicClient)
}

// CountDynamicClients implements store.Grants.
func (s *Store) CountDynamicClients(ctx context.Context, most int) (n int, err error) {
	defer s.operation(ctx, "count_dynamic_clients")(&err)
	err = s.query(ctx, countClients, max(0, most)).scan(&n)
	return n, err
}

// RemoveDynamicClient implements store.Grants.
func (s *Store) RemoveDynamicClient(ctx context.Context, id signin.SessionID, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "remove_dynamic_client")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("client", `DELETE FROM dynamic_client WHERE id = ?`, id[:]); err != nil {
			return err
		}
		return t.announce(signin.Notice{Reason: signin.RemovedClient, Subject: id.String(), At: at, Expires: noticeExpires})
	})
}
