package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

// That refreshes make no statement is only as good as the count, which must find statements where there are some.
func TestStatementsAreCounted(t *testing.T) {
	pgtest.Need(t)
	server, err := pglocal.Start(t.Context(), filepath.Join(t.TempDir(), "postgres"), pglocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	d := &database{server}
	const n = 20
	some := make([]string, n)
	for i := range some {
		some[i] = "SELECT 1"
	}
	got, err := d.statements(t.Context(), func() error { return server.Run(t.Context(), "postgres", some...) })
	if err != nil || got < n || got > n+5 {
		t.Errorf("statements = %d, %v, want %d and a few of others", got, err, n)
	}
	if got, err := d.statements(t.Context(), func() error { return nil }); err != nil || got > 5 {
		t.Errorf("statements of nobody = %d, %v, want close to 0", got, err)
	}
	if used, err := d.cpu(); err != nil || used <= 0 || used > time.Minute {
		t.Errorf("cpu = %s, %v, want some", used, err)
	}
}

// Servers that know nothing of each other must not share a file.
func TestNodesWithoutADatabaseServerHaveCopies(t *testing.T) {
	d := &dataDir{path: filepath.Join(t.TempDir(), "data"), rootKey: "r", rootKeyFile: "f"}
	if err := os.Mkdir(d.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.path, databaseFile), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.copyFor(3); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for i := range 3 {
		on := d.of(i)
		if b, err := os.ReadFile(filepath.Join(on.path, databaseFile)); err != nil || string(b) != "a" || on.rootKeyFile != "f" {
			t.Errorf("node %d runs on %+v with %q, %v, want a copy", i, on, b, err)
		}
		paths[on.path] = true
	}
	if len(paths) != 3 {
		t.Errorf("3 nodes run on %d folders", len(paths))
	}
	shared := &dataDir{database: "postgres://a"}
	if shared.of(2) != shared {
		t.Error("nodes on PostgreSQL do not share it")
	}
}
