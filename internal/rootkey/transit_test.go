package rootkey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const testToken = "hvs.TESTTOKENTESTTOKEN"

// transit is a small transit engine for tests. It is not Vault: it was written for this test after the published
// description of the API (paths, members, status codes, the form vault:v1:… of ciphertexts), and shows that the client
// speaks as described, not that the description is how Vault behaves.
type transit struct {
	keys      map[string]cipher.AEAD
	namespace string

	mu    sync.Mutex
	fault http.HandlerFunc // answers instead, where it is not nil
	asked int
}

// fail has fault answer from now on.
func (s *transit) fail(fault http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func newTransit(t *testing.T, names ...string) *transit {
	t.Helper()
	s := &transit{keys: map[string]cipher.AEAD{}}
	for _, name := range names {
		b := make([]byte, 32)
		rand.Read(b)
		block, err := aes.NewCipher(b)
		if err != nil {
			t.Fatal(err)
		}
		if s.keys[name], err = cipher.NewGCM(block); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked++
	fault := s.fault
	s.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case r.Header.Get("X-Vault-Token") != testToken || r.Header.Get("X-Vault-Request") != "true" || r.Header.Get("X-Vault-Namespace") != s.namespace:
		s.refuse(w, http.StatusForbidden, "permission denied")
	case len(parts) != 3 || parts[0] != "transit" || r.Method != http.MethodPost:
		s.refuse(w, http.StatusNotFound, "no handler for route")
	case s.keys[parts[2]] == nil:
		s.refuse(w, http.StatusBadRequest, "encryption key not found")
	default:
		s.answer(w, r, parts[1], s.keys[parts[2]])
	}
}

func (s *transit) refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string][]string{"errors": {text}})
}

func (s *transit) answer(w http.ResponseWriter, r *http.Request, path string, key cipher.AEAD) {
	var q struct {
		Plaintext      string `json:"plaintext"`
		Ciphertext     string `json:"ciphertext"`
		AssociatedData string `json:"associated_data"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&q); err != nil {
		s.refuse(w, http.StatusBadRequest, "error parsing JSON")
		return
	}
	ad, err := base64.StdEncoding.DecodeString(q.AssociatedData)
	if err != nil || len(ad) == 0 {
		s.refuse(w, http.StatusBadRequest, "failed to base64-decode associated_data")
		return
	}
	data := map[string]any{"key_version": 1}
	switch path {
	case "encrypt":
		text, err := base64.StdEncoding.DecodeString(q.Plaintext)
		if err != nil {
			s.refuse(w, http.StatusBadRequest, "failed to base64-decode plaintext")
			return
		}
		nonce := make([]byte, key.NonceSize())
		rand.Read(nonce)
		data["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(key.Seal(nonce, nonce, text, ad))
	case "decrypt":
		sealed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(q.Ciphertext, "vault:v1:"))
		if err != nil || !strings.HasPrefix(q.Ciphertext, "vault:v1:") || len(sealed) < key.NonceSize() {
			s.refuse(w, http.StatusBadRequest, "invalid ciphertext: could not decode")
			return
		}
		text, err := key.Open(nil, sealed[:key.NonceSize()], sealed[key.NonceSize():], ad)
		if err != nil {
			s.refuse(w, http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		data["plaintext"] = base64.StdEncoding.EncodeToString(text)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "lease_id": "", "data": data})
}

// slow never answers. It hangs up when the asker has gone, or after a minute: an answer could still reach an asker who is
// about to go.
func slow(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) // only then does the server notice that the asker has gone
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
	panic(http.ErrAbortHandler)
}

// echo answers with status and what it was sent, as some proxies and test servers do.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{
			"errors": []string{"ECHO " + r.Header.Get("X-Vault-Token") + r.Header.Get("Authorization") + string(body)}, "__type": "ECHO", "message": "ECHO",
		})
	}
}

// deaf is an AEAD that ignores associated data.
type deaf struct{ cipher.AEAD }

func (d deaf) Seal(dst, nonce, text, _ []byte) []byte { return d.AEAD.Seal(dst, nonce, text, nil) }

func (d deaf) Open(dst, nonce, text, _ []byte) ([]byte, error) {
	return d.AEAD.Open(dst, nonce, text, nil)
}
