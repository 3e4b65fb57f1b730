package keyring

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// An id token and an access token are told apart by their header and their key, whatever their claims are.
func TestAccessTokensHaveKeysOfTheirOwn(t *testing.T) {
	for _, algorithm := range Algorithms {
		o := options
		o.Algorithm = algorithm
		r := openRing(t, newStore(t), newRoot(t), o, day0)
		k := r.TokenKey(day0)
		if k.Algorithm != "ES256" || k.ID == r.SigningKey(day0).ID {
			t.Errorf("with id tokens by %s, access tokens are signed by %s with key %s", algorithm, k.Algorithm, k.ID)
		}
		token, err := k.Sign([]byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := verify(t, token, "at+jwt", jwksOf(t, r)); !ok {
			t.Errorf("%s does not verify with the published keys", token)
		}
	}
}

// A ring of the version before has no key of access tokens. The first node of this version makes one, and the next one that
// starts signs with the same.
func TestOlderRingGetsAKeyOfAccessTokens(t *testing.T) {
	st, root := newStore(t), newRoot(t)
	openRing(t, st, root, options, day0)
	rows := slices.DeleteFunc(rowsOf(t, st), func(row store.RingKey) bool { return row.Purpose == purposeToken })
	older := newStore(t)
	if err := older.AddRingKeys(t.Context(), 0, rows); err != nil {
		t.Fatal(err)
	}
	now := day0.Add(time.Hour)
	first, second := openRing(t, older, root, options, now), openRing(t, older, root, options, now.Add(time.Minute))
	if n := len(rowsOf(t, older)); n != len(rows)+1 {
		t.Errorf("the ring has %d keys, want one more than %d", n, len(rows))
	}
	if a, b := first.TokenKey(now).ID, second.TokenKey(now).ID; a != b || jwksOf(t, second)[a].Kid != a {
		t.Errorf("the nodes sign with %s and %s, of the published %s", a, b, second.JWKS())
	}
}

func TestKeysOfAccessTokensRotate(t *testing.T) {
	r := openRing(t, newStore(t), newRoot(t), options, day0)
	old := r.TokenKey(day0).ID
	publish := day0.Add(30*day - options.Publish)
	maintain(t, publish, r)
	if got := r.TokenKey(publish).ID; got != old {
		t.Errorf("when the next key is published, %s is in use, want %s", got, old)
	}
	inUse := publish.Add(options.Publish)
	if next := r.TokenKey(inUse).ID; next == old || jwksOf(t, r)[next].Kid == "" || jwksOf(t, r)[old].Kid == "" {
		t.Errorf("in due time %s is in use, and published are %s", next, r.JWKS())
	}
	if age := r.Ages(inUse)[purposeToken]; age != 0 {
		t.Errorf("the key in use is %v old, want 0", age)
	}
}
