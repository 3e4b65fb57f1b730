package introspect_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
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

// BenchmarkIntrospect is a whole introspection but for the network. Compare with BenchmarkRefresh of package token, which it may
// cost twice.
func BenchmarkIntrospect(b *testing.B) {
	g := newGateway(b, func(c *config.Config) { c.Limits.Client, c.Limits.Address = config.Rate{}, config.Rate{} })
	granted := g.Dynamic(b).Login(b)
	now := time.Now()
	both := strings.Replace(policy.LocalDevelopment, `"Statement":[`, `"Statement":[{"Effect":"Allow","Action":"signin:IntrospectOAuth2Token","Resource":"*"},`, 1)
	if err := g.Store.SetRolePolicy(b.Context(), g.Role.ID, both, false, now, signin.NoticeExpiry(now)); err != nil {
		b.Fatal(err)
	}
	session := g.Client().Login(b).Credentials()
	for _, bb := range []struct {
		name, token string
		keys        testkit.Credentials
	}{
		{"access", granted.AccessToken, g.keys}, {"refresh", granted.RefreshToken, g.keys}, {"unknown", "ASOA" + granted.RefreshToken[4:], g.keys},
		{"temporary", granted.AccessToken, session},
	} {
		call := testkit.SignedCall{Path: path, Body: `{"token":"` + bb.token + `"}`}
		r := g.Request(call, bb.keys)
		w := &discard{header: http.Header{}}
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				again := *r
				again.Body = readCloser{strings.NewReader(call.Body)}
				clear(w.header)
				g.ServeHTTP(w, &again)
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }
