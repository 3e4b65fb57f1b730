package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

type initCmd struct {
	Dir string `arg:"" help:"Directory for the files; made when it is missing."`
}

// sampleConfig is what a new installation begins with. The README and docs/configuration.md speak of these names.
const sampleConfig = `# Configuration of Latchkey. docs/configuration.md explains every key.

# The address to serve on. Behind a proxy that ends TLS, keep it on loopback.
listen: 127.0.0.1:8080

# The URLs under which browsers and clients reach this server, when it is not http:// and the address above. The first is
# the issuer: when it changes, everybody signs in again.
# base_urls:
#   - https://signin.example.com

# The directory of the database.
data: data

# The key that wraps every key in the database. Back it up apart from the database.
root_key:
  file: root.key
`

func (cmd initCmd) Run(o *output) error {
	if err := os.MkdirAll(cmd.Dir, 0o700); err != nil {
		return fmt.Errorf("the directory cannot be made: %w", err)
	}
	cfg := filepath.Join(cmd.Dir, configFile)
	if _, err := os.Lstat(cfg); err == nil { // before a key is written beside it
		return fmt.Errorf("%s %w", cfg, errThere)
	}
	// The key comes first: a configuration that names a missing key would be worse than a key that nothing names.
	if err := cmd.writeKey(); err != nil {
		return err
	}
	if err := writeNew(cfg, sampleConfig); err != nil {
		return err
	}
	key := filepath.Join(cmd.Dir, rootKeyFile)
	o.note("Wrote %s and %s.", cfg, key)
	o.note("")
	o.note("Next:")
	o.note("  1. In %s, set base_urls to the URL under which people will reach the server.", cfg)
	o.note("  2. Keep a copy of %s in a safe place, apart from the database.", key)
	o.note("  3. latchkey account add 111122223333 --name Main --config %s", cfg)
	o.note("     latchkey role add 111122223333 Developer --config %s", cfg)
	o.note("     latchkey user add alice --config %s", cfg)
	o.note("     latchkey role assign 111122223333 Developer alice --config %s", cfg)
	o.note("  4. latchkey serve --config %s", cfg)
	return nil
}

// The files of an installation, beside the data directory.
const (
	configFile  = "latchkey.yaml"
	rootKeyFile = "root.key"
)

// writeKey writes a fresh root key; errThere when there is one.
func (cmd initCmd) writeKey() error {
	return writeNew(filepath.Join(cmd.Dir, rootKeyFile), keyring.NewRootKey()+"\n")
}

// errThere: the file exists, and was not touched.
var errThere = errors.New("exists already; nothing was changed. Give another directory")

// writeNew writes a file that only this user can read, and refuses to replace one.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s %w", path, errThere)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
