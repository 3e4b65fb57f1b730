package postgres

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// onlyHere are the tables that another engine does without.
var onlyHere = []string{
	"notice_counter", // SQLite numbers notices by AUTOINCREMENT, as one transaction at a time can write
}

// The migrations of both engines have the same numbers and names, and lead from one version of the program to the same
// next one.
func TestMigrationsAreThoseOfSQLite(t *testing.T) {
	first := func(folder string) map[string]string {
		paths, err := filepath.Glob(filepath.Join(folder, "migrations", "*"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("found %d migrations in %s: %v", len(paths), folder, err)
		}
		lines := make(map[string]string)
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			line, _, _ := strings.Cut(string(b), "\n")
			if !strings.HasPrefix(line, "-- works with: ") {
				line = ""
			}
			lines[filepath.Base(path)] = line
		}
		return lines
	}
	if d := cmp.Diff(first("../sqlite"), first(".")); d != "" {
		t.Errorf("migrations and their first lines: (-sqlite +postgres)\n%s", d)
	}
}

// The tables of both engines have the same names and columns, so that one can be copied to the other.
func TestTablesAreThoseOfSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := sqlite.Open(t.Context(), path, noon, sqlite.Options{})
	must(t, "Open", err)
	must(t, "Close", s.Close())
	file, err := sql.Open("sqlite", path)
	must(t, "Open", err)
	defer file.Close()
	theirs := make(map[string][]string)
	rows, err := file.QueryContext(t.Context(), `
		SELECT l.name, c.name FROM pragma_table_list l JOIN pragma_table_info(l.name) c WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite_%'`)
	must(t, "Query", err)
	defer rows.Close()
	for rows.Next() {
		var table, column string
		must(t, "Scan", rows.Scan(&table, &column))
		theirs[table] = append(theirs[table], column)
	}
	must(t, "Query", rows.Err())

	url := pgtest.Shared(t)
	open(t, url)
	ours := make(map[string][]string)
	found, err := beside(t, url).Query(t.Context(), `SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'`)
	must(t, "Query", err)
	defer found.Close()
	for found.Next() {
		var table, column string
		must(t, "Scan", found.Scan(&table, &column))
		if !slices.Contains(onlyHere, table) {
			ours[table] = append(ours[table], column)
		}
	}
	must(t, "Query", found.Err())
	for _, tables := range []map[string][]string{theirs, ours} {
		for _, columns := range tables {
			slices.Sort(columns)
		}
	}
	if d := cmp.Diff(theirs, ours); d != "" || len(ours) < 10 {
		t.Errorf("%d tables and their columns: (-sqlite +postgres)\n%s", len(ours), d)
	}
}
