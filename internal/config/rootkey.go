package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// Load reads the root key from its file or environment variable. Errors say what is wrong with the place, and never show
// what is in it.
func (r RootKey) Load() (*keyring.Root, error) {
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	root, err := keyring.ParseRoot(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.place(), err)
	}
	return root, nil
}

func (r RootKey) place() string {
	if r.File != "" {
		return "root key file " + r.File
	}
	return "root key in the environment variable " + r.Env
}

func (r RootKey) text() (string, error) {
	if r.File == "" {
		text, ok := os.LookupEnv(r.Env)
		if !ok || text == "" {
			return "", fmt.Errorf("%s is not set (root_key.env)", r.Env)
		}
		return text, nil
	}
	f, err := os.Open(r.File)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%s is missing. For a new installation, `latchkey init DIR` makes one; for an existing one, restore it from your backup", r.place())
	case errors.Is(err, os.ErrPermission):
		return "", fmt.Errorf("%s is not readable by this user: chown it to the user that runs the server", r.place())
	case err != nil:
		return "", fmt.Errorf("%s: %w", r.place(), err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%s: %w", r.place(), err)
	}
	if info.IsDir() {
		return "", fmt.Errorf("%s is a directory", r.place())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o): chmod 600 %s", r.place(), info.Mode().Perm(), r.File)
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("%s: %w", r.place(), err)
	}
	return string(text), nil
}

// Check returns nil when the certificate and its key can be used, or no TLS is configured. Unlike a root key, the private
// key may be readable by a group, as distributions install it.
func (t TLS) Check() error {
	if t.Certificate == "" {
		return nil
	}
	info, err := os.Stat(t.Key)
	if err != nil {
		return fmt.Errorf("tls.key: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return fmt.Errorf("tls.key can be read by everybody (mode %04o): chmod 640 %s", info.Mode().Perm(), t.Key)
	}
	if _, err := tls.LoadX509KeyPair(t.Certificate, t.Key); err != nil {
		return fmt.Errorf("tls: the certificate and the key cannot be used: %w", err)
	}
	return nil
}
