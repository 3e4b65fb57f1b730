package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/latchkey-id/latchkey/internal/pglocal"
)

// shared is the server of this test binary. It is the one thing here that outlives a test: a server takes seconds to
// make, and a database of it a fraction of one.
var shared struct {
	sync.Mutex
	inMain    bool // Main runs the tests, and will clear up
	folder    string
	server    *pglocal.Server
	databases int
	err       error // why there is no server
}

// Main runs the tests of m and clears the shared server away. A test binary that uses Shared has
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	shared.Lock()
	shared.inMain = true
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		// What is in it is thrown away, so there is no need to stop it in order.
		if err := shared.server.Kill(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if shared.folder != "" {
		_ = os.RemoveAll(shared.folder)
	}
	return code
}

// Need skips the test when PostgreSQL is not installed, or fails it when nothing may be skipped.
func Need(t testing.TB) {
	t.Helper()
	err := pglocal.Installed()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// Shared returns the connection string of an empty database that nobody else knows. The server lies in memory where the
// system has a folder for that, so it must not be used to show what a crash leaves.
func Shared(t testing.TB) string {
	t.Helper()
	Need(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.inMain {
		t.Fatal("pgtest.Shared needs a TestMain that calls pgtest.Main")
	}
	if shared.server == nil && shared.err == nil {
		shared.err = startShared(t.Context())
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	shared.databases++
	name := fmt.Sprintf("test_%d", shared.databases)
	if err := shared.server.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return shared.server.URL(name)
}

func startShared(ctx context.Context) (err error) {
	memory := "/dev/shm"
	if info, err := os.Stat(memory); err != nil || !info.IsDir() {
		memory = ""
	}
	removeLeftovers(memory)
	if shared.folder, err = os.MkdirTemp(memory, fmt.Sprintf("%s%d-", prefix, os.Getpid())); err != nil {
		return err
	}
	if err := os.Chmod(shared.folder, 0o711); err != nil { // another user runs the server
		return err
	}
	shared.server, err = pglocal.Start(ctx, filepath.Join(shared.folder, "primary"), pglocal.Options{})
	return err
}

// prefix is what the names of shared folders begin with; the process that uses it follows.
const prefix = "latchkey-pgtest-"

// removeLeftovers removes the folders of test binaries that ended without Main, such as by a panic. Their servers ended
// with them.
func removeLeftovers(parent string) {
	if parent == "" {
		parent = os.TempDir()
	}
	folders, _ := filepath.Glob(filepath.Join(parent, prefix+"*"))
	for _, folder := range folders {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(folder), prefix), "-")
		pid, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		owner, err := os.FindProcess(pid)
		if err == nil && errors.Is(owner.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			_ = os.RemoveAll(folder)
		}
	}
}

// Start starts a server for the test alone, on the disk of t.TempDir, and kills it when the test ends.
func Start(t testing.TB, o pglocal.Options) *pglocal.Server {
	t.Helper()
	Need(t)
	s, err := pglocal.Start(t.Context(), filepath.Join(t.TempDir(), "pg"), o)
	if err != nil {
		t.Fatal(err)
	}
	KillAfter(t, s)
	return s
}

// Standby starts a standby of s for the test alone, and kills it when the test ends.
func Standby(t testing.TB, s *pglocal.Server, o pglocal.Options) *pglocal.Server {
	t.Helper()
	standby, err := s.Standby(t.Context(), filepath.Join(t.TempDir(), "pg"), o)
	if err != nil {
		t.Fatal(err)
	}
	KillAfter(t, standby)
	return standby
}

// KillAfter kills s when the test ends.
func KillAfter(t testing.TB, s *pglocal.Server) {
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
	})
}
