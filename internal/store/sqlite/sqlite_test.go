package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/storetest"
)

func TestContract(t *testing.T) {
	folder := t.TempDir()
	storetest.Run(t, storetest.Engine{
		Open: func(t *testing.T, name string) store.Store { return open(t, filepath.Join(folder, name+".db")) },
	})
}

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// open opens path until the test ends.
func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, noon, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// session returns one of the size that a login leaves, with an id of its own.
func session(at time.Time) signin.Session {
	return signin.Session{
		ID:        signin.NewSessionID(at),
		ClientID:  signin.SameDevice,
		Principal: signin.Principal{Account: "111122223333", Role: "Developer", RoleID: "AROADEVELOPER0000000", Person: "alice@example.com", PersonID: "AIDAALICE00000000000"},
		Key:       signin.Thumbprint{1, 2, 3},
		AuthTime:  at, Issued: at, Start: at, End: at.Add(12 * time.Hour),
		Methods: "pwd",
	}
}

// beside opens the file at path the way another program would.
func beside(t testing.TB, path string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = db.Close() })
	return c
}

// run runs statements on c.
func run(t testing.TB, c *sql.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// wantWhole fails the test unless SQLite finds nothing wrong with the file.
func wantWhole(t testing.TB, path string) {
	t.Helper()
	var verdict string
	if err := beside(t, path).QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check = %q, %v, want ok", verdict, err)
	}
}
