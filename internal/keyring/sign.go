package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

// SigningKey signs id tokens, or access tokens, and never both: its header says which.
type SigningKey struct {
	ID        string // the kid in the header and in the JWKS
	Algorithm string // ES384 or ES256
	header    string // the encoded JWS header
	private   *ecdsa.PrivateKey
	hash      crypto.Hash
	useFrom   time.Time
}

// Algorithms are those that id tokens can be signed with (RFC 7518 section 3.4).
var Algorithms = []string{"ES384", "ES256"}

func signPurpose(algorithm string) string {
	if algorithm == "ES256" {
		return purposeES256
	}
	return purposeES384
}

// newSecret returns the secret of a fresh key of that purpose, and the kid if it is a signing key.
func newSecret(purpose string) (secret []byte, publicID string, err error) {
	var curve elliptic.Curve
	switch purpose {
	case purposeES384:
		curve = elliptic.P384()
	case purposeES256, purposeToken:
		curve = elliptic.P256()
	default:
		secret = make([]byte, seal.KeySize)
		rand.Read(secret)
		return secret, "", nil
	}
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("generate signing key: %w", err)
	}
	secret, err = x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, "", fmt.Errorf("encode signing key: %w", err)
	}
	public, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, "", fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(public)
	return secret, base64.RawURLEncoding.EncodeToString(sum[:15]), nil
}

func newSigningKey(row store.RingKey, secret []byte) (*SigningKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return nil, fmt.Errorf("ring key %d: %w", row.ID, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("ring key %d is not an ECDSA key", row.ID)
	}
	k := &SigningKey{ID: row.PublicID, Algorithm: "ES384", private: private, hash: crypto.SHA384, useFrom: row.UseFrom}
	if row.Purpose != purposeES384 {
		k.Algorithm, k.hash = "ES256", crypto.SHA256
	}
	typ := "JWT"
	if row.Purpose == purposeToken {
		typ = "at+jwt" // RFC 9068 section 2.1: so that no verifier takes an id token for one
	}
	header, err := json.Marshal(map[string]string{"alg": k.Algorithm, "kid": k.ID, "typ": typ})
	if err != nil {
		return nil, err
	}
	k.header = base64.RawURLEncoding.EncodeToString(header)
	return k, nil
}

// Sign returns claims, which are JSON, as a compact JWS (RFC 7515 section 3.1) by this key.
func (k *SigningKey) Sign(claims []byte) (string, error) {
	text := make([]byte, 0, 1024)
	text = append(text, k.header...)
	text = append(text, '.')
	text = base64.RawURLEncoding.AppendEncode(text, claims)
	h := k.hash.New()
	h.Write(text)
	r, s, err := ecdsa.Sign(rand.Reader, k.private, h.Sum(nil))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	size := (k.private.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	r.FillBytes(signature[:size])
	s.FillBytes(signature[size:])
	text = append(text, '.')
	return string(base64.RawURLEncoding.AppendEncode(text, signature)), nil
}

// SigningKey returns the key that is in use at now. For a while after another algorithm was configured, that is still one
// of the algorithm before, until verifiers have had time to read the new key.
func (r *Ring) SigningKey(now time.Time) *SigningKey { return signer(r.state.Load().signing, now) }

// TokenKey returns the key that signs access tokens at now.
func (r *Ring) TokenKey(now time.Time) *SigningKey { return signer(r.state.Load().tokens, now) }

// signer returns the one of keys, which are by UseFrom, that is in use at now.
func signer(keys []*SigningKey, now time.Time) *SigningKey {
	for i := len(keys) - 1; i > 0; i-- {
		if !keys[i].useFrom.After(now) {
			return keys[i]
		}
	}
	return keys[0]
}

// Algorithms returns what id tokens that are good now can be signed with: first the one that is configured, then, for as long
// as keys of them are published, those that were before.
func (r *Ring) Algorithms() []string {
	all := []string{r.opts.Algorithm}
	for _, k := range r.state.Load().signing {
		if !slices.Contains(all, k.Algorithm) {
			all = append(all, k.Algorithm)
		}
	}
	return all
}

// JWKS returns the public keys that verify id tokens and access tokens, as a JWK set (RFC 7517 section 5): published, in
// use and retired.
func (r *Ring) JWKS() []byte { return r.state.Load().jwks }

func encodeJWKS(kinds ...[]*SigningKey) []byte {
	type jwk struct {
		Kty string `json:"kty"`
		Crv string `json:"crv"`
		X   string `json:"x"`
		Y   string `json:"y"`
		Kid string `json:"kid"`
		Use string `json:"use"`
		Alg string `json:"alg"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, k := range slices.Concat(kinds...) {
		point, err := k.private.PublicKey.Bytes()
		if err != nil {
			continue // cannot be: the key was made by this package
		}
		size := (len(point) - 1) / 2
		set.Keys = append(set.Keys, jwk{
			Kty: "EC", Crv: k.private.Params().Name, Kid: k.ID, Use: "sig", Alg: k.Algorithm,
			X: base64.RawURLEncoding.EncodeToString(point[1 : 1+size]),
			Y: base64.RawURLEncoding.EncodeToString(point[1+size:]),
		})
	}
	b, err := json.Marshal(set)
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}
