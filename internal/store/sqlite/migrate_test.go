package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	run(t, beside(t, path), `INSERT INTO schema_migrations (version, name, applied_ms) VALUES (7, 'from_the_future', 0)`)
	_, err := Open(t.Context(), path, noon, Options{})
	const want = "was written by a newer version of latchkey (schema 7, this binary knows 1): run that version or restore a backup"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Open = %v, want %q", err, want)
	}
}

func TestMigrationsAreRecordedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for range 3 {
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
	}
	var n, applied int64
	var names string
	err := beside(t, path).QueryRowContext(t.Context(), `SELECT count(*), group_concat(name), max(applied_ms) FROM schema_migrations`).Scan(&n, &names, &applied)
	if err != nil || n != 1 || names != "sign_in" || applied != noon.UnixMilli() {
		t.Errorf("schema_migrations holds %d rows %q of %d, %v, want sign_in at %d", n, names, applied, err, noon.UnixMilli())
	}
}

// An older database gets only what it lacks, and one that cannot be brought up to date stays as it was.
func TestFailingMigrationLeavesTheOlderSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	shipped, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	next := func(script string) []migration {
		return append(shipped[:len(shipped):len(shipped)], migration{len(shipped) + 1, "next", script})
	}
	c := beside(t, path)

	err = migrate(t.Context(), c, next(`CREATE TABLE half (x TEXT) STRICT; INSERT INTO nowhere VALUES (1);`), noon)
	if err == nil || !strings.Contains(err.Error(), "schema 0002_next") {
		t.Errorf("migrate with a script that fails = %v, want an error that names 0002_next", err)
	}
	var half int
	if err := c.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_schema WHERE name = 'half'`).Scan(&half); err != nil || half != 0 {
		t.Errorf("tables left by the script that failed = %d, %v, want 0", half, err)
	}

	if err := migrate(t.Context(), c, next(`CREATE TABLE whole (x TEXT) STRICT;`), noon.Add(time.Hour)); err != nil {
		t.Errorf("migrate = %v", err)
	}
	if v, err := schemaVersion(t.Context(), c); v != 2 || err != nil {
		t.Errorf("schemaVersion = %d, %v, want 2", v, err)
	}
	if _, err := Open(t.Context(), path, noon, Options{}); err == nil {
		t.Error("Open by a binary that knows one migration less = nil, want an error")
	}
}

// Every table refuses values of a wrong type.
func TestTablesAreStrict(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	open(t, path)
	rows, err := beside(t, path).QueryContext(t.Context(), `SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var name string
		var strict bool
		if err := rows.Scan(&name, &strict); err != nil {
			t.Fatal(err)
		}
		if !strict {
			t.Errorf("table %s is not STRICT", name)
		}
	}
	if n < 10 {
		t.Errorf("found %d tables, want all", n)
	}
}
