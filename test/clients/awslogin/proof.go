package awslogin

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"time"
)

// proofKey is a DPoP key with its public half as the client spells it.
type proofKey struct {
	private *ecdsa.PrivateKey
	x, y    string
}

// ShortKey returns the key with the scalar SHA-256("wire-reference-key-128"), whose x begins with a zero byte. SDKs differ
// in whether they send that byte.
func ShortKey() (*ecdsa.PrivateKey, error) {
	scalar := sha256.Sum256([]byte("wire-reference-key-128"))
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
}

// newProofKey makes a key where private is nil. short leaves out the leading zero bytes of its coordinates.
func newProofKey(private *ecdsa.PrivateKey, short bool) (proofKey, error) {
	if private == nil {
		var err error
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return proofKey{}, err
		}
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return proofKey{}, err
	}
	x, y := point[1:33], point[33:65]
	if short {
		x, y = bytes.TrimLeft(x, "\x00"), bytes.TrimLeft(y, "\x00")
	}
	return proofKey{private: private, x: encode(x), y: encode(y)}, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// proof returns the value of a DPoP header for a POST to address, in the CLI's order of members.
func (k proofKey) proof(address string, now time.Time) (string, error) {
	header := fmt.Sprintf(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","x":"%s","y":"%s","crv":"P-256"}}`, k.x, k.y)
	url, err := json.Marshal(address)
	if err != nil {
		return "", err
	}
	claims := fmt.Sprintf(`{"htm":"POST","htu":%s,"iat":%d,"jti":"%s"}`, url, now.Unix(), newUUID())
	text := encode([]byte(header)) + "." + encode([]byte(claims))

	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, digest[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + encode(signature[:]), nil
}

// marshal returns the private key as the CLI keeps it: SEC1 in PEM.
func (k proofKey) marshal() (string, error) {
	der, err := x509.MarshalECPrivateKey(k.private)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), nil
}
