package dpop

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The whole check of a proof against the verification in it; the target is a ratio of at most 1.10. Every proof has
// its own key and jti, as requests of many people do.
func BenchmarkVerify(b *testing.B) {
	v := newVerifier(b)
	proofs := make([][]string, 256)
	for i := range proofs {
		c := newClient(b, seed(fmt.Sprint("person ", i)))
		claims := strings.Replace(claimsAt(now), "e711cd42", fmt.Sprintf("%08x", i*0x01234567), 1)
		proofs[i] = []string{c.proof(b, c.header(), claims)}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := v.Verify(proofs[i%len(proofs)], "POST", "/v1/token", now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareVerify(b *testing.B) {
	c := alice(b)
	digest := sha256.Sum256([]byte("any"))
	sig, err := ecdsa.SignASN1(nil, c.key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !ecdsa.VerifyASN1(&c.key.PublicKey, digest[:], sig) {
			b.Fatal("does not verify")
		}
	}
}

// What a proof costs that fails before its signature is looked at.
func BenchmarkRefuseStale(b *testing.B) {
	v := newVerifier(b)
	c := alice(b)
	headers := []string{c.proof(b, c.header(), claimsAt(now.Add(-time.Hour)))}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(headers, "POST", "/v1/token", now); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	for _, known := range []int{0, 1_000_000} {
		b.Run(fmt.Sprint("known=", known), func(b *testing.B) {
			m := NewMemory(window)
			for i := range known {
				if _, err := m.Answer(numbered(-i-1, now), body("a"), 1, now); err != nil {
					b.Fatal(err)
				}
			}
			proofs := make([]Proof, 1<<16)
			for i := range proofs {
				proofs[i] = numbered(i, now)
			}
			sum := body("a")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p := proofs[i%len(proofs)]
				p.ID[8] ^= byte(i >> 16) // a new proof in the same shard
				p.ID[9] ^= byte(i >> 24)
				if _, err := m.Answer(p, sum, 1, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
