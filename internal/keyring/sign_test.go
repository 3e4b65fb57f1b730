package keyring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

type jwk struct{ Kty, Crv, X, Y, Kid, Use, Alg, D string }

func jwksOf(t *testing.T, r *Ring) map[string]jwk {
	t.Helper()
	var set struct{ Keys []jwk }
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		t.Fatalf("JWKS: %v\n%s", err, r.JWKS())
	}
	byID := map[string]jwk{}
	for _, k := range set.Keys {
		if k.D != "" || byID[k.Kid].Kid != "" || k.Kid == "" {
			t.Errorf("JWKS has a private member, or a kid twice: %s", r.JWKS())
		}
		byID[k.Kid] = k
	}
	return byID
}

// verify verifies a compact JWS with a key of the set, with nothing but the standard library (RFC 7518 section 3.4).
func verify(t *testing.T, token, typ string, keys map[string]jwk) (claims string, ok bool) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	decode := func(s string) []byte {
		b, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		return b
	}
	var header struct{ Alg, Kid, Typ string }
	if err := json.Unmarshal(decode(parts[0]), &header); err != nil {
		t.Fatal(err)
	}
	k, found := keys[header.Kid]
	if !found || k.Alg != header.Alg || k.Kty != "EC" || k.Use != "sig" || header.Typ != typ {
		t.Fatalf("header %+v, key %+v", header, k)
	}
	curve, size, digest := elliptic.P256(), 32, []byte(nil)
	signed := []byte(parts[0] + "." + parts[1])
	switch header.Alg {
	case "ES256":
		sum := sha256.Sum256(signed)
		digest = sum[:]
	case "ES384":
		sum := sha512.Sum384(signed)
		curve, size, digest = elliptic.P384(), 48, sum[:]
	}
	x, y, signature := decode(k.X), decode(k.Y), decode(parts[2])
	if len(x) != size || len(y) != size || len(signature) != 2*size || k.Crv != curve.Params().Name {
		t.Fatalf("%s: coordinates of %d and %d bytes, signature of %d, curve %s", header.Alg, len(x), len(y), len(signature), k.Crv)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		t.Fatal(err)
	}
	return string(decode(parts[1])), ecdsa.Verify(public, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
}

func TestSignaturesVerifyWithThePublishedKeys(t *testing.T) {
	for _, algorithm := range Algorithms {
		o := options
		o.Algorithm = algorithm
		r := openRing(t, newStore(t), newRoot(t), o, day0)
		if got := r.SigningKey(day0).Algorithm; got != algorithm {
			t.Errorf("a ring of %s signs with %s", algorithm, got)
		}
		const claims = `{"sub":"arn:aws:sts::111122223333:assumed-role/Developer/alice"}`
		for range 20 { // some signatures have a short half
			token, err := r.SigningKey(day0).Sign([]byte(claims))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := verify(t, token, "JWT", jwksOf(t, r)); !ok || got != claims {
				t.Errorf("%s: %s of %s verifies: %v", algorithm, token, got, ok)
			}
			head, rest, _ := strings.Cut(token, ".")
			_, signature, _ := strings.Cut(rest, ".")
			altered := head + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"arn:aws:sts::111122223333:assumed-role/Admin/alice"}`)) + "." + signature
			if _, ok := verify(t, altered, "JWT", jwksOf(t, r)); ok {
				t.Errorf("%s: other claims verify as well", algorithm)
			}
		}
	}
}

// A verifier fetches the keys once in a while: it must know a key before it is used, and as long as its tokens are good.
func TestSigningKeysArePublishedBeforeAndAfterTheirUse(t *testing.T) {
	st := newStore(t)
	r := openRing(t, st, newRoot(t), options, day0)
	old := r.SigningKey(day0).ID
	publish := day0.Add(30*day - options.Publish)
	maintain(t, publish, r)
	next := r.SigningKey(publish.Add(options.Publish)).ID
	if next == old || r.SigningKey(publish).ID != old || r.SigningKey(publish.Add(options.Publish-time.Nanosecond)).ID != old {
		t.Errorf("keys in use are %s, then %s, then %s", old, r.SigningKey(publish).ID, next)
	}
	for _, tt := range []struct {
		name string
		at   time.Time
		old  bool
	}{
		{"before use", publish.Add(time.Minute), true},
		{"after retirement", publish.Add(options.Publish + time.Minute), true},
		{"at the very end", publish.Add(options.Publish + options.Longest + 2*Skew), true},
		{"when its last token has expired", publish.Add(options.Publish + options.Longest + 2*Skew + time.Second), false},
	} {
		maintain(t, tt.at, r)
		keys := jwksOf(t, r)
		if _, ok := keys[old]; ok != tt.old {
			t.Errorf("%s: the old key is published: %v, want %v", tt.name, ok, tt.old)
		}
		if _, ok := keys[next]; !ok {
			t.Errorf("%s: the next key is not published", tt.name)
		}
	}
}

// A key of another algorithm is published before it is used, like every other; those of the algorithm before are retired,
// and stay published for tokens that are still good.
func TestAnotherAlgorithmIsARotation(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	before := openRing(t, st, root, options, day0)
	old := before.SigningKey(day0).ID
	o := options
	o.Algorithm = "ES384"
	changed := day0.Add(time.Hour)
	after := openRing(t, st, root, o, changed)
	if got := after.SigningKey(changed); got.ID != old {
		t.Errorf("at once, the key in use is %s of %s, want the old one until the new is published", got.ID, got.Algorithm)
	}
	inUse := changed.Add(options.Publish)
	if got := after.SigningKey(inUse); got.Algorithm != "ES384" {
		t.Errorf("once it was published, the key in use is of %s, want ES384", got.Algorithm)
	}
	if keys := jwksOf(t, after); len(keys) != 3 || keys[old].Alg != "ES256" {
		t.Errorf("published are %v, want one of each algorithm, and the one of access tokens", keys)
	}
	over := inUse.Add(options.Longest + 2*Skew + time.Second)
	maintain(t, over, after)
	maintain(t, over, after)
	if _, ok := jwksOf(t, after)[old]; ok {
		t.Error("the old algorithm's key is still published when its last token has expired")
	}
	// And back again: the first algorithm gets a new key.
	back := openRing(t, st, root, options, over)
	if got := back.SigningKey(over.Add(options.Publish)); got.Algorithm != "ES256" || got.ID == old {
		t.Errorf("after the change back the key in use is %s of %s, want a new one of ES256", got.ID, got.Algorithm)
	}
}
