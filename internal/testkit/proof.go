package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// NewKey returns a fresh P-256 key, the only kind that a DPoP proof may be signed with here (ES256).
func NewKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("make a P-256 key: %v", err)) // the system's randomness never fails
	}
	return key
}

// Proof returns the DPoP proof (RFC 9449 section 4.2) that the AWS CLI sends: compact JSON, coordinates padded to 32
// bytes, a raw 64-byte signature. method and url become htm and htu as they are, jti too; iat is cut to its second.
//
// It panics when key is not a P-256 key, which is a mistake of the test that calls it.
func Proof(key *ecdsa.PrivateKey, method, url string, iat time.Time, jti string) string {
	claims := `{"htm":` + quote(method) + `,"htu":` + quote(url) + `,"iat":` + strconv.FormatInt(iat.Unix(), 10) +
		`,"jti":` + quote(jti) + `}`
	input := make([]byte, 0, 640)
	input = base64.RawURLEncoding.AppendEncode(input, proofHeader(key))
	input = append(input, '.')
	input = base64.RawURLEncoding.AppendEncode(input, []byte(claims))

	digest := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		panic(fmt.Sprintf("sign a proof: %v", err))
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	input = append(input, '.')
	return string(base64.RawURLEncoding.AppendEncode(input, signature[:]))
}

func proofHeader(key *ecdsa.PrivateKey) []byte {
	point, err := key.PublicKey.Bytes()
	if err != nil || len(point) != 65 {
		panic("a proof needs a P-256 key")
	}
	enc := base64.RawURLEncoding
	return []byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","x":"` + enc.EncodeToString(point[1:33]) +
		`","y":"` + enc.EncodeToString(point[33:]) + `","crv":"P-256"}}`)
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always marshals
	return string(b)
}
