package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// nobody is a user that owns nothing.
const nobody = 65534

func TestRootKeyFileOfAnotherUserIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "root.key")
	if err := os.WriteFile(path, []byte(keyring.NewRootKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		// The superuser reads every file, so this thread goes to the file system as nobody for a moment. Everybody may go
		// through the folders above, and nobody else may read the file.
		for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o711); err != nil {
				t.Fatal(err)
			}
		}
		runtime.LockOSThread() // and never unlocked: the thread ends with the test
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	} else if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := (RootKey{File: path}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "not readable by this user: chown") {
		t.Errorf("Load(an unreadable file) = %v, want how to mend it", err)
	}
}
