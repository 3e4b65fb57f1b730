package testkit

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"
)

// Every test that signs in relies on these proofs, so they are checked here with nothing but the standard library.
func TestProofVerifies(t *testing.T) {
	key := NewKey()
	iat := time.Unix(1_795_294_397, 999_000_000)
	parts := strings.Split(Proof(key, "POST", "http://127.0.0.1:1/v1/token?a=\"", iat, "cb7e2043"), ".")
	if len(parts) != 3 {
		t.Fatalf("Proof has %d parts, want 3", len(parts))
	}
	var decoded [3][]byte
	for i, p := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
	}
	var header struct {
		Typ, Alg string
		JWK      struct{ Kty, Crv, X, Y string }
	}
	if err := json.Unmarshal(decoded[0], &header); err != nil {
		t.Fatal(err)
	}
	if header.Typ != "dpop+jwt" || header.Alg != "ES256" || header.JWK.Kty != "EC" || header.JWK.Crv != "P-256" ||
		len(header.JWK.X) != 43 || len(header.JWK.Y) != 43 {
		t.Errorf("header = %+v", header)
	}
	want := `{"htm":"POST","htu":"http://127.0.0.1:1/v1/token?a=\"","iat":1795294397,"jti":"cb7e2043"}`
	if got := string(decoded[1]); got != want {
		t.Errorf("claims = %s, want %s", got, want)
	}
	if len(decoded[2]) != 64 {
		t.Fatalf("the signature has %d bytes, want 64", len(decoded[2]))
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(decoded[2][:32]), new(big.Int).SetBytes(decoded[2][32:])
	if !ecdsa.Verify(&key.PublicKey, digest[:], r, s) {
		t.Error("the signature does not verify")
	}
}
