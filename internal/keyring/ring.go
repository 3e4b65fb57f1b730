package keyring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

// The purposes of keys, as the store keeps them.
const (
	purposeSeal      = "seal"       // envelopes, and credentials derived beside them
	purposeAccessKey = "access-key" // secrets of long-lived access keys are derived from it; never rotated
	purposeES384     = "sign-es384"
	purposeES256     = "sign-es256"
)

// Options say how the ring is kept.
type Options struct {
	// Issuer is bound into every envelope.
	Issuer string
	// Algorithm of id tokens: "ES384" or "ES256".
	Algorithm string
	// Rotate is how long a key is in use before the next one takes its place.
	Rotate time.Duration
	// Publish is how long a new key is in the database before it is used; longer than nodes take to load it.
	Publish time.Duration
	// Longest is how long the longest-lived envelope lives.
	Longest time.Duration
}

// Ring holds the keys in memory. It is safe for concurrent use; reading it takes no lock.
type Ring struct {
	keys  store.Keys
	root  *Root
	opts  Options
	state atomic.Pointer[state]
}

// state is one view of the ring; it never changes once it is published.
type state struct {
	sealing []sealKey // by UseFrom, then id
	byID    map[uint32]*seal.Key
	signing []*SigningKey // by UseFrom, then id, of all algorithms
	access  map[uint32]*seal.Key
	newest  uint32 // the access key key that new access keys use
	jwks    []byte
}

type sealKey struct {
	*seal.Key
	useFrom time.Time
	expires time.Time
}

// Open loads the ring, and makes the keys that are missing: all of them in a new database. ErrWrongRoot: root is not
// the key that the ring was wrapped with.
func Open(ctx context.Context, keys store.Keys, root *Root, opts Options, now time.Time) (*Ring, error) {
	r := &Ring{keys: keys, root: root, opts: opts}
	if err := r.Maintain(ctx, now); err != nil {
		return nil, err
	}
	return r, nil
}

// Maintain loads what other nodes changed, publishes the next key of a purpose when its time has come, and deletes
// expired ones. It is called again every so often, more often than Options.Publish.
func (r *Ring) Maintain(ctx context.Context, now time.Time) error {
	// Several rounds, because of many nodes that find a key missing one makes it and the others load it.
	for range 3 {
		rows, err := r.keys.RingKeys(ctx)
		if err != nil {
			return fmt.Errorf("load key ring: %w", err)
		}
		// Loading comes first: it finds a wrong root key, with which nothing must be added.
		if err := r.load(ctx, rows, now); err != nil {
			return err
		}
		made, err := r.missing(rows, now)
		if err != nil || len(made) == 0 {
			return err
		}
		err = r.keys.AddRingKeys(ctx, len(rows), made)
		if err != nil && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("add to key ring: %w", err)
		}
	}
	return errors.New("the key ring kept changing while it was loaded")
}

// class is what keys replace each other in: a signing key of one algorithm replaces one of another.
func class(purpose string) string {
	if purpose == purposeES384 || purpose == purposeES256 {
		return "sign"
	}
	return purpose
}

// missing returns the keys that should be added to rows.
func (r *Ring) missing(rows []store.RingKey, now time.Time) ([]store.RingKey, error) {
	var next uint32 = 1
	newest := map[string]store.RingKey{}
	for _, row := range rows {
		next = max(next, row.ID+1)
		if n, ok := newest[class(row.Purpose)]; !ok || !row.UseFrom.Before(n.UseFrom) {
			newest[class(row.Purpose)] = row
		}
	}
	var made []store.RingKey
	for _, purpose := range []string{purposeSeal, purposeAccessKey, signPurpose(r.opts.Algorithm)} {
		useFrom := now
		if row, ok := newest[class(purpose)]; ok {
			due := !now.Before(row.UseFrom.Add(r.opts.Rotate - r.opts.Publish))
			if row.Purpose == purpose && (purpose == purposeAccessKey || !due) {
				continue
			}
			useFrom = now.Add(r.opts.Publish)
		}
		secret, publicID, err := newSecret(purpose)
		if err != nil {
			return nil, err
		}
		made = append(made, store.RingKey{
			ID: next, Purpose: purpose, Created: now, UseFrom: useFrom,
			Wrapped: r.root.wrap(next, purpose, secret), PublicID: publicID,
		})
		next++
	}
	return made, nil
}

// load makes rows the view, and retires what newer keys replaced. With a wrong root key it changes nothing.
func (r *Ring) load(ctx context.Context, rows []store.RingKey, now time.Time) error {
	slices.SortFunc(rows, func(a, b store.RingKey) int {
		return cmp.Or(a.UseFrom.Compare(b.UseFrom), cmp.Compare(a.ID, b.ID))
	})
	replaced := r.replaced(rows)
	s := &state{byID: map[uint32]*seal.Key{}, access: map[uint32]*seal.Key{}}
	expired := false
	for _, row := range rows {
		if !row.Expires.IsZero() && row.Expires.Before(now) {
			expired = true
			continue
		}
		secret, err := r.root.unwrap(row.ID, row.Purpose, row.Wrapped)
		if err != nil {
			return err
		}
		if err := s.add(row, secret, r.opts.Issuer); err != nil {
			return err
		}
	}
	for _, row := range replaced {
		if err := r.keys.RetireRingKey(ctx, row.ID, row.Expires); err != nil {
			return fmt.Errorf("retire ring key: %w", err)
		}
	}
	if expired {
		if err := r.keys.DeleteRingKeys(ctx, now); err != nil {
			return fmt.Errorf("delete expired ring keys: %w", err)
		}
	}
	s.jwks = encodeJWKS(s.signing)
	r.state.Store(s)
	return nil
}

// replaced sets the expiry of those of rows, which are sorted, that a newer one has replaced, and returns them.
func (r *Ring) replaced(rows []store.RingKey) []store.RingKey {
	var found []store.RingKey
	for i := range rows {
		row := &rows[i]
		if row.Purpose == purposeAccessKey || !row.Expires.IsZero() {
			continue
		}
		next := slices.IndexFunc(rows[i+1:], func(later store.RingKey) bool { return class(later.Purpose) == class(row.Purpose) })
		if next >= 0 {
			row.Expires = rows[i+1+next].UseFrom.Add(r.opts.Longest)
			found = append(found, *row)
		}
	}
	return found
}

func (s *state) add(row store.RingKey, secret []byte, issuer string) error {
	switch row.Purpose {
	case purposeSeal, purposeAccessKey:
		k, err := seal.NewKey(row.ID, secret, issuer)
		if err != nil {
			return err
		}
		if row.Purpose == purposeAccessKey {
			s.access[row.ID] = k
			s.newest = max(s.newest, row.ID)
			return nil
		}
		s.byID[row.ID] = k
		s.sealing = append(s.sealing, sealKey{Key: k, useFrom: row.UseFrom, expires: row.Expires})
	case purposeES384, purposeES256:
		k, err := newSigningKey(row, secret)
		if err != nil {
			return err
		}
		s.signing = append(s.signing, k)
	}
	return nil // a purpose of a newer version: not ours to use
}

// SealingKey returns the key in use at the time at, which may lie in the past. (Of a time before all keys, it is the
// oldest one.)
func (r *Ring) SealingKey(at time.Time) *seal.Key {
	keys := r.state.Load().sealing
	for i := len(keys) - 1; i > 0; i-- {
		if !keys[i].useFrom.After(at) {
			return keys[i].Key
		}
	}
	return keys[0].Key
}

// SealKey returns the key that sealed an envelope, if the ring still holds it.
func (r *Ring) SealKey(id uint32) (*seal.Key, bool) {
	k, ok := r.state.Load().byID[id]
	return k, ok
}

// AccessKeyKey returns the key from which new long-lived access keys are derived.
func (r *Ring) AccessKeyKey() *seal.Key {
	s := r.state.Load()
	return s.access[s.newest]
}

// AccessKeyByID returns the key that an access key was derived from.
func (r *Ring) AccessKeyByID(id uint32) (*seal.Key, bool) {
	k, ok := r.state.Load().access[id]
	return k, ok
}

// Ages returns since when the key in use of each purpose has been in use, for metrics.
func (r *Ring) Ages(now time.Time) map[string]time.Duration {
	s := r.state.Load()
	ages := map[string]time.Duration{}
	for _, k := range s.sealing {
		if !k.useFrom.After(now) {
			ages[purposeSeal] = now.Sub(k.useFrom)
		}
	}
	for _, k := range s.signing {
		if !k.useFrom.After(now) {
			ages[signPurpose(k.Algorithm)] = now.Sub(k.useFrom)
		}
	}
	return ages
}
