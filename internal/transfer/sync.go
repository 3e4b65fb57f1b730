package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"iter"

	"github.com/latchkey-id/latchkey/internal/store"
)

// batch is how many records are written in one transaction.
const batch = 1000

// Digest is what a part holds: how many records, and the SHA-256 of their canonical forms in the order of their keys, each
// after its length in eight bytes.
type Digest struct {
	Count int
	Sum   [sha256.Size]byte
}

// Progress hears of the work at a part every so often, and when it is done: how many records were compared, and how many
// of them written or removed. reading tells that the part was read back only.
type Progress func(p store.Part, compared, changed int, reading bool)

// often is how many records lie between two words of progress.
const often = 5000

// sync makes the parts of target the same as those of source, and returns the digests of source. With lenient, records are
// passed over that cannot be kept because of what others changed at the source since the pass began.
func (c *copying) sync(ctx context.Context, lenient bool) (map[store.Part]Digest, error) {
	digests := make(map[store.Part]Digest)
	for _, p := range store.Parts() {
		m := merge{copying: c, part: p, lenient: lenient, sum: newSum()}
		if err := m.run(ctx); err != nil {
			return nil, fmt.Errorf("copy %v: %w", p, err)
		}
		digests[p] = m.sum.digest()
	}
	return digests, nil
}

// merge goes through one part of both sides.
type merge struct {
	*copying
	part    store.Part
	lenient bool
	sum     *sum // of the source

	compared, changed int
	keep, drop        []store.Record // to be written and removed
}

// run reads the target one record ahead of the source, so that what is written lies behind where it is read.
func (m *merge) run(ctx context.Context) error {
	theirs, stop := iter.Pull2(m.target.Contents(ctx, m.part))
	defer stop()
	there, more, err := pull(theirs)
	if err != nil {
		return err
	}
	for ours, err := range m.source.Contents(ctx, m.part) {
		if err != nil {
			return err
		}
		key, form := ours.Key(), ours.Canonical()
		m.sum.add(form)
		same := false
		for more && bytes.Compare(there.Key(), key) <= 0 {
			if bytes.Equal(there.Key(), key) {
				same = bytes.Equal(there.Canonical(), form)
			} else {
				m.drop = append(m.drop, there)
			}
			if there, more, err = pull(theirs); err != nil {
				return err
			}
		}
		if !same {
			m.keep = append(m.keep, ours)
		}
		if err := m.step(ctx); err != nil {
			return err
		}
	}
	for more {
		m.drop = append(m.drop, there)
		if there, more, err = pull(theirs); err != nil {
			return err
		}
		if err := m.step(ctx); err != nil {
			return err
		}
	}
	if err := m.flush(ctx); err != nil {
		return err
	}
	m.progress(m.part, m.compared, m.changed, false)
	return nil
}

// pull returns the next record, and whether there is one.
func pull(next func() (store.Record, error, bool)) (store.Record, bool, error) {
	r, err, ok := next()
	return r, ok && err == nil, err
}

// step counts a record, and writes when enough has gathered.
func (m *merge) step(ctx context.Context) error {
	if m.compared++; m.compared%often == 0 {
		m.progress(m.part, m.compared, m.changed, false)
	}
	if len(m.keep) < batch && len(m.drop) < batch {
		return nil
	}
	return m.flush(ctx)
}

// flush writes what has gathered. What is dropped goes first: it may have the name of what is kept.
func (m *merge) flush(ctx context.Context) error {
	if err := m.target.Remove(ctx, m.drop); err != nil {
		return err
	}
	err := m.target.Restore(ctx, m.keep)
	if m.lenient && (errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists)) {
		err = nil
	}
	if err != nil {
		return err
	}
	m.changed += len(m.keep) + len(m.drop)
	m.keep, m.drop = m.keep[:0], m.drop[:0]
	return nil
}

// sum gathers a digest.
type sum struct {
	hash  hash.Hash
	count int
}

func newSum() *sum { return &sum{hash: sha256.New()} }

func (s *sum) add(canonical []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(canonical)))
	s.hash.Write(length[:])
	s.hash.Write(canonical)
	s.count++
}

func (s *sum) digest() Digest { return Digest{Count: s.count, Sum: [sha256.Size]byte(s.hash.Sum(nil))} }
