package floor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
)

var errProof = errors.New("the proof does not verify")

// verifyProof checks the signature of a DPoP proof (RFC 9449 section 4.2) by the key in its own header, and that it was
// made for a POST at some time.
func verifyProof(proof string) error {
	signed, signature64, ok := cutLast(proof)
	header64, claims64, dot := strings.Cut(signed, ".")
	if !ok || !dot {
		return errProof
	}
	var header struct {
		Typ string `json:"typ"`
		Alg string `json:"alg"`
		JWK struct {
			X string `json:"x"`
			Y string `json:"y"`
		} `json:"jwk"`
	}
	var claims struct {
		Method string `json:"htm"`
		Issued int64  `json:"iat"`
	}
	if decodePart(header64, &header) != nil || decodePart(claims64, &claims) != nil ||
		header.Typ != "dpop+jwt" || header.Alg != "ES256" || claims.Method != "POST" || claims.Issued == 0 {
		return errProof
	}

	enc := base64.RawURLEncoding
	point := append(make([]byte, 0, 65), 4) // uncompressed
	point, errX := enc.AppendDecode(point, []byte(header.JWK.X))
	point, errY := enc.AppendDecode(point, []byte(header.JWK.Y))
	if errX != nil || errY != nil {
		return errProof
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return errProof
	}
	signature, err := enc.DecodeString(signature64)
	if err != nil || len(signature) != 64 {
		return errProof
	}
	digest := sha256.Sum256([]byte(signed))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return errProof
	}
	return nil
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
