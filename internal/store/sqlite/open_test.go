package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// The hashes of passwords are in the file.
func TestOnlyTheOwnerCanReadTheFiles(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "latchkey.db")
	s := open(t, path)
	if err := s.RedeemCode(t.Context(), session(noon)); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of latchkey.db%s = %o, want 600", suffix, got)
		}
	}
}

func TestOddPathsNameTheFile(t *testing.T) {
	for _, name := range []string{"a b.db", "a?mode=memory", "a#b", "a%41b", "a;b&c=d", "ключ.db", `quo'te"d`, "file:x", "+"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		code := session(noon)
		if err := s.RedeemCode(t.Context(), code); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("after Open(%q) there is no such file", name)
		}
		if err := open(t, path).RedeemCode(t.Context(), code); !errors.Is(err, store.ErrSpent) {
			t.Errorf("%s: RedeemCode after reopening = %v, want ErrSpent", name, err)
		}
	}
}

func TestRelativePathIsThatOfTheTimeOfOpen(t *testing.T) {
	t.Chdir(t.TempDir())
	s := open(t, "x.db")
	t.Chdir(t.TempDir()) // connections of the pool are made later
	if _, err := s.People(t.Context()); err != nil {
		t.Error(err)
	}
}

// A server and a command of the administrator may both be the first.
func TestManyOpenOneNewFile(t *testing.T) {
	for range 10 {
		path := filepath.Join(t.TempDir(), "x.db")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := Open(t.Context(), path, noon, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.RedeemCode(t.Context(), session(noon)); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(folder, "foreign")
	run(t, beside(t, foreign), `CREATE TABLE bookmarks (url TEXT)`)

	for _, c := range []struct{ path, want string }{
		{garbage, "not an SQLite database"},
		{foreign, "database of another program"},
		{filepath.Join(folder, "nowhere", "x.db"), "no such file or directory"},
		{folder, "may write to the folder and the file"},
	} {
		_, err := Open(t.Context(), c.path, noon, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("Open(%s) = %v, want an error that names the path and says %q", c.path, err, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("Open made a folder")
	}
}

func TestDamagedFileGivesErrorsWithAHint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	for range 500 {
		if err := s.RedeemCode(t.Context(), session(noon)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	// All pages of tables, but not the first, which holds the schema.
	if _, err := f.WriteAt([]byte(strings.Repeat("damage! ", int(info.Size()-4096)/8)), 4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	s, err = Open(t.Context(), path, noon, Options{})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
		err = s.RedeemCode(t.Context(), session(noon))
	}
	if err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("a damaged file gives %v, want an error that says to restore a backup", err)
	}
}

func TestObserverHearsOfEveryOperation(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	observe := func(_ context.Context, operation string, took time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprintf("%s %t %t", operation, took > 0, err != nil))
	}
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), noon, Options{Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	code := session(noon)
	_ = s.RedeemCode(t.Context(), code)
	_, _ = s.SessionByID(t.Context(), code.ID)
	_ = s.RedeemCode(t.Context(), code)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// A commit is told after its writers were answered, so at any place after that.
	got, commits := []string{}, 0
	for _, h := range heard {
		if h == "commit true false" {
			commits++
		} else {
			got = append(got, h)
		}
	}
	want := []string{"redeem_code true false", "session_by_id true false", "redeem_code true true"}
	if fmt.Sprint(got) != fmt.Sprint(want) || commits != 2 {
		t.Errorf("observed %q and %d commits, want %q and 2", got, commits, want)
	}
	if got := s.Stats(); got != (Stats{Commits: 2, Writes: 2}) {
		t.Errorf("Stats() = %+v, want 2 commits of 2 writes", got)
	}
}
