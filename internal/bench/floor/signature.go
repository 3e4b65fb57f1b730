package floor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
)

// Algorithm names the signature of the id token, as JOSE spells it (RFC 7518 section 3.1).
type Algorithm string

// The algorithms that the service signs with.
const (
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
)

// signer signs as an id token is signed.
type signer struct {
	key  *ecdsa.PrivateKey
	hash func([]byte) []byte
}

func newSigner(a Algorithm) (*signer, error) {
	var curve elliptic.Curve
	s := &signer{}
	switch a {
	case ES256:
		curve = elliptic.P256()
		s.hash = func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }
	case ES384:
		curve = elliptic.P384()
		s.hash = func(b []byte) []byte { sum := sha512.Sum384(b); return sum[:] }
	default:
		return nil, fmt.Errorf("the algorithm must be %s or %s", ES256, ES384)
	}
	var err error
	if s.key, err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return s, nil
}

func (s *signer) sign(message []byte) ([]byte, error) {
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, s.hash(message))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}
