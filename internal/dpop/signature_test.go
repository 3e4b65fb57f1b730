package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// One client joins r and s without their leading zero bytes.
func TestShortSignaturesVerify(t *testing.T) {
	c := alice(t)
	v := newVerifier(t)
	tests := []struct {
		k    int64 // a one-time number whose r has rLen bytes, found by trying
		rLen int
		sLen int
	}{
		{1, 32, 31},
		{379, 31, 32},
		{379, 31, 31},
		{40393, 30, 32},
	}
	for _, tt := range tests {
		signed, sig := "", []byte(nil)
		for i := 0; sig == nil; i++ { // until s has sLen bytes
			claims := strings.Replace(claimsAt(now), "e711cd42", fmt.Sprintf("%08x", i), 1)
			signed = b64(c.header()) + "." + b64(claims)
			r, s := c.signWith(t, big.NewInt(tt.k), signed)
			if len(r.Bytes()) != tt.rLen {
				t.Fatalf("r of %d has %d bytes, want %d", tt.k, len(r.Bytes()), tt.rLen)
			}
			if len(s.Bytes()) == tt.sLen {
				sig = append(r.Bytes(), s.Bytes()...)
			}
		}
		if _, err := v.Verify([]string{signed + "." + b64(string(sig))}, "POST", "/v1/token", now); err != nil {
			t.Errorf("r of %d and s of %d bytes: Verify: %v", tt.rLen, tt.sLen, err)
		}
		sig[len(sig)-1] ^= 1
		wantInvalid(t, "a short signature that is wrong", signed+"."+b64(string(sig)), "not one by the key")
	}
}

func TestOtherSignatureFormsAreRefused(t *testing.T) {
	c := alice(t)
	signed := b64(c.header()) + "." + b64(claimsAt(now))
	digest := sha256.Sum256([]byte(signed))
	der, err := ecdsa.SignASN1(rand.Reader, c.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := c.sign(t, signed)
	order := elliptic.P256().Params().N
	beyond := new(big.Int).Add(order, big.NewInt(1)).FillBytes(make([]byte, 32))
	zero := make([]byte, 32)
	tests := []struct {
		name string
		sig  []byte
		want string
	}{
		{"DER", der, "DER"},
		{"65 bytes", append([]byte{0}, raw...), "64 bytes"},
		{"66 bytes, both padded too far", append(append([]byte{0}, raw[:32]...), append([]byte{0}, raw[32:]...)...), "64 bytes"},
		{"61 bytes", raw[:61], "64 bytes"},
		{"r alone", raw[:32], "64 bytes"},
		{"the halves swapped", append(append([]byte{}, raw[32:]...), raw[:32]...), "not one by the key"},
		{"all zero", append(append([]byte{}, zero...), zero...), "not one by the key"},
		{"r zero", append(append([]byte{}, zero...), raw[32:]...), "not one by the key"},
		{"s zero", append(append([]byte{}, raw[:32]...), zero...), "not one by the key"},
		{"s beyond the order", append(append([]byte{}, raw[:32]...), beyond...), "not one by the key"},
		{"63 zero bytes", make([]byte, 63), "not one by the key"},
		{"62 zero bytes", make([]byte, 62), "not one by the key"},
		{"somebody else's", sam(t).sign(t, signed), "not one by the key"},
	}
	for _, tt := range tests {
		wantInvalid(t, tt.name, signed+"."+b64(string(tt.sig)), tt.want)
	}
}

// A signature cannot be carried over to other claims.
func TestSignatureIsForItsClaims(t *testing.T) {
	c := alice(t)
	parts := strings.Split(c.proof(t, c.header(), claimsAt(now)), ".")
	other := b64(strings.Replace(claimsAt(now), "e711", "e712", 1))
	wantInvalid(t, "another payload", parts[0]+"."+other+"."+parts[2], "not one by the key")
}
