package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxJWKS = 256 << 10 // bytes
	maxKeys = 100
	// The bounds of RSA moduli in bits: what is shorter is weak (RFC 7518 section 3.3), and what is longer slow on purpose.
	minRSA, maxRSA = 2048, 8192
)

// key is one public key of an issuer.
type key struct {
	id        string
	algorithm string // what alg says; empty: whatever fits
	public    any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// parseJWKS reads a JWK set (RFC 7517 section 5). Keys that cannot verify a token here are passed over, as the RFC says: of
// another kind, for encryption, secret, weak, or without kid.
func parseJWKS(document []byte) ([]key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, errors.New("the key set is not JSON, or has a member twice")
	}
	if len(set.Keys) > maxKeys {
		return nil, errors.New("the key set has too many keys")
	}
	var keys []key
	for _, raw := range set.Keys {
		if k, ok := parseKey(raw); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key that can verify a token")
	}
	return keys, nil
}

func parseKey(raw jsontext.Value) (key, bool) {
	var about struct {
		Operations []string `json:"key_ops"`
	}
	if json.Unmarshal(raw, &about) != nil || len(about.Operations) > 0 && !slices.Contains(about.Operations, "verify") {
		return key{}, false
	}
	var k jose.JSONWebKey
	if k.UnmarshalJSON(raw) != nil || k.KeyID == "" || len(k.KeyID) > maxKeyID || k.Use != "" && k.Use != "sig" {
		return key{}, false
	}
	// What has a private part is in everybody's hands now, and what is symmetric would let every reader sign.
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
			return key{}, false
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return key{}, false
	}
	return key{id: k.KeyID, algorithm: k.Algorithm, public: k.Key}, k.Valid()
}

// fits tells whether the key can verify a token of that kid and alg.
func (k key) fits(id, algorithm string) bool {
	if k.id != id || k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return algorithm[0] == 'R' || algorithm[0] == 'P'
	case *ecdsa.PublicKey:
		return curves[algorithm] == public.Curve
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

var curves = map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}

// verify returns nil when one of keys made the signature of t by one of the allowed algorithms.
func (t *Token) verify(keys []key, allowed []jose.SignatureAlgorithm) error {
	signed, err := jose.ParseSignedCompact(t.text, allowed)
	if err != nil {
		return invalid("its alg is not one that this account takes from the issuer, or it cannot be read")
	}
	for _, k := range keys {
		// What was verified must be what was read, whatever the library made of the text.
		payload, err := signed.Verify(k.public)
		if err == nil && string(payload) == string(t.payload) {
			return nil
		}
	}
	return invalid("its signature does not verify with the key of its issuer")
}
