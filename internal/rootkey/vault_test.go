package rootkey

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openVault returns the key a of a transit engine behind TLS.
func openVault(t *testing.T, s *transit, change func(*VaultOptions)) *Vault {
	t.Helper()
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	t.Setenv("TEST_VAULT_TOKEN", testToken)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	o := VaultOptions{Address: server.URL, Mount: "transit", Key: "a", TokenEnv: "TEST_VAULT_TOKEN", CAFile: write(t, "ca.pem", string(certificate))}
	if change != nil {
		change(&o)
	}
	v, err := OpenVault(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVaultWrapsAndUnwraps(t *testing.T) {
	s := newTransit(t, "a", "b")
	v := openVault(t, s, nil)
	other := *v
	other.o.Key = "b"
	testRoot(t, v, &other, "")
	if v.ID() != "vault:transit/a" {
		t.Errorf("ID = %s", v.ID())
	}
}

// An engine that takes associated data and ignores it must not open one row's key as another's.
func TestLabelIsBoundWhereVaultIgnoresIt(t *testing.T) {
	s := newTransit(t, "a")
	s.keys["a"] = deaf{s.keys["a"]}
	v := openVault(t, s, nil)
	wrapped, err := v.Wrap(t.Context(), label, secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Unwrap(t.Context(), label, wrapped); err != nil || string(got) != string(secret) {
		t.Errorf("Unwrap = %q, %v", got, err)
	}
	if _, err := v.Unwrap(t.Context(), keyring.Label{ID: 8, Purpose: "seal"}, wrapped); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("Unwrap of another row = %v, want ErrWrongRoot", err)
	}
}

func TestVaultFaultsAreSaidWithTheirRemedy(t *testing.T) {
	s := newTransit(t, "a")
	v := openVault(t, s, nil)
	wrapped, err := v.Wrap(t.Context(), label, secret)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	status := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { s.refuse(w, status, text) }
	}
	text := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(text)) }
	}
	for _, tt := range []struct {
		name  string
		fault http.HandlerFunc
		want  []string
	}{
		{"denied", status(403, "permission denied"), []string{"Vault denies transit/", "/a", "capability update"}},
		{"no mount", status(404, "no handler for route"), []string{"Vault has no transit/", "check mount, key and namespace"}},
		{"no key", status(400, "encryption key not found"), []string{"no transit key a", "vault write -f transit/keys/a"}},
		{"derived", status(400, "missing 'context' for key derivation; the key was created using a derived key"), []string{"is derived"}},
		{"an old version", status(400, "ciphertext or signature version is disallowed by policy (too old)"), []string{"min_decryption_version"}},
		{"sealed", status(503, "Vault is sealed"), []string{"is sealed", "unseal it"}},
		{"too many", status(429, "rate limit quota exceeded"), []string{"asked too often"}},
		{"broken", status(500, "internal error"), []string{"failed to answer", "status 500"}},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, []string{"a redirect, which is not followed", "active node"}},
		{"garbage", text("<html>"), []string{"nothing that a transit engine would"}},
		{"nothing", text(""), []string{"nothing that a transit engine would"}},
		{"an oversized answer", text(`{"data":{"plaintext":"` + strings.Repeat("A", maxAnswer) + `"}}`), []string{"the answer is longer than any"}},
		{"an echo", echo(500), []string{"status 500"}},
		{"an echo with 403", echo(403), []string{"denies"}},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"cannot be reached", "check the address"}},
	} {
		s.fail(tt.fault)
		_, err := v.Wrap(t.Context(), label, secret)
		wantWords(t, tt.name+": Wrap", err, tt.want...)
		_, err = v.Unwrap(t.Context(), label, wrapped)
		wantWords(t, tt.name+": Unwrap", err, tt.want...)
		if errors.Is(err, keyring.ErrWrongRoot) {
			t.Errorf("%s: Unwrap = %v, want an error that is not about the key", tt.name, err)
		}
	}
	for name, answer := range map[string]string{
		"no ciphertext":         `{"data":{}}`,
		"another form":          `{"data":{"ciphertext":"x","plaintext":"!"}}`,
		"no data":               `{}`,
		"a list":                `[]`,
		"another secret's data": `{"data":{"plaintext":"AAAA"}}`,
	} {
		s.fail(text(answer))
		if _, err := v.Wrap(t.Context(), label, secret); err == nil {
			t.Errorf("%s: Wrap = nil", name)
		}
		if got, err := v.Unwrap(t.Context(), label, wrapped); err == nil || got != nil {
			t.Errorf("%s: Unwrap = %q, %v", name, got, err)
		}
	}
	// One that does not answer is given up when the caller's time is over.
	s.fail(slow)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = v.Unwrap(ctx, label, wrapped)
	wantWords(t, "slow", err, "does not answer in time")
}

func TestVaultThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	v := openVault(t, newTransit(t), func(o *VaultOptions) { o.Address = address })
	_, err = v.Wrap(t.Context(), label, secret)
	wantWords(t, "nobody listens", err, "Vault at "+address, "cannot be reached", "connection refused", "check the address")

	v = openVault(t, newTransit(t, "a"), func(o *VaultOptions) { o.CAFile = "" })
	_, err = v.Wrap(t.Context(), label, secret)
	wantWords(t, "a certificate of nobody", err, "is not trusted", "certificate authority")
}

// An agent renews the token in its file; each request has the one of then.
func TestVaultTokenIsReadAtEachUse(t *testing.T) {
	s := newTransit(t, "a")
	s.namespace = "team/a"
	path := write(t, "token", "hvs.OLD\n")
	v := openVault(t, s, func(o *VaultOptions) { o.TokenEnv, o.TokenFile, o.Namespace = "", path, "team/a" })
	_, err := v.Wrap(t.Context(), label, secret)
	wantWords(t, "an old token", err, "Vault denies", "renew the token")
	if err := os.WriteFile(path, []byte(testToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Wrap(t.Context(), label, secret); err != nil {
		t.Errorf("Wrap with a renewed token = %v", err)
	}
	for name, text := range map[string]string{"two lines": testToken + "\n" + testToken, "empty": "\n", "long": strings.Repeat("x", maxToken+1), "control": "hvs.\x01"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := v.Wrap(t.Context(), label, secret)
		wantWords(t, name, err, "token")
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	_, err = v.Wrap(t.Context(), label, secret)
	wantWords(t, "a file that others read", err, "chmod 600 "+path)
	os.Remove(path)
	_, err = v.Wrap(t.Context(), label, secret)
	wantWords(t, "no file", err, "token_file", path)
	v.o.TokenFile, v.o.TokenEnv = "", "TEST_VAULT_NOTHING"
	_, err = v.Wrap(t.Context(), label, secret)
	wantWords(t, "no variable", err, "TEST_VAULT_NOTHING is not set")
	if s.asked != 2 {
		t.Errorf("Vault was asked %d times, want 2: not without a token that can be one", s.asked)
	}
}

func TestVaultOptionsAreChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*VaultOptions)
		want   string
	}{
		"all is well":               {func(*VaultOptions) {}, ""},
		"an agent on this computer": {func(o *VaultOptions) { o.Address, o.TokenEnv = "http://127.0.0.1:8100", "" }, ""},
		"a mount in folders":        {func(o *VaultOptions) { o.Mount = "team/transit" }, ""},
		"no token":                  {func(o *VaultOptions) { o.TokenEnv = "" }, "token_env or token_file is needed"},
		"two tokens":                {func(o *VaultOptions) { o.TokenFile = "t" }, "one is enough"},
		"plain http":                {func(o *VaultOptions) { o.Address = "http://vault.example.com" }, "must be https"},
		"no mount":                  {func(o *VaultOptions) { o.Mount = "" }, "mount is not"},
		"a mount that climbs":       {func(o *VaultOptions) { o.Mount = "../sys" }, "mount is not"},
		"no key":                    {func(o *VaultOptions) { o.Key = "" }, "key is not"},
		"a key in a folder":         {func(o *VaultOptions) { o.Key = "a/b" }, "key is not"},
		"a key that climbs":         {func(o *VaultOptions) { o.Key = ".." }, "key is not"},
		"a key with a query":        {func(o *VaultOptions) { o.Key = "a?b" }, "key is not"},
		"a long key":                {func(o *VaultOptions) { o.Key = strings.Repeat("a", 101) }, "key is not"},
		"a namespace":               {func(o *VaultOptions) { o.Namespace = "a b" }, "namespace is not"},
		"no CA file":                {func(o *VaultOptions) { o.CAFile = "/nonexistent/ca.pem" }, "ca_file"},
		"an empty CA file":          {func(o *VaultOptions) { o.CAFile = write(t, "ca.pem", "x") }, "no certificate in PEM"},
	} {
		o := VaultOptions{Address: "https://vault.example.com:8200", Mount: "transit", Key: "a", TokenEnv: "T"}
		tt.change(&o)
		_, err := OpenVault(o)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: OpenVault = %v, want %q", name, err, tt.want)
		}
	}
}
