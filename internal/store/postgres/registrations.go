package postgres

import (
	"bytes"
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	dynamicClients = `SELECT id, metadata, created_ms, expires_ms FROM dynamic_client WHERE id < $1 ORDER BY id DESC LIMIT $2`
	countClients   = `SELECT count(*) FROM (SELECT id FROM dynamic_client LIMIT $1) AS counted`
)

// DynamicClients implements store.Grants.
func (s *Store) DynamicClients(ctx context.Context, before signin.SessionID, limit int) (_ []store.DynamicClient, err error) {
	defer s.operation(ctx, "dynamic_clients")(&err)
	below := before[:]
	if before == (signin.SessionID{}) {
		below = bytes.Repeat([]byte{0xff}, len(before)+1) // lies behind every id
	}
	return all(s.query(ctx, dynamicClients, below, int64(max(0, limit))), scanDynamicClient)
}

// CountDynamicClients implements store.Grants.
func (s *Store) CountDynamicClients(ctx context.Context, most int) (_ int, err error) {
	defer s.operation(ctx, "count_dynamic_clients")(&err)
	n, err := one("client", s.query(ctx, countClients, int64(max(0, most))), scanCount)
	return int(n), err
}

// RemoveDynamicClient implements store.Grants.
func (s *Store) RemoveDynamicClient(ctx context.Context, id signin.SessionID, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "remove_dynamic_client")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("client", `DELETE FROM dynamic_client WHERE id = $1`, id[:]); err != nil {
			return err
		}
		return t.announce(signin.Notice{Reason: signin.RemovedClient, Subject: id.String(), At: at, Expires: noticeExpires})
	})
}
