package floor

import (
	"bytes"
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

func ask(h http.Handler, proof string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/v1/token", strings.NewReader(`{"grantType":"refresh_token"}`))
	r.Header.Set("DPoP", proof)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A floor that answers what it did not verify would be too low, and every ratio too high.
func TestOnlyAVerifiedProofIsAnswered(t *testing.T) {
	h, err := newHandler(t.Context(), Options{Body: 2000, Header: []string{"X-A: b"}})
	if err != nil {
		t.Fatal(err)
	}
	proof := testkit.Proof(testkit.NewKey(), "POST", "http://127.0.0.1/v1/token", time.Unix(1_795_294_397, 0), "a")
	if w := ask(h, proof); w.Code != 200 || w.Body.Len() != 2000 || w.Header().Get("X-A") != "b" {
		t.Errorf("a good proof: %d, %d bytes, X-A %q, want 200, 2000, b", w.Code, w.Body.Len(), w.Header().Get("X-A"))
	}
	last := proof[len(proof)-3:]
	for name, bad := range map[string]string{
		"none":          "",
		"one part":      "abc",
		"two parts":     "abc.def",
		"other bits":    proof[:len(proof)-3] + strings.Map(func(r rune) rune { return r ^ 1 }, last),
		"cut":           proof[:len(proof)-4],
		"other method":  testkit.Proof(testkit.NewKey(), "GET", "http://127.0.0.1/", time.Unix(1, 0), "a"),
		"other claims":  strings.Replace(proof, ".", ".e", 1),
		"not base64url": "*" + proof,
	} {
		if w := ask(h, bad); w.Code != 400 {
			t.Errorf("%s: status %d, want 400", name, w.Code)
		}
	}
}

func TestEnvelopeOpensOnlyAsSealed(t *testing.T) {
	s, err := newSealer()
	if err != nil {
		t.Fatal(err)
	}
	facts := bytes.Repeat([]byte{7}, factsBytes)
	envelope := s.seal(facts)
	if got, err := s.open(envelope); err != nil || !bytes.Equal(got, facts) {
		t.Errorf("open(seal(facts)) = %x, %v", got, err)
	}
	if !bytes.Equal(envelope, s.seal(facts)) {
		t.Error("the same facts were sealed to different envelopes")
	}
	envelope[30] ^= 1
	if _, err := s.open(envelope); err == nil {
		t.Error("a changed envelope opened")
	}
	if _, err := s.open(nil); err == nil {
		t.Error("an empty envelope opened")
	}
}

func TestRedemptionIsARow(t *testing.T) {
	for _, algorithm := range []Algorithm{ES256, ES384} {
		ctx, cancel := context.WithCancel(t.Context())
		path := filepath.Join(t.TempDir(), "floor.db")
		h, err := newHandler(ctx, Options{Body: 100, Algorithm: algorithm, Database: path})
		if err != nil {
			t.Fatal(err)
		}
		proof := testkit.Proof(testkit.NewKey(), "POST", "http://127.0.0.1/v1/token", time.Unix(1_795_294_397, 0), "a")
		const requests = 20
		var all sync.WaitGroup
		for range requests {
			all.Go(func() {
				if w := ask(h, proof); w.Code != 200 || w.Body.Len() != 100 {
					t.Errorf("%s: status %d, %d bytes, want 200, 100", algorithm, w.Code, w.Body.Len())
				}
			})
		}
		all.Wait()
		cancel()
		<-h.rows.closed
		if w := ask(h, proof); w.Code != 500 {
			t.Errorf("%s: status %d after the writer ended, want 500", algorithm, w.Code)
		}

		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		var rows, size int
		if err := db.QueryRow("SELECT count(*), min(length(facts)) FROM session").Scan(&rows, &size); err != nil ||
			rows != requests || size != rowBytes {
			t.Errorf("%s: %d rows of %d bytes, %v, want %d of %d", algorithm, rows, size, err, requests, rowBytes)
		}
		db.Close()
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"algorithm":   {Algorithm: "RS256", Database: filepath.Join(t.TempDir(), "a.db")},
		"answer":      {Body: -1},
		"huge answer": {Body: 1 << 20},
		"header":      {Header: []string{"no colon"}},
		"database":    {Algorithm: ES256, Database: filepath.Join(t.TempDir(), "no", "such", "folder.db")},
	} {
		if _, err := newHandler(t.Context(), o); err == nil {
			t.Errorf("%s: newHandler(%+v) = nil error", name, o)
		}
	}
}
