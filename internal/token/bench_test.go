package token_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// discard is a ResponseWriter that keeps nothing but the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// BenchmarkRefresh is a whole refresh but for the network: decode, proof, envelope, credentials, answer, record. Compare
// with BenchmarkVerify of package dpop, most of which is the one signature that must be verified.
func BenchmarkRefresh(b *testing.B) {
	s := testkit.Start(b, noLimits)
	c := s.Client()
	body, err := json.Marshal(c.RefreshBody(c.Login(b).RefreshToken))
	if err != nil {
		b.Fatal(err)
	}
	// Proofs are made beforehand and used in turn. One that comes again with the same body is answered all the same.
	proofs := make([]string, 512)
	for i := range proofs {
		proofs[i] = c.Proof()
	}
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, s.Base+wire.TokenPath, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("DPoP", proofs[i%len(proofs)])
		clear(w.header)
		s.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
		i++
	}
}

// BenchmarkDecode is what reading a refresh costs apart from the rest.
func BenchmarkDecode(b *testing.B) {
	text := `{"clientId":"arn:aws:signin:::devtools/same-device","grantType":"refresh_token","refreshToken":"` + strings.Repeat("a", 240) + `"}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/v1/token", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		if _, err := wire.DecodeToken(&wire.Call{Request: r}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRotate is a whole refresh of a dynamic client, with its durable write. Clients refresh at the same time, as they
// do, so that writes share a commit; each has a session of its own.
func BenchmarkRotate(b *testing.B) {
	s := testkit.Start(b, noLimits)
	d := s.Dynamic(b)
	b.SetParallelism(32)
	tokens := make(chan string, 32*runtime.GOMAXPROCS(0))
	for range cap(tokens) {
		tokens <- d.Login(b).RefreshToken
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		token := <-tokens
		for pb.Next() {
			body := "grant_type=refresh_token&client_id=" + url.QueryEscape(d.ID) + "&refresh_token=" + token + "&resource=" + url.QueryEscape(d.Resource)
			r := httptest.NewRequest(http.MethodPost, s.Base+wire.TokenPath, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			_, rest, _ := strings.Cut(w.Body.String(), `"refresh_token":"`)
			next, _, ok := strings.Cut(rest, `"`)
			if !ok {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
			token = next
		}
	})
}
