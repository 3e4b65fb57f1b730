package keyring

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// RootKeySize is the length of a root key in bytes.
const RootKeySize = 32

// Root wraps the keys of the ring. It is the one secret that the operator keeps.
type Root struct{ aead cipher.AEAD }

// ErrWrongRoot: a key of the ring was wrapped by another root key.
var ErrWrongRoot = errors.New("the root key is not the one that this database's keys were wrapped with")

// NewRootKey returns a fresh root key as the line of text that ParseRoot reads.
func NewRootKey() string {
	var secret [RootKeySize]byte
	rand.Read(secret[:])
	return base64.StdEncoding.EncodeToString(secret[:])
}

// ParseRoot reads a root key: 32 bytes in base64, with blanks around it allowed. Its errors do not show the text.
func ParseRoot(text string) (*Root, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) != RootKeySize {
		return nil, fmt.Errorf("the root key must be %d bytes in base64 (44 characters)", RootKeySize)
	}
	aead, err := chacha20poly1305.NewX(secret)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	return &Root{aead: aead}, nil
}

// wrap seals secret for the key of that id and purpose, with a random nonce in front.
func (r *Root) wrap(id uint32, purpose string, secret []byte) []byte {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(secret)+chacha20poly1305.Overhead)
	rand.Read(nonce)
	return r.aead.Seal(nonce, nonce, secret, wrapLabel(id, purpose))
}

func (r *Root) unwrap(id uint32, purpose string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < chacha20poly1305.NonceSizeX {
		return nil, ErrWrongRoot
	}
	n := chacha20poly1305.NonceSizeX
	secret, err := r.aead.Open(nil, wrapped[:n], wrapped[n:], wrapLabel(id, purpose))
	if err != nil {
		return nil, ErrWrongRoot
	}
	return secret, nil
}

// wrapLabel binds a wrapped key to its row, so that rows cannot be exchanged.
func wrapLabel(id uint32, purpose string) []byte {
	return binary.BigEndian.AppendUint32([]byte("latchkey ring key "+purpose+" "), id)
}
