package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

func TestRootKeyIsReadFromItsFile(t *testing.T) {
	path := write(t, "root.key", keyring.NewRootKey()+"\n")
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if root, err := (RootKey{File: path}).Load(); err != nil || root == nil {
			t.Errorf("Load(a file of mode %o) = %v", mode, err)
		}
	}
}

// A key that others can read is no secret, so the server does not start with it.
func TestRootKeyFileThatOthersCanReadIsRefused(t *testing.T) {
	key := keyring.NewRootKey()
	path := write(t, "root.key", key)
	for _, mode := range []os.FileMode{0o604, 0o640, 0o644, 0o666, 0o601, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := RootKey{File: path}.Load()
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
		_, err := tt.at.Load()
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
	if _, err := (RootKey{Env: name}).Load(); err != nil {
		t.Errorf("Load(env) = %v", err)
	}
	for _, value := range []string{"", key[4:]} {
		t.Setenv(name, value)
		_, err := RootKey{Env: name}.Load()
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), key[4:20]) {
			t.Errorf("Load(env of %d characters) = %v, want an error that names the variable and not its value", len(value), err)
		}
	}
	os.Unsetenv(name)
	if _, err := (RootKey{Env: name}).Load(); err == nil || !strings.Contains(err.Error(), "is not set") {
		t.Errorf("Load(env that is not set) = %v", err)
	}
}
