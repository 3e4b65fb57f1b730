package floor

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// factsBytes is how much one envelope seals.
const factsBytes = 300

// associated stands for the kind and the issuer that an envelope is bound to.
var associated = []byte("floor envelope")

// sealer seals and opens envelopes of the primitive that the service uses: XChaCha20-Poly1305 under a nonce that is an
// HMAC-SHA256 of the facts.
type sealer struct {
	aead     cipher.AEAD
	nonceKey []byte
	secret   []byte // keys are derived from it
}

func newSealer() (*sealer, error) {
	s := &sealer{nonceKey: make([]byte, 32), secret: make([]byte, 32)}
	key := make([]byte, chacha20poly1305.KeySize)
	rand.Read(key)
	rand.Read(s.nonceKey)
	rand.Read(s.secret)
	var err error
	if s.aead, err = chacha20poly1305.NewX(key); err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	return s, nil
}

// seal returns the envelope of facts: nonce, ciphertext, tag.
func (s *sealer) seal(facts []byte) []byte {
	mac := hmac.New(sha256.New, s.nonceKey)
	mac.Write(facts)
	envelope := make([]byte, 0, sha256.Size+len(facts)+chacha20poly1305.Overhead)
	nonce := mac.Sum(envelope)[:chacha20poly1305.NonceSizeX]
	return s.aead.Seal(nonce, nonce, facts, associated)
}

// open returns the facts of an envelope.
func (s *sealer) open(envelope []byte) ([]byte, error) {
	if len(envelope) < chacha20poly1305.NonceSizeX {
		return nil, errors.New("the envelope is too short")
	}
	nonce, sealed := envelope[:chacha20poly1305.NonceSizeX], envelope[chacha20poly1305.NonceSizeX:]
	facts, err := s.aead.Open(nil, nonce, sealed, associated)
	if err != nil {
		return nil, fmt.Errorf("open an envelope: %w", err)
	}
	return facts, nil
}

// derive returns 32 bytes that depend on the secret and info (RFC 5869).
func (s *sealer) derive(info []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, s.secret, nil, string(info), 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return key, nil
}
