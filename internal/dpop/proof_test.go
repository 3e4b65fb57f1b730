package dpop

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// now is the time of all tests here.
var now = time.Date(2026, 11, 21, 20, 53, 19, 0, time.UTC)

const endpoint = "https://signin.example.com/v1/token"

// client makes proofs like a client, and like one that has errors.
type client struct {
	key  *ecdsa.PrivateKey
	x, y string // as in the JWK, padded
}

func newClient(t testing.TB, scalar []byte) client {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		t.Fatal(err)
	}
	b, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	return client{key: key, x: enc(b[1:33]), y: enc(b[33:])}
}

// alice has an ordinary key, sam one whose x begins with a zero byte.
func alice(t testing.TB) client { return newClient(t, seed("alice")) }
func sam(t testing.TB) client   { return newClient(t, seed("wire-reference-key-128")) }

func seed(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func (c client) jwk() string {
	return fmt.Sprintf(`{"kty":"EC","x":"%s","y":"%s","crv":"P-256"}`, c.x, c.y)
}

func (c client) header() string {
	return `{"typ":"dpop+jwt","alg":"ES256","jwk":` + c.jwk() + `}`
}

func claimsAt(t time.Time) string {
	return fmt.Sprintf(`{"htm":"POST","htu":"%s","iat":%d,"jti":"e711cd42-45ad-4987-9a5d-61a8308d80f6"}`, endpoint, t.Unix())
}

// proof signs header and claims as they are.
func (c client) proof(t testing.TB, header, claims string) string {
	t.Helper()
	signed := b64(header) + "." + b64(claims)
	return signed + "." + b64(string(c.sign(t, signed)))
}

// sign returns r and s, 32 bytes each.
func (c client) sign(t testing.TB, signed string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, c.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

// signWith returns r and s for the one-time number k, so that a test can choose how they begin.
func (c client) signWith(t testing.TB, k *big.Int, signed string) (r, s *big.Int) {
	t.Helper()
	once, err := ecdh.P256().NewPrivateKey(k.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := c.key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	n := elliptic.P256().Params().N
	r = new(big.Int).SetBytes(once.PublicKey().Bytes()[1:33])
	digest := sha256.Sum256([]byte(signed))
	s = new(big.Int).Mul(r, new(big.Int).SetBytes(scalar))
	s.Add(s, new(big.Int).SetBytes(digest[:]))
	s.Mul(s, new(big.Int).ModInverse(k, n)).Mod(s, n)
	return r, s
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func newVerifier(t testing.TB, bases ...string) *Verifier {
	t.Helper()
	if len(bases) == 0 {
		bases = []string{"https://signin.example.com"}
	}
	v, err := New(bases, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
