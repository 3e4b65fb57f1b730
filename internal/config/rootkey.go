package config

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/rootkey"
)

// maxAlso is how many further root keys may be named. Each may be asked for each key of the ring.
const maxAlso = 8

// check returns nil when r, which key names, is one place, with what that needs.
func (r RootKey) check(key string) error {
	named := 0
	for _, is := range []bool{r.File != "", r.Env != "", r.AWSKMS != AWSKMS{}, r.Vault != Vault{}} {
		if is {
			named++
		}
	}
	if named != 1 {
		return fmt.Errorf("%s needs exactly one of file, env, aws_kms and vault; `latchkey init DIR` makes a key file", key)
	}
	switch {
	case r.AWSKMS != AWSKMS{}:
		if !rootkey.KeyIDPattern.MatchString(r.AWSKMS.KeyID) {
			return fmt.Errorf("%s.aws_kms.key_id is missing, or not the ARN, the id or the alias of a key", key)
		}
		if r.AWSKMS.Region != "" && !regionPattern.MatchString(r.AWSKMS.Region) {
			return fmt.Errorf("%s.aws_kms.region: %q is not of the form us-east-1", key, r.AWSKMS.Region)
		}
		if r.AWSKMS.Endpoint != "" {
			if err := rootkey.CheckEndpoint(r.AWSKMS.Endpoint); err != nil {
				return fmt.Errorf("%s.aws_kms.endpoint %w", key, err)
			}
		}
	case r.Vault != Vault{}:
		if err := r.Vault.options().Check(); err != nil {
			return fmt.Errorf("%s.vault.%w", key, err)
		}
	}
	if len(r.Also) > maxAlso {
		return fmt.Errorf("%s.also names %d places, at most %d are allowed", key, len(r.Also), maxAlso)
	}
	for i, also := range r.Also {
		name := fmt.Sprintf("%s.also[%d]", key, i)
		if len(also.Also) > 0 {
			return fmt.Errorf("%s has an also of its own: list all places in root_key.also", name)
		}
		if err := also.check(name); err != nil {
			return err
		}
	}
	return nil
}

// paths returns where r keeps names of files.
func (r *RootKey) paths() []*string {
	paths := []*string{&r.File, &r.Vault.TokenFile, &r.Vault.CAFile}
	for i := range r.Also {
		paths = append(paths, r.Also[i].paths()...)
	}
	return paths
}

// options returns what package rootkey needs to know of v.
func (v Vault) options() rootkey.VaultOptions {
	return rootkey.VaultOptions{
		Address: v.Address, Mount: cmp.Or(v.Mount, "transit"), Key: v.Key, TokenEnv: v.TokenEnv, TokenFile: v.TokenFile,
		Namespace: v.Namespace, CAFile: v.CAFile,
	}
}

// Load returns the root key, which opens with those of Also too. Files and variables are read; services are not asked yet.
// Errors say what is wrong with the place, and never show what is in it.
func (r RootKey) Load(ctx context.Context) (*keyring.Root, error) {
	root, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	var also []keyring.Wrapper
	for i, place := range r.Also {
		w, err := place.load(ctx)
		if err != nil {
			return nil, fmt.Errorf("root_key.also[%d]: %w", i, err)
		}
		also = append(also, w)
	}
	return keyring.NewRoot(root, also...), nil
}

func (r RootKey) load(ctx context.Context) (keyring.Wrapper, error) {
	switch {
	case r.AWSKMS != AWSKMS{}:
		w, err := rootkey.OpenKMS(ctx, rootkey.KMSOptions{KeyID: r.AWSKMS.KeyID, Region: r.AWSKMS.Region, Endpoint: r.AWSKMS.Endpoint})
		if err != nil {
			return nil, fmt.Errorf("aws_kms: %w", err)
		}
		return w, nil
	case r.Vault != Vault{}:
		w, err := rootkey.OpenVault(r.Vault.options())
		if err != nil {
			return nil, fmt.Errorf("vault: %w", err)
		}
		return w, nil
	}
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	w, err := keyring.ParseLocal(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.place(), err)
	}
	return w, nil
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
	// What systemd and Kubernetes give to a service is owned by root and readable by the service's group.
	forbidden := fs.FileMode(0o077)
	if ofRoot(info) {
		forbidden = 0o037
	}
	if info.Mode().Perm()&forbidden != 0 {
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
