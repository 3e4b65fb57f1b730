package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// errLocked is what lockFile returns when another process holds the lock.
var errLocked = errors.New("locked by another process")

// lockData takes the data directory for this server. The lock goes with the process, however that ends.
func lockData(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "latchkey.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data directory cannot be locked: %w. Check that this user may write to it", err)
	}
	err = lockFile(f)
	if errors.Is(err, errLocked) {
		f.Close()
		return nil, fmt.Errorf("another server runs on the data directory %s: stop it first, or give this one another directory", dir)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("the data directory %s cannot be locked: %w. Use a local file system", dir, err)
	}
	return func() { f.Close() }, nil
}
