package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/latchkey-id/latchkey/internal/store"
)

// named is how many differences an error names.
const named = 5

// ErrDiffers: the target does not hold what the source holds.
var ErrDiffers = errors.New("the copy differs from the original")

// verify reads the target back and compares it with the digests of the source.
func (c *copying) verify(ctx context.Context, want map[store.Part]Digest) error {
	var differ []error
	for _, p := range store.Parts() {
		got, err := c.digest(ctx, p)
		if err != nil {
			return fmt.Errorf("read %v back: %w", p, err)
		}
		if got == want[p] {
			continue
		}
		which, err := c.differences(ctx, p)
		if err != nil {
			return fmt.Errorf("compare %v: %w", p, err)
		}
		differ = append(differ, fmt.Errorf("%w: %d %v with SHA-256 %.8x, want %d with %.8x: %s",
			ErrDiffers, got.Count, p, got.Sum, want[p].Count, want[p].Sum, which))
	}
	return errors.Join(differ...)
}

// digest returns that of a part of the target.
func (c *copying) digest(ctx context.Context, p store.Part) (Digest, error) {
	s := newSum()
	for r, err := range c.target.Contents(ctx, p) {
		if err != nil {
			return Digest{}, err
		}
		s.add(r.Canonical())
		if s.count%often == 0 {
			c.progress(p, s.count, 0, true)
		}
	}
	c.progress(p, s.count, 0, true)
	return s.digest(), nil
}

// differences names the first records of a part that are not the same on both sides.
func (c *copying) differences(ctx context.Context, p store.Part) (string, error) {
	theirs, stop := iter.Pull2(c.target.Contents(ctx, p))
	defer stop()
	there, more, err := pull(theirs)
	var found []string
	for ours, e := range c.source.Contents(ctx, p) {
		if err = errors.Join(err, e); err != nil || len(found) >= named {
			break
		}
		for more && bytes.Compare(there.Key(), ours.Key()) < 0 && err == nil {
			found = append(found, there.Name()+" is in the copy only")
			there, more, err = pull(theirs)
		}
		switch {
		case !more || !bytes.Equal(there.Key(), ours.Key()):
			found = append(found, ours.Name()+" is missing")
			continue
		case !bytes.Equal(there.Canonical(), ours.Canonical()):
			found = append(found, ours.Name()+" is not the same")
		}
		there, more, err = pull(theirs)
	}
	for more && err == nil && len(found) < named {
		found = append(found, there.Name()+" is in the copy only")
		there, more, err = pull(theirs)
	}
	return strings.Join(found[:min(named, len(found))], "; "), err
}
