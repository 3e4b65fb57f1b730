package dpop

import (
	"crypto/ecdsa"
	"crypto/sha256"
)

const (
	maxSignature = 2 * coordinate
	minSignature = maxSignature - 2
)

// checkSignature verifies the signature of c with key.
func checkSignature(key point, c compact) error {
	public, err := key.public()
	if err != nil {
		return err
	}
	digest := sha256.Sum256(c.signed)
	if !verifies(public, digest[:], c.signature) {
		return invalid(`the signature is not one by the key in "jwk" over this proof`)
	}
	return nil
}

// verifies tells whether sig is r and s, 32 bytes each (RFC 7518 section 3.4), of a signature over digest.
//
// One client joins r and s without their leading zero bytes, in about 0.8 % of its proofs. Where the one ends and the
// other begins is then not known, so every way to cut 63 bytes (two) or 62 bytes (three) is tried. Only the holder of
// the key can make bytes of which some cut verifies, so this weakens nothing; it costs an attacker's caller at most
// three verifications.
func verifies(key *ecdsa.PublicKey, digest, sig []byte) bool {
	if len(sig) < minSignature || len(sig) > maxSignature {
		return false
	}
	for r := len(sig) - coordinate; r <= coordinate; r++ {
		if ecdsa.VerifyASN1(key, digest, appendDER(make([]byte, 0, 72), sig[:r], sig[r:])) {
			return true
		}
	}
	return false
}

// appendDER appends the ASN.1 form of r and s, at most 72 bytes for numbers of at most 32 bytes.
func appendDER(b, r, s []byte) []byte {
	start := len(b)
	b = append(b, 0x30, 0) // SEQUENCE
	b = appendInteger(b, r)
	b = appendInteger(b, s)
	b[start+1] = byte(len(b) - start - 2)
	return b
}

// appendInteger appends n, an unsigned big-endian number, as the shortest INTEGER.
func appendInteger(b, n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	b = append(b, 0x02, byte(len(n)))
	if n[0]&0x80 != 0 {
		b[len(b)-1]++
		b = append(b, 0) // else it would be negative
	}
	return append(b, n...)
}
