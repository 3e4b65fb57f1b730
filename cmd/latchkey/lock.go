//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockData takes the data directory for this server. The lock goes with the process, however that ends.
func lockData(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w", err)
	}
	path := filepath.Join(dir, "latchkey.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data directory cannot be locked: %w. Check that this user may write to it", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, fmt.Errorf("another server runs on the data directory %s: stop it first, or give this one another directory", dir)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("the data directory %s cannot be locked: %w. Use a local file system", dir, err)
	}
	return func() { f.Close() }, nil
}
