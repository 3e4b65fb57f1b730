package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Whatever comes, Verify does not panic, its refusals are faults of a proof, and what it accepts is also accepted by a
// plain reading of RFC 9449 with other tools.
func FuzzVerify(f *testing.F) {
	for _, c := range readCaptured(f) {
		f.Add(c.headers[0], c.answered.Unix())
	}
	c := alice(f)
	f.Add(c.proof(f, c.header(), claimsAt(now)), now.Unix())
	f.Add(c.proof(f, `{"typ":"dpop+jwt","alg":"ES256","jwk":{}}`, `{"htm":"POST","iat":1e9}`), int64(1e9))
	f.Add("a.b.c", int64(0))
	v, err := New([]string{"http://127.0.0.1:46191", "http://127.0.0.1:41591", "https://signin.example.com"}, 5*time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		p, err := v.Verify([]string{value}, "POST", "/v1/token", time.Unix(unix, 0))
		if err != nil {
			if k := signin.KindOf(err); k != signin.ProofInvalid && k != signin.ProofStale {
				t.Fatalf("Verify: %v, want ProofInvalid or ProofStale", err)
			}
			return
		}
		if p.Key == (signin.Thumbprint{}) || !plainlyValid(value) {
			t.Fatalf("Verify accepted %q", value)
		}
	})
}

// plainlyValid reads the proof with encoding/json and math/big.
func plainlyValid(value string) bool {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return false
	}
	var raw [3][]byte
	for i, s := range parts {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			return false
		}
		raw[i] = b
	}
	var h struct {
		Typ, Alg string
		JWK      struct{ Kty, Crv, X, Y string }
	}
	var c struct{ Htm, Htu, Jti string }
	if json.Unmarshal(raw[0], &h) != nil || json.Unmarshal(raw[1], &c) != nil {
		return false
	}
	x, errX := base64.RawURLEncoding.DecodeString(h.JWK.X)
	y, errY := base64.RawURLEncoding.DecodeString(h.JWK.Y)
	u, errU := url.Parse(c.Htu)
	if errX != nil || errY != nil || errU != nil || len(x) > 32 || len(y) > 32 || c.Htm != "POST" || c.Jti == "" ||
		!strings.HasSuffix(u.Path, "/token") || h.Alg != "ES256" || h.JWK.Kty != "EC" || h.JWK.Crv != "P-256" {
		return false
	}
	b := make([]byte, 65)
	b[0] = 4
	copy(b[33-len(x):33], x)
	copy(b[65-len(y):], y)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), b)
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for cut := 30; cut <= 32; cut++ {
		if len(raw[2]) < cut {
			continue
		}
		r, s := new(big.Int).SetBytes(raw[2][:cut]), new(big.Int).SetBytes(raw[2][cut:])
		if ecdsa.Verify(key, digest[:], r, s) {
			return true
		}
	}
	return false
}
