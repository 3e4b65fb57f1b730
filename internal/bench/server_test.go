package bench

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// The benchmark takes minutes, so nobody should learn there that the server refuses its configuration.
func TestServerTakesTheConfiguration(t *testing.T) {
	const url = "postgres://postgres@127.0.0.1:5432/a?sslmode=disable"
	for _, test := range []struct {
		algorithm floor.Algorithm
		on        dataDir
		data, url string
	}{
		{floor.ES256, dataDir{path: "/a/data"}, "/a/data", ""},
		{floor.ES384, dataDir{path: "/a/data"}, "/a/data", ""},
		{floor.ES384, dataDir{path: "/a/data", database: url}, "", url},
	} {
		c := config.Default()
		text := fmt.Sprintf(serverConfig, "127.0.0.1:1", "http://127.0.0.1:1", test.on.where(), "/a/root.key", test.algorithm)
		if err := c.Overlay([]byte(text)); err != nil {
			t.Fatalf("%+v: Overlay = %v", test, err)
		}
		if err := c.Check(); err != nil {
			t.Errorf("%+v: Check = %v", test, err)
		}
		if c.IDToken.Algorithm != string(test.algorithm) || c.Limits.Address.PerSecond < 1e6 || c.Data != test.data || c.Database.URL != test.url {
			t.Errorf("%+v: the configuration says %+v", test, c)
		}
	}
}

func newDataDir(t *testing.T, now time.Time) (*dataDir, *sqlite.Store) {
	t.Helper()
	d := &dataDir{path: t.TempDir(), rootKey: keyring.NewRootKey()}
	s, err := sqlite.Open(t.Context(), filepath.Join(d.path, databaseFile), now, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

// What fill writes must be what the store writes: sessions that are there, and that no sweep takes away meanwhile.
func TestFilledSessionsAreLive(t *testing.T) {
	const n = 100
	now := time.Now()
	d, s := newDataDir(t, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.path, databaseFile)
	if err := fill(t.Context(), path, n, now); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), path, now, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if deleted, err := s.Sweep(t.Context(), now.Add(30*time.Minute), n); err != nil || deleted != 0 {
		t.Errorf("Sweep half an hour later = %d, %v, want 0", deleted, err)
	}
	if deleted, err := s.Sweep(t.Context(), now.Add(13*time.Hour), 2*n); err != nil || deleted != n {
		t.Errorf("Sweep after the end of all = %d, %v, want %d", deleted, err, n)
	}
}

func TestMintedCodeIsOfTheRing(t *testing.T) {
	now := time.Now()
	d, s := newDataDir(t, now)
	defer s.Close()
	const issuer = "http://127.0.0.1:1"
	ring, err := d.ring(t.Context(), issuer, floor.ES256)
	if err != nil {
		t.Fatal(err)
	}
	code := (&codes{ring}).mint(now)
	again, err := d.ring(t.Context(), issuer, floor.ES256) // as the server has it
	if err != nil {
		t.Fatal(err)
	}
	a, err := seal.OpenCode(again, code)
	if err != nil {
		t.Fatalf("OpenCode = %v", err)
	}
	if !a.Challenge.Matches(verifier) || a.Redirect != signin.HashRedirect(redirectURI) || a.Principal != testPrincipal ||
		!a.Expires.After(now.Add(time.Minute)) {
		t.Errorf("the code says %+v", a)
	}
	if err := signin.CheckVerifier("code_verifier", verifier); err != nil {
		t.Errorf("CheckVerifier = %v", err)
	}
	session := signin.Begin(a, signin.Thumbprint{1}, now, signin.DefaultLifetimes())
	if err := s.RedeemCode(t.Context(), session); err != nil {
		t.Errorf("RedeemCode = %v", err)
	}
	if err := s.RedeemCode(t.Context(), session); !errors.Is(err, store.ErrSpent) {
		t.Errorf("RedeemCode again = %v, want ErrSpent", err)
	}
}

func TestFloorLeavesHeadersOfHTTPAlone(t *testing.T) {
	for line, want := range map[string]bool{
		"Date: Sat, 21 Nov 2026 20:53:17 GMT": true,
		"content-length: 12":                  true,
		"Content-Type: application/json":      false,
		"X-Amzn-Requestid: a":                 false,
	} {
		if got := madeByHTTP(line); got != want {
			t.Errorf("madeByHTTP(%q) = %t, want %t", line, got, want)
		}
	}
	for _, line := range standIn.Header {
		if madeByHTTP(line) {
			t.Errorf("the stand-in has %q, which net/http makes itself", line)
		}
	}
}
