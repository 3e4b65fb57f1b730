package keyring

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/store"
)

// Nothing in the database is of use without the root key, and a wrong one changes nothing: not even what is due.
func TestWrongRootKeyIsRefusedAndChangesNothing(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	openRing(t, st, root, options, day0)
	for _, tt := range []struct {
		name        string
		right, then time.Duration // when the right key is used, and then a wrong one
	}{
		{"nothing is due", 0, time.Minute},
		{"new keys are due", time.Minute, 31 * day},
		{"old ones have expired", 30 * day, 40 * day},
		{"both", 40 * day, 100 * day},
	} {
		openRing(t, st, root, options, day0.Add(tt.right))
		before := rowsOf(t, st)
		if _, err := Open(t.Context(), st, newRoot(t), options, day0.Add(tt.then)); !errors.Is(err, ErrWrongRoot) {
			t.Errorf("%s: Open with another root key = %v, want ErrWrongRoot", tt.name, err)
		}
		if diff := cmp.Diff(before, rowsOf(t, st)); diff != "" {
			t.Errorf("%s: opening with another root key changed the ring:\n%s", tt.name, diff)
		}
	}
}

// edited is a store whose rows somebody changed.
type edited struct {
	store.Keys
	change func([]store.RingKey)
}

func (e edited) RingKeys(ctx context.Context) ([]store.RingKey, error) {
	rows, err := e.Keys.RingKeys(ctx)
	e.change(rows)
	return rows, err
}

// Attack: somebody who can write to the database exchanges or alters keys, for example to have an old key used again.
func TestAlteredRowsAreRefused(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	r := openRing(t, st, root, options, day0)
	maintain(t, day0.Add(30*day), r) // now there are two of those that rotate
	find := func(rows []store.RingKey, purpose string) (indices []int) {
		for i := range rows {
			if rows[i].Purpose == purpose {
				indices = append(indices, i)
			}
		}
		return indices
	}
	for name, change := range map[string]func(rows []store.RingKey){
		"the secrets of two keys of one purpose are swapped": func(rows []store.RingKey) {
			i := find(rows, purposeSeal)
			rows[i[0]].Wrapped, rows[i[1]].Wrapped = rows[i[1]].Wrapped, rows[i[0]].Wrapped
		},
		"the secrets of two purposes are swapped": func(rows []store.RingKey) {
			i, j := find(rows, purposeSeal)[0], find(rows, purposeAccessKey)[0]
			rows[i].Wrapped, rows[j].Wrapped = rows[j].Wrapped, rows[i].Wrapped
		},
		"the ids of two keys are swapped": func(rows []store.RingKey) {
			i := find(rows, purposeSeal)
			rows[i[0]].ID, rows[i[1]].ID = rows[i[1]].ID, rows[i[0]].ID
		},
		"a key has another purpose": func(rows []store.RingKey) { rows[find(rows, purposeAccessKey)[0]].Purpose = purposeSeal },
		"a bit is turned over": func(rows []store.RingKey) {
			i := find(rows, purposeSeal)[0]
			rows[i].Wrapped = bytes.Clone(rows[i].Wrapped)
			rows[i].Wrapped[30] ^= 1
		},
		"a secret is cut":     func(rows []store.RingKey) { rows[0].Wrapped = rows[0].Wrapped[:10] },
		"a secret is missing": func(rows []store.RingKey) { rows[0].Wrapped = nil },
	} {
		if _, err := Open(t.Context(), edited{st, change}, root, options, day0.Add(30*day)); !errors.Is(err, ErrWrongRoot) {
			t.Errorf("%s: Open = %v, want ErrWrongRoot", name, err)
		}
	}
}

func TestRootKeyHasItsForm(t *testing.T) {
	good := NewRootKey()
	if other := NewRootKey(); good == other || len(good) != 44 {
		t.Errorf("NewRootKey = %q, then %q", good, other)
	}
	for _, text := range []string{good, good + "\n", "  " + good + "\r\n"} {
		if _, err := ParseRoot(text); err != nil {
			t.Errorf("ParseRoot(a good key) = %v", err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "too short": good[4:], "too long": "AAAA" + good, "no padding": strings.TrimRight(good, "="), "hex": strings.Repeat("ab", 32),
		"two keys": good + "\n" + good, "another alphabet": "-_" + good[2:], "no base64": strings.Repeat("!", 44),
	} {
		_, err := ParseRoot(text)
		if err == nil {
			t.Errorf("%s: ParseRoot = nil, want an error", name)
		} else if text != "" && strings.Contains(err.Error(), strings.TrimSpace(text)[:4]) {
			t.Errorf("%s: ParseRoot = %v, which shows the key", name, err)
		}
	}
}
