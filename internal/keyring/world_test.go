package keyring

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

var errOut = errors.New("out of reach")

// remote is a root key on another machine: it counts what it is asked, and can be away.
type remote struct {
	Wrapper
	id string

	mu              sync.Mutex
	wraps, unwraps  int
	away, noUnwraps bool
	hang            chan struct{} // it does not answer until this is closed, or the asker gives up; nil: it answers
}

func newRemote(t *testing.T, id string) *remote {
	t.Helper()
	w, err := ParseLocal(NewRootKey())
	if err != nil {
		t.Fatal(err)
	}
	return &remote{Wrapper: w, id: id}
}

func (r *remote) ID() string { return r.id }

func (r *remote) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// asked returns how often it was asked to unwrap since the last call.
func (r *remote) asked() (n int) {
	r.set(func() { n, r.unwraps = r.unwraps, 0 })
	return n
}

func (r *remote) answer(ctx context.Context, count *int, no func() bool) error {
	r.mu.Lock()
	*count++
	hang, away := r.hang, r.away || no()
	r.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if away {
		return errOut
	}
	return nil
}

func (r *remote) Wrap(ctx context.Context, l Label, secret []byte) ([]byte, error) {
	if err := r.answer(ctx, &r.wraps, func() bool { return false }); err != nil {
		return nil, err
	}
	return r.Wrapper.Wrap(ctx, l, secret)
}

func (r *remote) Unwrap(ctx context.Context, l Label, wrapped []byte) ([]byte, error) {
	if err := r.answer(ctx, &r.unwraps, func() bool { return r.noUnwraps }); err != nil {
		return nil, err
	}
	return r.Wrapper.Unwrap(ctx, l, wrapped)
}

// cut is a store that a node may lose its way to.
type cut struct {
	store.Store
	away bool
}

var errCut = errors.New("the database is out of reach")

func (c *cut) RingKeys(ctx context.Context) ([]store.RingKey, error) {
	if c.away {
		return nil, errCut
	}
	return c.Store.RingKeys(ctx)
}

func opens(r *Ring, token string) bool {
	_, _, err := seal.OpenRefresh(r, token)
	return err == nil
}

// stripIDs makes rows what an older version would have written.
func stripIDs(rows []store.RingKey) {
	for i := range rows {
		if _, body, err := splitWrapped(rows[i].Wrapped); err == nil {
			rows[i].Wrapped = body
		}
	}
}
