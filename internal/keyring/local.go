package keyring

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// RootKeySize is the length of a root key in bytes.
const RootKeySize = 32

// kindLocal is the kind of root key that this process holds itself.
const kindLocal = "local"

// NewRootKey returns a fresh root key as the line of text that ParseRoot reads.
func NewRootKey() string {
	var secret [RootKeySize]byte
	rand.Read(secret[:])
	return base64.StdEncoding.EncodeToString(secret[:])
}

// ParseRoot reads a root key as ParseLocal does, and returns a Root of it alone.
func ParseRoot(text string) (*Root, error) {
	w, err := ParseLocal(text)
	if err != nil {
		return nil, err
	}
	return NewRoot(w), nil
}

// ParseLocal reads a root key: 32 bytes in base64, with blanks around it allowed. Its errors do not show the text.
func ParseLocal(text string) (Wrapper, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) != RootKeySize {
		return nil, fmt.Errorf("the root key must be %d bytes in base64 (44 characters)", RootKeySize)
	}
	aead, err := chacha20poly1305.NewX(secret)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	// The name tells root keys apart and says nothing about them: its label is used for nothing else.
	name, err := hkdf.Key(sha256.New, secret, nil, "latchkey root key name", 8)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	return local{id: kindLocal + ":" + hex.EncodeToString(name), aead: aead}, nil
}

// local is a root key in memory: XChaCha20-Poly1305 with a random nonce in front.
type local struct {
	id   string
	aead cipher.AEAD
}

func (r local) ID() string { return r.id }

func (r local) Wrap(_ context.Context, l Label, secret []byte) ([]byte, error) {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(secret)+chacha20poly1305.Overhead)
	rand.Read(nonce)
	return r.aead.Seal(nonce, nonce, secret, localLabel(l)), nil
}

func (r local) Unwrap(_ context.Context, l Label, wrapped []byte) ([]byte, error) {
	if len(wrapped) < chacha20poly1305.NonceSizeX {
		return nil, ErrWrongRoot
	}
	n := chacha20poly1305.NonceSizeX
	secret, err := r.aead.Open(nil, wrapped[:n], wrapped[n:], localLabel(l))
	if err != nil {
		return nil, ErrWrongRoot
	}
	return secret, nil
}

// localLabel is the label as older databases have it.
func localLabel(l Label) []byte {
	return binary.BigEndian.AppendUint32([]byte("latchkey ring key "+l.Purpose+" "), l.ID)
}
