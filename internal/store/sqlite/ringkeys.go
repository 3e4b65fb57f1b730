package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// RingKeys implements store.Keys.
func (s *Store) RingKeys(ctx context.Context) (_ []store.RingKey, err error) {
	defer s.operation(ctx, "ring_keys")(&err)
	return all(s.query(ctx, `
		SELECT id, purpose, created_ms, use_from_ms, expires_ms, wrapped, public_id FROM ring_key ORDER BY id`), scanRingKey)
}

func scanRingKey(row scanner) (k store.RingKey, err error) {
	err = row.Scan(&k.ID, &k.Purpose, instant{&k.Created}, instant{&k.UseFrom}, instant{&k.Expires}, &k.Wrapped, &k.PublicID)
	return k, err
}

// AddRingKeys implements store.Keys.
func (s *Store) AddRingKeys(ctx context.Context, have int, keys []store.RingKey) (err error) {
	defer s.operation(ctx, "add_ring_keys")(&err)
	return s.write(ctx, func(t tx) error {
		var found int
		if err := t.conn.QueryRowContext(context.Background(), `SELECT count(*) FROM ring_key`).Scan(&found); err != nil {
			return err
		}
		if found != have {
			return fmt.Errorf("the ring has %d keys, not %d: %w", found, have, store.ErrExists)
		}
		for _, k := range keys {
			err := t.add("ring key", `
				INSERT INTO ring_key (id, purpose, created_ms, use_from_ms, expires_ms, wrapped, public_id) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				int64(k.ID), k.Purpose, k.Created.UnixMilli(), k.UseFrom.UnixMilli(), expiry(k.Expires), k.Wrapped, k.PublicID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// expiry returns what is kept for a time of which zero means never.
func expiry(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UnixMilli()
}

// RetireRingKey implements store.Keys.
func (s *Store) RetireRingKey(ctx context.Context, id uint32, was, expires time.Time) (err error) {
	defer s.operation(ctx, "retire_ring_key")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("ring key as it expired", `UPDATE ring_key SET expires_ms = ? WHERE id = ? AND expires_ms IS ?`,
			expiry(expires), int64(id), expiry(was))
	})
}

const rewrapKey = `UPDATE ring_key SET wrapped = ? WHERE id = ? AND wrapped = ?`

// RewrapRingKeys implements store.Rewrapper.
func (s *Store) RewrapRingKeys(ctx context.Context, keys []store.Rewrap) (err error) {
	defer s.operation(ctx, "rewrap_ring_keys")(&err)
	return s.write(ctx, func(t tx) error {
		for _, k := range keys {
			if err := t.change(fmt.Sprintf("ring key %d as it was wrapped", k.ID), rewrapKey, k.To, int64(k.ID), k.From); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteRingKeys implements store.Keys.
func (s *Store) DeleteRingKeys(ctx context.Context, now time.Time) (err error) {
	defer s.operation(ctx, "delete_ring_keys")(&err)
	return s.write(ctx, func(t tx) error {
		_, err := t.exec(`DELETE FROM ring_key WHERE expires_ms < ?`, now.UnixMilli())
		return err
	})
}
