package testkit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is an OpenID provider of others on this machine, whose tokens an account may trust. It serves discovery and keys
// over HTTP, so it belongs outside of synctest bubbles.
type Issuer struct {
	URL string // the iss claim

	mu       sync.Mutex
	keys     []IssuerKey // the last one signs
	hidden   int         // that many of the oldest are not published
	away     bool
	requests int
	replies  map[string]string // documents in place of the right ones, by path
}

// IssuerKey is a key of an issuer.
type IssuerKey struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	Private   crypto.Signer
}

// JWKSPath is where an issuer has its keys.
const JWKSPath = "/keys"

// StartIssuer starts an issuer with one ES256 key. It ends with the test.
func StartIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{replies: map[string]string{}}
	i.Rotate(t, "ES256")
	server := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// Rotate makes a new key, which signs from now on. Older ones stay published until Hide.
func (i *Issuer) Rotate(t testing.TB, algorithm jose.SignatureAlgorithm) IssuerKey {
	t.Helper()
	k := IssuerKey{ID: rand.Text()[:8], Algorithm: algorithm}
	var err error
	if algorithm[0] == 'E' {
		k.Private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		k.Private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, k)
	return k
}

// Hide takes all keys but the newest out of the published set.
func (i *Issuer) Hide() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hidden = len(i.keys) - 1
}

// GoAway makes every request fail, until it is called with false.
func (i *Issuer) GoAway(away bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away = away
}

// Reply serves document at path in place of what belongs there.
func (i *Issuer) Reply(path, document string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.replies[path] = document
}

// Requests returns how many requests there were since the last call.
func (i *Issuer) Requests() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := i.requests
	i.requests = 0
	return n
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests++
	if i.away {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if document, there := i.replies[r.URL.Path]; there {
		w.Write([]byte(document))
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + JWKSPath})
	case JWKSPath:
		var set jose.JSONWebKeySet
		for _, k := range i.keys[i.hidden:] {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"})
		}
		json.NewEncoder(w).Encode(set)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// Key returns the key that signs.
func (i *Issuer) Key() IssuerKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// Claims returns good claims of subject for audience, ten minutes from now on; more replaces some or, where it is nil,
// takes it away.
func (i *Issuer) Claims(audience, subject string, more map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": i.URL, "aud": audience, "sub": subject, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	maps.Copy(claims, more)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// Token returns claims signed by the newest key.
func (i *Issuer) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	return i.Key().Sign(t, claims, nil)
}

// Sign returns claims, which are marshalled unless they are text, as a compact JWS; header replaces members of its header.
func (k IssuerKey) Sign(t testing.TB, claims any, header map[jose.HeaderKey]any) string {
	t.Helper()
	payload, ok := claims.(string)
	if !ok {
		b, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		payload = string(b)
	}
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"typ": "JWT", "kid": k.ID}}
	maps.Copy(options.ExtraHeaders, header)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.Algorithm, Key: k.Private}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
