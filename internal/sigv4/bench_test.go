package sigv4

import (
	"testing"
	"time"
)

// Parse and Verify of a GetCallerIdentity as an SDK sends it with temporary credentials.
func BenchmarkVerifyHeader(b *testing.B)    { benchmark(b, "botocore-header-token") }
func BenchmarkVerifyPresigned(b *testing.B) { benchmark(b, "botocore-presigned-token") }

func benchmark(b *testing.B, name string) {
	r := readClient(b, name)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Verify(secret, Rules{Service: "sts"}, s.SignedAt.Add(time.Second)); err != nil {
			b.Fatal(err)
		}
	}
}

// The yardstick: what deriving the key alone costs.
func BenchmarkFourMACs(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		key := mac([]byte("AWS4"+secret), "20261121")
		key = mac(key[:], "us-east-1")
		key = mac(key[:], "sts")
		key = mac(key[:], terminal)
		if key[0] == 0 && key[1] == 0 && key[2] == 0 {
			b.Fatal("unlikely")
		}
	}
}
