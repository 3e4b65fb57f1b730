package keyring

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

// readAtMost is how long reading the ring may take. A network that swallowed the question must not hold up the next one.
const readAtMost = 5 * time.Second

// secret is a key that was unwrapped.
type secret struct {
	purpose string
	created time.Time
	wrapped []byte
	bytes   []byte
}

// is tells whether this is the key of a row, however the row is wrapped now: what a row names never becomes another key.
func (k secret) is(row store.RingKey) bool {
	return k.bytes != nil && k.purpose == row.Purpose && k.created.Equal(row.Created)
}

// reading is what the database has of the ring at one moment.
type reading struct {
	now     time.Time
	all     int             // how many keys there are
	live    []store.RingKey // those that have not expired, by UseFrom and then id
	closed  []store.RingKey // those of them that must be unwrapped, because they are not known as they are wrapped now
	broken  error           // why a key that was unwrapped is of no use
	highest uint32          // of all ids that were ever seen
	last    bool            // the key with the highest id of all there are has not expired
}

// read reads the ring and makes it the view, as far as memory knows its keys. It asks no root key, so what was killed is
// gone from here on, whatever else is slow. The first view has all keys or is none.
func (r *Ring) read(ctx context.Context) (reading, error) {
	r.mu.Lock() // over the query, too: a view must not replace one that was read after it
	defer r.mu.Unlock()
	asking, cancel := context.WithTimeout(ctx, readAtMost)
	defer cancel()
	rows, err := r.keys.RingKeys(asking)
	if err != nil {
		return reading{}, fmt.Errorf("load key ring: %w", err)
	}
	v := reading{now: r.now, all: len(rows)}
	if n := len(rows); n > 0 { // they are by id
		r.highest = max(r.highest, rows[n-1].ID)
		v.last = !expired(rows[n-1], r.now)
	}
	v.highest = r.highest
	v.live = slices.DeleteFunc(rows, func(row store.RingKey) bool { return expired(row, r.now) })
	slices.SortFunc(v.live, func(a, b store.RingKey) int {
		return cmp.Or(a.UseFrom.Compare(b.UseFrom), cmp.Compare(a.ID, b.ID))
	})
	s, err := r.view(&v)
	if err != nil {
		return reading{}, err
	}
	if r.state.Load() != nil || len(s.lacking) == 0 {
		r.state.Store(s)
	}
	return v, nil
}

// view returns what memory knows of the live keys of v, and fills in which it does not know. What it knows of other keys
// is forgotten.
func (r *Ring) view(v *reading) (*state, error) {
	s := &state{byID: map[uint32]*seal.Key{}, access: map[uint32]*seal.Key{}, loaded: v.now}
	held := map[uint32]secret{}
	var broken []error
	for _, row := range v.live {
		known := r.held[row.ID]
		if !known.is(row) {
			v.closed = append(v.closed, row)
			s.lacking = append(s.lacking, lack{row: row, why: cmp.Or(r.why[row.ID], errUnopened)})
			continue
		}
		if !bytes.Equal(known.wrapped, row.Wrapped) {
			v.closed = append(v.closed, row) // and until it opens, the key is the one from before
		}
		held[row.ID] = known
		if err := s.add(row, known.bytes, r.opts.Issuer, v.now); err != nil {
			s.lacking = append(s.lacking, lack{row: row, why: err})
			broken = append(broken, err)
		}
	}
	r.held, v.broken = held, errors.Join(broken...)
	if err := s.standIn(r.opts); err != nil {
		return nil, err
	}
	s.jwks = encodeJWKS(s.signing, s.tokens)
	return s, nil
}

// keep keeps what is in a row, so that no root key is asked for it again.
func (r *Ring) keep(row store.RingKey, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.highest = max(r.highest, row.ID)
	r.held[row.ID] = secret{purpose: row.Purpose, created: row.Created, wrapped: row.Wrapped, bytes: b}
}

func (s *state) add(row store.RingKey, secret []byte, issuer string, now time.Time) error {
	switch row.Purpose {
	case purposeSeal, purposeAccessKey:
		k, err := seal.NewKey(row.ID, secret, issuer)
		if err != nil {
			return err
		}
		if row.Purpose == purposeAccessKey {
			if len(s.access) == 0 || !row.UseFrom.After(now) {
				s.newest = row.ID // rows come by UseFrom
			}
			s.access[row.ID] = k
			return nil
		}
		s.byID[row.ID] = k
		s.sealing = append(s.sealing, sealKey{Key: k, useFrom: row.UseFrom})
	case purposeES384, purposeES256, purposeToken:
		k, err := newSigningKey(row, secret)
		if err != nil {
			return err
		}
		if row.Purpose == purposeToken {
			s.tokens = append(s.tokens, k)
			return nil
		}
		s.signing = append(s.signing, k)
	}
	return nil // a purpose of a newer version: not ours to use
}
