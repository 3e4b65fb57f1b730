package clientcredentials_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// discard is a ResponseWriter that keeps nothing but the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func noLimits(c *config.Config) {
	c.Limits.Address, c.Limits.Client = config.Rate{}, config.Rate{}
}

// BenchmarkWithIAM is a whole CreateOAuth2TokenWithIAM but for the network, by a program with a long-lived key and by a person's
// temporary credentials. Compare with BenchmarkRefresh of package token, of which it may cost twice as much.
func BenchmarkWithIAM(b *testing.B) {
	w := newWorld(b, noLimits)
	time.Sleep(time.Second)
	for name, keys := range map[string]testkit.Credentials{"key": w.robot, "session": w.Client().Login(b).Credentials()} {
		b.Run(name, func(b *testing.B) {
			text := body(api)
			header := w.Request(testkit.SignedCall{Path: iam, Body: text}, keys).Header
			d := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, w.Base+iam, strings.NewReader(text))
				r.Header = header.Clone()
				r.RemoteAddr = "127.0.0.1:50000"
				clear(d.header)
				w.ServeHTTP(d, r)
				if d.status != http.StatusOK {
					b.Fatal(d.status)
				}
			}
		})
	}
}
