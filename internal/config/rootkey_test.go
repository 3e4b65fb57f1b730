package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

func TestRootKeyIsReadFromItsFile(t *testing.T) {
	path := write(t, "root.key", keyring.NewRootKey()+"\n")
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if root, err := (RootKey{File: path}).Load(t.Context()); err != nil || root == nil {
			t.Errorf("Load(a file of mode %o) = %v", mode, err)
		}
	}
}

// A key that others can read is no secret, so the server does not start with it.
func TestRootKeyFileThatOthersCanReadIsRefused(t *testing.T) {
	key := keyring.NewRootKey()
	path := write(t, "root.key", key)
	if os.Geteuid() == 0 {
		// systemd and Kubernetes give a service a file of root that the service's group can read.
		for _, mode := range []os.FileMode{0o440, 0o640} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := (RootKey{File: path}).Load(t.Context()); err != nil {
				t.Errorf("Load(a file of root of mode %o) = %v", mode, err)
			}
		}
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []os.FileMode{0o604, 0o640, 0o644, 0o666, 0o601, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := RootKey{File: path}.Load(t.Context())
		if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) || strings.Contains(err.Error(), key) {
			t.Errorf("Load(a file of mode %o) = %v, want how to mend it", mode, err)
		}
	}
}

func TestRootKeyProblemsAreSaidWithTheirRemedy(t *testing.T) {
	key := keyring.NewRootKey()
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		at   RootKey
		want []string
	}{
		{"missing", RootKey{File: filepath.Join(dir, "none")}, []string{"is missing", "latchkey init", "backup"}},
		{"a directory", RootKey{File: dir}, []string{"directory"}},
		{"in a file as a folder", RootKey{File: filepath.Join(write(t, "root.key", key), "x")}, []string{"not a directory"}},
		{"too short", RootKey{File: write(t, "root.key", key[8:])}, []string{"32 bytes in base64"}},
		{"too long", RootKey{File: write(t, "root.key", key[:40]+key)}, []string{"32 bytes in base64"}},
		{"raw bytes", RootKey{File: write(t, "root.key", strings.Repeat("\x01", 32))}, []string{"32 bytes in base64"}},
		{"empty", RootKey{File: write(t, "root.key", "")}, []string{"32 bytes in base64"}},
		{"two keys", RootKey{File: write(t, "root.key", key+"\n"+key)}, []string{"32 bytes in base64"}},
		{"huge", RootKey{File: write(t, "root.key", strings.Repeat(key, 1000))}, []string{"32 bytes in base64"}},
	} {
		_, err := tt.at.Load(t.Context())
		if err == nil {
			t.Errorf("%s: Load = nil, want an error", tt.name)
			continue
		}
		for _, part := range append(tt.want, tt.at.File) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: Load = %q, want %q in it", tt.name, err, part)
			}
		}
		if strings.Contains(err.Error(), key[8:20]) {
			t.Errorf("%s: Load = %q, which shows the key", tt.name, err)
		}
	}
}

func TestRootKeyIsReadFromTheEnvironment(t *testing.T) {
	const name = "LATCHKEY_TEST_ROOT_KEY"
	key := keyring.NewRootKey()
	t.Setenv(name, key)
	if _, err := (RootKey{Env: name}).Load(t.Context()); err != nil {
		t.Errorf("Load(env) = %v", err)
	}
	for _, value := range []string{"", key[4:]} {
		t.Setenv(name, value)
		_, err := RootKey{Env: name}.Load(t.Context())
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), key[4:20]) {
			t.Errorf("Load(env of %d characters) = %v, want an error that names the variable and not its value", len(value), err)
		}
	}
	os.Unsetenv(name)
	if _, err := (RootKey{Env: name}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "is not set") {
		t.Errorf("Load(env that is not set) = %v", err)
	}
}

// While the root key changes, several are named. Files are found beside the configuration, wherever they are named.
func TestRootKeyIsReadFromSeveralPlaces(t *testing.T) {
	path := write(t, "latchkey.yaml", `
data: data
root_key:
  vault: {address: "https://vault.example.com:8200", key: latchkey, token_file: token, ca_file: ca.pem}
  also:
    - file: old.key
    - {env: LATCHKEY_TEST_ROOT_KEY}
    - aws_kms: {key_id: alias/latchkey, region: eu-central-1, endpoint: "http://127.0.0.1:5000"}
`)
	dir := filepath.Dir(path)
	c, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := RootKey{
		Vault: Vault{Address: "https://vault.example.com:8200", Key: "latchkey", TokenFile: filepath.Join(dir, "token"), CAFile: filepath.Join(dir, "ca.pem")},
		Also: []RootKey{
			{File: filepath.Join(dir, "old.key")}, {Env: "LATCHKEY_TEST_ROOT_KEY"},
			{AWSKMS: AWSKMS{KeyID: "alias/latchkey", Region: "eu-central-1", Endpoint: "http://127.0.0.1:5000"}},
		},
	}
	if diff := cmp.Diff(want, c.RootKey); diff != "" {
		t.Errorf("root_key:\n%s", diff)
	}
	// Each place must be usable, and the message says which is not.
	c.RootKey.Vault.CAFile = ""
	_, err = c.RootKey.Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), "root_key.also[0]: root key file ") {
		t.Errorf("Load without old.key = %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "old.key"), []byte(keyring.NewRootKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LATCHKEY_TEST_ROOT_KEY", keyring.NewRootKey())
	root, err := c.RootKey.Load(t.Context())
	if err != nil || root.ID() != "vault:transit/latchkey" || !strings.HasSuffix(root.String(), ", aws-kms:alias/latchkey") {
		t.Errorf("Load = %v, %v, want Vault's key first, and the KMS's last", root, err)
	}
	c.RootKey.Vault.CAFile = filepath.Join(dir, "ca.pem")
	if _, err := c.RootKey.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "vault: ca_file: ") {
		t.Errorf("Load without ca.pem = %v", err)
	}
}
