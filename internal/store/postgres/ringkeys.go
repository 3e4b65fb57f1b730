package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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

// AddRingKeys implements store.Keys. A row that all who add lock first makes them come one after the other, so that none
// counts what another is about to change. It is one that nobody else waits for.
func (s *Store) AddRingKeys(ctx context.Context, have int, keys []store.RingKey) (err error) {
	defer s.operation(ctx, "add_ring_keys")(&err)
	return s.write(ctx, func(t tx) error {
		if _, err := t.exec(`SELECT version FROM schema_migrations WHERE version = 1 FOR UPDATE`); err != nil {
			return err
		}
		var found int64
		if err := t.pg.QueryRow(t.ctx, `SELECT count(*) FROM ring_key`).Scan(&found); err != nil {
			return err
		}
		if found != int64(have) {
			return fmt.Errorf("the ring has %d keys, not %d: %w", found, have, store.ErrExists)
		}
		for _, k := range keys {
			err := t.add("ring key", `
				INSERT INTO ring_key (id, purpose, created_ms, use_from_ms, expires_ms, wrapped, public_id) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				int64(k.ID), k.Purpose, k.Created.UnixMilli(), k.UseFrom.UnixMilli(), expiry(k.Expires), k.Wrapped, k.PublicID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// expiry returns what is kept for a time of which zero means never.
func expiry(at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	return new(at.UnixMilli())
}

// RetireRingKey implements store.Keys.
func (s *Store) RetireRingKey(ctx context.Context, id uint32, was, expires time.Time) (err error) {
	defer s.operation(ctx, "retire_ring_key")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("ring key as it expired", `UPDATE ring_key SET expires_ms = $1 WHERE id = $2 AND expires_ms IS NOT DISTINCT FROM $3`,
			expiry(expires), int64(id), expiry(was))
	})
}

// DeleteRingKeys implements store.Keys.
func (s *Store) DeleteRingKeys(ctx context.Context, now time.Time) (err error) {
	defer s.operation(ctx, "delete_ring_keys")(&err)
	return s.write(ctx, func(t tx) error {
		_, err := t.exec(`DELETE FROM ring_key WHERE expires_ms < $1`, now.UnixMilli())
		return err
	})
}

// RewrapRingKeys implements store.Rewrapper. Rows are changed by id, so that those who change the same wait for each other
// in one direction only.
func (s *Store) RewrapRingKeys(ctx context.Context, keys []store.Rewrap) (err error) {
	defer s.operation(ctx, "rewrap_ring_keys")(&err)
	byID := slices.SortedFunc(slices.Values(keys), func(a, b store.Rewrap) int { return cmp.Compare(a.ID, b.ID) })
	return s.write(ctx, func(t tx) error {
		for _, k := range byID {
			err := t.change(fmt.Sprintf("ring key %d as it was wrapped", k.ID), `
				UPDATE ring_key SET wrapped = $1 WHERE id = $2 AND wrapped = $3`, k.To, int64(k.ID), k.From)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
