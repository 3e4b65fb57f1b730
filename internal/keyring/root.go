package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-id/latchkey/internal/store"
)

// ErrWrongRoot: a key of the ring was wrapped by another root key, or its row was altered.
var ErrWrongRoot = errors.New("the root key is not the one that this database's keys were wrapped with")

// Label is what a wrapped key is bound to, so that rows cannot be exchanged.
type Label struct {
	ID      uint32
	Purpose string
}

// String returns the label for root keys that take text.
func (l Label) String() string { return fmt.Sprintf("latchkey ring key %s %d", l.Purpose, l.ID) }

// Wrapper is a root key, here or far away.
type Wrapper interface {
	// ID names the root key for operators and in front of what it wraps: a kind, a colon and a name of letters, digits
	// and :/_.@+=,- such as "aws-kms:alias/latchkey"; at most 255 characters. It holds nothing secret.
	ID() string
	// Wrap returns secret, at most 512 bytes, so that only Unwrap of the same root key and the same label gives it back.
	Wrap(ctx context.Context, l Label, secret []byte) ([]byte, error)
	// Unwrap returns what Wrap was given. ErrWrongRoot: another root key made wrapped, or for another label. Every other
	// error means that the root key could not be asked; it says why and what to do, and shows no secret.
	Unwrap(ctx context.Context, l Label, wrapped []byte) ([]byte, error)
}

// Root is the one secret that the operator keeps: it wraps the keys of the ring. While the root key changes, it can open
// with further ones.
type Root struct {
	wrapper Wrapper
	all     []Wrapper // wrapper, and those that only open
}

// NewRoot returns a root that wraps with w, and opens with w and any of also.
func NewRoot(w Wrapper, also ...Wrapper) *Root {
	return &Root{wrapper: w, all: append([]Wrapper{w}, also...)}
}

// ID returns the id of the root key that wraps.
func (r *Root) ID() string { return r.wrapper.ID() }

// wrap returns secret as it is kept in the database. It looks whether that opens again, because a root key may let itself
// be used for one and not for the other, and a key that never opens again must not be used.
func (r *Root) wrap(ctx context.Context, l Label, secret []byte) ([]byte, error) {
	body, err := r.wrapper.Wrap(ctx, l, secret)
	if err != nil {
		return nil, fmt.Errorf("wrap a key with %s: %w", r.ID(), err)
	}
	wrapped, err := joinWrapped(r.ID(), body)
	if err != nil {
		return nil, err
	}
	again, err := r.wrapper.Unwrap(ctx, l, body)
	if err != nil {
		return nil, fmt.Errorf("a key that %s has just wrapped does not open: %w", r.ID(), err)
	}
	if !bytes.Equal(again, secret) {
		return nil, fmt.Errorf("a key that %s has just wrapped opens as another", r.ID())
	}
	return wrapped, nil
}

// unwrap returns what wrap was given, by any of the root keys.
func (r *Root) unwrap(ctx context.Context, l Label, wrapped []byte) ([]byte, error) {
	id, body, err := splitWrapped(wrapped)
	if errors.Is(err, errNewerForm) {
		return nil, fmt.Errorf("ring key %d (%s): %w", l.ID, l.Purpose, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: key %d (%s) of the ring: %w", ErrWrongRoot, l.ID, l.Purpose, err)
	}
	var unasked []error
	able := r.able(id)
	for _, w := range able {
		secret, err := w.Unwrap(ctx, l, body)
		if err == nil {
			return secret, nil
		}
		if !errors.Is(err, ErrWrongRoot) {
			unasked = append(unasked, fmt.Errorf("ring key %d (%s) cannot be unwrapped with %s: %w", l.ID, l.Purpose, w.ID(), err))
		}
	}
	if len(unasked) > 0 {
		return nil, errors.Join(unasked...)
	}
	if id == "" {
		id = "a local root key (of a file or an environment variable)"
	}
	if slices.ContainsFunc(able, func(w Wrapper) bool { return w.ID() == id }) {
		return nil, fmt.Errorf("%w: key %d (%s) of the ring names %s, which does not open it. Its row was altered, or the root key of that name is another now",
			ErrWrongRoot, l.ID, l.Purpose, id)
	}
	return nil, fmt.Errorf("%w: key %d (%s) of the ring was wrapped by %s, and here is %s", ErrWrongRoot, l.ID, l.Purpose, id, r)
}

// able returns the root keys that may have made what id is in front of, the likeliest first. The name of a local root key
// follows from the key. Those of other kinds can have several, such as the alias and the ARN of a key.
func (r *Root) able(id string) []Wrapper {
	var same, kin []Wrapper
	for _, w := range r.all {
		switch kind := kindOf(w.ID()); {
		case w.ID() == id:
			same = append(same, w)
		case id == "" && kind == kindLocal, kind == kindOf(id) && kind != kindLocal:
			kin = append(kin, w)
		}
	}
	return append(same, kin...)
}

// String returns the ids of the root keys.
func (r *Root) String() string {
	ids := make([]string, len(r.all))
	for i, w := range r.all {
		ids[i] = w.ID()
	}
	return strings.Join(ids, ", ")
}

// labelOf returns the label of a row.
func labelOf(row store.RingKey) Label { return Label{ID: row.ID, Purpose: row.Purpose} }

// rootOf returns the id of the root key that wrapped a row, for operators.
func rootOf(row store.RingKey) string {
	id, _, err := splitWrapped(row.Wrapped)
	switch {
	case err != nil:
		return "unknown"
	case id == "":
		return kindLocal
	}
	return id
}
