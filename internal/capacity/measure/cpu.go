package measure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"

	"golang.org/x/crypto/argon2"

	"github.com/latchkey-id/latchkey/internal/bench/proc"
)

// rounds is how often CPU-bound work is measured. The cheapest round counts: everything else that a machine does makes
// work dearer, and nothing makes it cheaper.
const rounds = 7

// micros returns the µs of CPU of this process for each of n calls.
func micros(n int, do func(i int) error) (float64, error) {
	before, err := proc.Self()
	if err != nil {
		return 0, err
	}
	for i := range n {
		if err := do(i); err != nil {
			return 0, err
		}
	}
	after, err := proc.Self()
	if err != nil {
		return 0, err
	}
	return float64((after - before).Nanoseconds()) / 1000 / float64(n), nil
}

// cheapest returns the µs of the cheapest of some rounds of n calls.
func cheapest(n int, do func(i int) error) (float64, error) {
	var all []float64
	for range rounds {
		took, err := micros(n, do)
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	return slices.Min(all), nil
}

// verification returns the µs of one ES256 verification, the unit of all others.
func verification() (float64, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	sum := sha256.Sum256([]byte("what is signed"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return 0, err
	}
	return cheapest(1000, func(int) error {
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
			return fmt.Errorf("a good signature was refused")
		}
		return nil
	})
}

// password returns the µs of one argon2id with the cost of package identity.
func password() (float64, error) {
	salt := make([]byte, 16)
	return cheapest(5, func(int) error {
		argon2.IDKey([]byte("correct horse battery"), salt, 2, 19456, 1, 32)
		return nil
	})
}
