package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/schema"
	"github.com/latchkey-id/latchkey/internal/store/storetest"
)

// shipped is what this binary knows.
func shipped(t testing.TB) []schema.Migration {
	t.Helper()
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// and returns all with one more migration.
func and(all []schema.Migration, worksWith int, script string) []schema.Migration {
	return append(all[:len(all):len(all)], schema.Migration{Version: len(all) + 1, Name: "next", Script: script, WorksWith: worksWith})
}

// openKnowing is open of a binary that knows schema.
func openKnowing(t testing.TB, path string, schema []schema.Migration) (*Store, error) {
	s, err := openWith(t.Context(), path, schema, noon, Options{})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// widened is how a migration may change tables under binaries that do not know it: they name the columns that they write,
// and do not look into tables of which they never heard.
const widened = `
	ALTER TABLE session ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
	ALTER TABLE notice ADD COLUMN by_whom TEXT;
	ALTER TABLE person ADD COLUMN mail TEXT NOT NULL DEFAULT '';
	ALTER TABLE ring_key ADD COLUMN algorithm TEXT;
	ALTER TABLE audit_event ADD COLUMN region TEXT NOT NULL DEFAULT '';
	ALTER TABLE session_step ADD COLUMN node TEXT;
	ALTER TABLE session_generation ADD COLUMN node TEXT;
	ALTER TABLE dynamic_client ADD COLUMN kind TEXT NOT NULL DEFAULT '';
	ALTER TABLE permission_statement ADD COLUMN kind TEXT;
	CREATE TABLE novelty (id INTEGER PRIMARY KEY, person TEXT REFERENCES person (id)) STRICT;`

// Everything that the contract promises holds for a binary on a newer schema that was made to work with it.
func TestContractOnNewerSchema(t *testing.T) {
	folder, all := t.TempDir(), shipped(t)
	storetest.Run(t, storetest.Engine{
		Open: func(t *testing.T, name string) store.Store {
			path := filepath.Join(folder, name+".db")
			newer, err := openKnowing(t, path, and(all, len(all), widened))
			if err != nil {
				t.Fatal(err)
			}
			if err := newer.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, path)
		},
	})
}

func TestNewerSchemaIsRefusedUnlessItSaysOtherwise(t *testing.T) {
	known := len(shipped(t))
	newer := func(version int, worksWith any) string {
		n, ok := worksWith.(int)
		if !ok {
			return fmt.Sprintf(`INSERT INTO schema_migrations (version, name, applied_ms) VALUES (%d, 'newer', 0)`, version)
		}
		return fmt.Sprintf(`INSERT INTO schema_migrations (version, name, applied_ms, works_with) VALUES (%d, 'newer', 0, %d)`, version, n)
	}
	for _, c := range []struct {
		name string
		rows []string
		want string // in the error; empty: none
	}{
		{"works with all", []string{newer(known+1, 1)}, ""},
		{"works with this one", []string{newer(known+1, known), newer(known+2, known), newer(known+3, 1)}, ""},
		{"says nothing", []string{newer(known+1, nil)}, fmt.Sprintf("(schema %d takes a binary that knows %d or more, this binary knows %d)", known+1, known+1, known)},
		{"works with itself only", []string{newer(known+1, known+1)}, fmt.Sprintf("(schema %d takes a binary that knows %d or more, ", known+1, known+1)},
		{"one between does not", []string{newer(known+1, known), newer(known+2, known+1), newer(known+3, 1)}, fmt.Sprintf("(schema %d takes a binary that knows %d or more, ", known+3, known+1)},
		{"one between says nothing", []string{newer(known+1, nil), newer(known+2, known)}, fmt.Sprintf("(schema %d takes a binary that knows %d or more, ", known+2, known+1)},
	} {
		path := filepath.Join(t.TempDir(), "x.db")
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		run(t, beside(t, path), c.rows...)
		_, err := openKnowing(t, path, shipped(t))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: Open = %v, want nil", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "run that version or restore a backup")):
			t.Errorf("%s: Open = %v, want %q and what to do", c.name, err, c.want)
		}
	}
}

// Schema 4 works with binaries from the third schema on, which leave its tables alone, and not with older ones.
func TestOlderBinariesOpenSchemaFour(t *testing.T) {
	for known, good := range map[int]bool{1: false, 2: false, 3: true} {
		path := filepath.Join(t.TempDir(), "x.db")
		open(t, path)
		if _, err := openKnowing(t, path, shipped(t)[:known]); (err == nil) != good {
			t.Errorf("Open by a binary that knows schema %d = %v, want that it may: %v", known, err, good)
		}
	}
}

// What a binary that knows schema 1 writes and asks for goes on to succeed. Its statements are never to be changed.
func TestStatementsOfSchemaOneWorkOnNewerSchemas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	c := beside(t, path)
	code := session(noon)
	_, err := c.ExecContext(t.Context(), `
INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods)
VALUES (?, ?, 0, 0, 0, zeroblob(32), '', '', '', '', '', '', '')
ON CONFLICT (id) DO NOTHING`, code.ID[:], noon.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.SessionByID(t.Context(), code.ID); err != nil || got.AsOf != 0 {
		t.Errorf("SessionByID of what the old binary redeemed = %+v, %v, want AsOf 0", got, err)
	}
	if err := s.RedeemCode(t.Context(), code); !errors.Is(err, store.ErrSpent) {
		t.Errorf("RedeemCode of what the old binary redeemed = %v, want ErrSpent", err)
	}
	run(t, c, `INSERT INTO notice (reason, subject, at_ms, expires_ms) VALUES (1, 'x', 0, 0)`,
		`INSERT INTO ring_key (id, purpose, created_ms, use_from_ms, expires_ms, wrapped, public_id) VALUES (1, '', 0, 0, NULL, x'00', '')`,
		`DELETE FROM session WHERE id IN (SELECT id FROM session WHERE id BETWEEN x'00' AND x'ff' AND end_ms < 9e15 ORDER BY id LIMIT 10)`)
}

// A rolling upgrade: the newer binary changes the schema under the older, both work, and the older can be started again.
func TestOldAndNewBinaryAtOnce(t *testing.T) {
	path, all := filepath.Join(t.TempDir(), "x.db"), shipped(t)
	old := open(t, path)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer func() { cancel(); wg.Wait() }()
	redeem := func(s *Store, n int) {
		for i := 0; i < n || (n == 0 && ctx.Err() == nil); i++ {
			code := session(noon)
			if err := s.RedeemCode(t.Context(), code); err != nil {
				t.Errorf("RedeemCode = %v", err)
			}
			if _, err := s.SessionByID(t.Context(), code.ID); err != nil {
				t.Errorf("SessionByID = %v", err)
			}
		}
	}
	wg.Go(func() { redeem(old, 0) })
	for i := range 3 {
		all = and(all, len(shipped(t)), fmt.Sprintf(
			`ALTER TABLE session ADD COLUMN x%d TEXT NOT NULL DEFAULT 'x'; CREATE TABLE novelty%[1]d (id INTEGER PRIMARY KEY) STRICT;`, i))
		newer, err := openKnowing(t, path, all)
		if err != nil {
			t.Fatalf("Open by binary %d = %v", i, err)
		}
		redeem(newer, 20)
		redeem(open(t, path), 20) // started again in the middle of the upgrade
	}
	cancel()
	wg.Wait()
	wantWhole(t, path)

	if _, err := openKnowing(t, path, and(all, len(all)+1, `CREATE TABLE fresh (x TEXT) STRICT;`)); err != nil {
		t.Fatal(err)
	}
	if _, err := openKnowing(t, path, all); err == nil {
		t.Error("Open of a schema that works with no older binary = nil, want an error")
	}
}

// Of binaries that start at once on an old database, each finds the schema that it can work with, or says that it cannot.
func TestBinariesOfBothKindsMigrateAtOnce(t *testing.T) {
	known := len(shipped(t))
	for _, worksWith := range []int{1, known + 1} {
		path, all := filepath.Join(t.TempDir(), "x.db"), shipped(t)
		if err := migrate(t.Context(), beside(t, path), all[:1], noon); err != nil {
			t.Fatal(err)
		}
		newest := and(all, worksWith, `ALTER TABLE session ADD COLUMN x TEXT;`)
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				knows := all
				if i%2 == 0 {
					knows = newest
				}
				_, errs[i] = openKnowing(t, path, knows)
			})
		}
		wg.Wait()
		for i, err := range errs {
			// One that came before the newest is in, so it may work with the schema of its time.
			if err != nil && (i%2 == 0 || worksWith == 1 || !strings.Contains(err.Error(), "run that version")) {
				t.Errorf("works with %d: Open %d = %v", worksWith, i, err)
			}
		}
		if v, err := schemaVersion(t.Context(), beside(t, path)); v != known+1 || err != nil {
			t.Errorf("schemaVersion = %d, %v, want %d", v, err, known+1)
		}
	}
}

func TestMigrationsAreRecordedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for range 3 {
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
	}
	var applied int64
	var rows string
	err := beside(t, path).QueryRowContext(t.Context(), `
		SELECT group_concat(version || ' ' || name || ' ' || ifnull(works_with, 'NULL'), ', ' ORDER BY version), min(applied_ms) FROM schema_migrations`).
		Scan(&rows, &applied)
	if want := "1 sign_in NULL, 2 many_nodes 1, 3 relocation 1, 4 operations 3"; err != nil || rows != want || applied != noon.UnixMilli() {
		t.Errorf("schema_migrations holds %q of %d, %v, want %q at %d", rows, applied, err, want, noon.UnixMilli())
	}
}

// An older database gets only what it lacks, and one that cannot be brought up to date stays as it was.
func TestFailingMigrationLeavesTheOlderSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	c, all := beside(t, path), shipped(t)
	known := len(all)

	err := migrate(t.Context(), c, and(all, known+1, `CREATE TABLE half (x TEXT) STRICT; INSERT INTO nowhere VALUES (1);`), noon)
	if want := fmt.Sprintf("schema %04d_next", known+1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("migrate with a script that fails = %v, want an error that names %s", err, want)
	}
	var half int
	if err := c.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_schema WHERE name = 'half'`).Scan(&half); err != nil || half != 0 {
		t.Errorf("tables left by the script that failed = %d, %v, want 0", half, err)
	}

	if err := migrate(t.Context(), c, and(all, known+1, `CREATE TABLE whole (x TEXT) STRICT;`), noon.Add(time.Hour)); err != nil {
		t.Errorf("migrate = %v", err)
	}
	if v, err := schemaVersion(t.Context(), c); v != known+1 || err != nil {
		t.Errorf("schemaVersion = %d, %v, want %d", v, err, known+1)
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
	if n < 20 {
		t.Errorf("found %d tables, want all", n)
	}
}
