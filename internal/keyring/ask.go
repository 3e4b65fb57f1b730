package keyring

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// askAtMost is how long root keys may take to unwrap what is new, and as long to wrap a fresh key.
const askAtMost = 30 * time.Second

// errUnopened: a root key was not asked yet, or is being asked.
var errUnopened = errors.New("the root key has not unwrapped it yet")

// load reads the ring, and unwraps its keys until memory knows all as they are wrapped. It may wait for root keys. With an error the view lacks
// the keys that did not open.
func (r *Ring) load(ctx context.Context) (reading, error) {
	for range rounds {
		v, err := r.read(ctx)
		if err != nil || len(v.closed) == 0 {
			return v, errors.Join(err, v.broken)
		}
		problem := r.unwrap(ctx, v.closed)
		if problem == nil {
			continue // what was unwrapped becomes the view, unless it was killed meanwhile
		}
		if _, err := r.read(ctx); err != nil {
			return reading{}, errors.Join(problem, err)
		}
		return reading{}, problem
	}
	return reading{}, errRestless
}

// unwrap asks the root keys for rows and keeps what opens. The error has one problem of each root key: one is enough to
// read.
func (r *Ring) unwrap(ctx context.Context, rows []store.RingKey) error {
	ctx, cancel := context.WithTimeout(ctx, askAtMost)
	defer cancel()
	silent := map[string]error{} // root keys that could not be asked, which are not asked again this time
	told := map[string]bool{}
	why := map[uint32]error{}
	var problems []error
	for _, row := range rows {
		root := rootOf(row)
		b, err := []byte(nil), silent[root]
		if err == nil {
			b, err = r.root.unwrap(ctx, labelOf(row), row.Wrapped)
		}
		if err == nil {
			r.keep(row, b)
			continue
		}
		why[row.ID] = err
		if !told[root] {
			problems = append(problems, err)
		}
		told[root] = true
		if !errors.Is(err, ErrWrongRoot) {
			silent[root] = err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.why = why
	return errors.Join(problems...)
}
