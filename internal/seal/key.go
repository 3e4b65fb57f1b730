package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length in bytes of the secret that a Key is made of.
const KeySize = 32

// kind separates envelopes of different use. The numbers are part of what is sealed; never reuse one.
type kind byte

const (
	kindCode    kind = 1
	kindRefresh kind = 2
	kindSession kind = 3 // session token of temporary credentials
	kindBrowser kind = 4 // cookie of a signed-in browser
	kindPage    kind = 5 // hidden field of a page
	kindDevice  kind = 6 // cookie of a browser that has signed in before
	kindGrant   kind = 7 // refresh token of a dynamic client
	kindAccess  kind = 8 // opaque access token of a dynamic client
	kindCursor  kind = 9 // where a page of a list ended
	kinds            = 10
)

// Key seals and opens envelopes, and derives credentials. It is safe for concurrent use.
type Key struct {
	id    uint32
	kinds [kinds]subkey
	// mac derives what credentials consist of; see Derive.
	mac macPool
}

// subkey is what one kind of envelope is sealed with.
type subkey struct {
	aead  cipher.AEAD
	nonce macPool
	ad    []byte
}

// NewKey returns the key with that id, made of secret, which has KeySize bytes. Envelopes of one issuer do not open
// under another, even with the same secret.
func NewKey(id uint32, secret []byte, issuer string) (*Key, error) {
	if len(secret) != KeySize {
		return nil, fmt.Errorf("sealing key has %d bytes, want %d", len(secret), KeySize)
	}
	k := &Key{id: id}
	for i := kindCode; i < kinds; i++ {
		// The labels keep apart: the encryption of each kind, the nonce of each kind, the credentials; and the issuers.
		enc, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("latchkey envelope %d encryption %s", i, issuer), KeySize)
		if err != nil {
			return nil, fmt.Errorf("derive sealing key: %w", err)
		}
		mac, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("latchkey envelope %d nonce %s", i, issuer), KeySize)
		if err != nil {
			return nil, fmt.Errorf("derive nonce key: %w", err)
		}
		aead, err := chacha20poly1305.NewX(enc)
		if err != nil {
			return nil, fmt.Errorf("sealing key: %w", err)
		}
		k.kinds[i] = subkey{aead: aead, nonce: newMACPool(mac), ad: append([]byte{byte(i)}, issuer...)}
	}
	mac, err := hkdf.Key(sha256.New, secret, nil, "latchkey credentials "+issuer, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive credential key: %w", err)
	}
	k.mac = newMACPool(mac)
	return k, nil
}

// ID returns the id that the key's envelopes begin with.
func (k *Key) ID() uint32 { return k.id }

// Derive returns 32 bytes that only holders of the key can know: HMAC-SHA256 of a label, a zero byte and the parts, each
// preceded by its length. It is one block of HKDF-Expand (RFC 5869) whose info is that text.
func (k *Key) Derive(label string, parts ...[]byte) [sha256.Size]byte {
	h := k.mac.get()
	defer k.mac.put(h)
	buf := h.scratch[:0]
	buf = append(buf, label...)
	buf = append(buf, 0)
	for _, p := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(p)))
		buf = append(buf, p...)
	}
	buf = append(buf, 1) // the block counter of HKDF-Expand
	h.scratch = buf
	h.Write(buf)
	var out [sha256.Size]byte
	h.Sum(out[:0])
	return out
}

// Keys finds the key to seal with and the key that sealed. *keyring.Ring is one.
type Keys interface {
	// SealingKey returns the key in use at the time at.
	SealingKey(at time.Time) *Key
	// SealKey returns the key with that id, if the ring holds it.
	SealKey(id uint32) (*Key, bool)
}

// ErrNotOurs is what opening returns for everything that is not an envelope of this kind and this issuer under a key of
// the ring: malformed, altered, of another kind, of another installation, or sealed by a key that is gone.
var ErrNotOurs = errors.New("not an envelope of this service")

const (
	idSize    = 4
	nonceSize = chacha20poly1305.NonceSizeX
	overhead  = idSize + nonceSize + chacha20poly1305.Overhead
)

// appendSeal appends the envelope of facts to dst.
func (k *Key) appendSeal(dst []byte, kd kind, facts []byte) []byte {
	sub := &k.kinds[kd]
	dst = binary.BigEndian.AppendUint32(dst, k.id)
	h := sub.nonce.get()
	h.Write(facts)
	sum := h.Sum(h.scratch[:0])
	dst = append(dst, sum[:nonceSize]...)
	nonce := dst[len(dst)-nonceSize:]
	h.scratch = sum
	sub.nonce.put(h)
	return sub.aead.Seal(dst, nonce, facts, sub.ad)
}

// open returns the facts of an envelope of kind kd, decrypting in place, and the key that sealed it.
func open(keys Keys, kd kind, envelope []byte) ([]byte, *Key, error) {
	if len(envelope) < overhead {
		return nil, nil, ErrNotOurs
	}
	k, ok := keys.SealKey(binary.BigEndian.Uint32(envelope))
	if !ok {
		return nil, nil, ErrNotOurs
	}
	sub := &k.kinds[kd]
	nonce, sealed := envelope[idSize:idSize+nonceSize], envelope[idSize+nonceSize:]
	facts, err := sub.aead.Open(sealed[:0], nonce, sealed, sub.ad)
	if err != nil {
		return nil, nil, ErrNotOurs
	}
	return facts, k, nil
}

// macPool keeps HMAC states of one key, because setting one up costs as much as using it.
type macPool struct{ pool *sync.Pool }

type macState struct {
	hash.Hash
	scratch []byte
}

func newMACPool(key []byte) macPool {
	return macPool{&sync.Pool{New: func() any {
		return &macState{Hash: hmac.New(sha256.New, key), scratch: make([]byte, 0, 512)}
	}}}
}

func (p macPool) get() *macState {
	h := p.pool.Get().(*macState)
	h.Reset()
	return h
}

func (p macPool) put(h *macState) { p.pool.Put(h) }
