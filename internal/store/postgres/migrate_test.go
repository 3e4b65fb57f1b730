package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/schema"
	"github.com/latchkey-id/latchkey/internal/store/storetest"
)

// and returns all with one more migration.
func and(all []schema.Migration, worksWith int, script string) []schema.Migration {
	return append(all[:len(all):len(all)], schema.Migration{Version: len(all) + 1, Name: "next", Script: script, WorksWith: worksWith})
}

// openKnowing is open of a binary that knows schema.
func openKnowing(t testing.TB, url string, schema []schema.Migration) (*Store, error) {
	s, err := openWith(t.Context(), schema, nil, Options{URL: url, Now: noon})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// widened is how a migration may change tables under binaries that do not know it: they name the columns that they write,
// and do not look into tables of which they never heard.
const widened = `
	ALTER TABLE session ADD COLUMN tenant TEXT NOT NULL DEFAULT 'none';
	ALTER TABLE notice ADD COLUMN by_whom TEXT;
	ALTER TABLE person ADD COLUMN mail TEXT NOT NULL DEFAULT 'none'; -- a comment
	ALTER TABLE ring_key ADD COLUMN algorithm TEXT;
	ALTER TABLE audit_event ADD COLUMN region TEXT NOT NULL DEFAULT 'none';
	ALTER TABLE session_step ADD COLUMN node TEXT;
	CREATE TABLE novelty (id BIGINT NOT NULL PRIMARY KEY, person TEXT REFERENCES person (id));`

// A binary goes on to work, on connections that are open, while the schema under it gets newer in a way that works with
// it; and one that does not know the newer schema may be started.
func TestContractOnNewerSchema(t *testing.T) {
	if os.Getenv("CI") != "true" {
		t.Skip("as long as TestContract; runs where CI=true")
	}
	urls, all := newDatabases(t), shipped(t)
	var newer sync.Map
	storetest.Run(t, storetest.Engine{Open: func(t *testing.T, name string) store.Store {
		s := open(t, urls.of(t, name))
		if _, done := newer.LoadOrStore(name, true); !done {
			if _, err := s.People(t.Context()); err != nil { // prepared before the change
				t.Fatal(err)
			}
			upgraded, err := openKnowing(t, urls.of(t, name), and(all, len(all), widened))
			must(t, "Open by a newer binary", err)
			must(t, "Close", upgraded.Close())
		}
		return s
	}})
}

func TestNewerSchemaIsRefusedUnlessItSaysOtherwise(t *testing.T) {
	known := len(shipped(t))
	newer := func(version int, worksWith string) string {
		return fmt.Sprintf(`INSERT INTO schema_migrations (version, name, applied_ms, works_with) VALUES (%d, 'newer', 0, %s)`, version, worksWith)
	}
	this := fmt.Sprint(known)
	for _, c := range []struct {
		name string
		rows []string
		want string // in the error; empty: none
	}{
		{"works with all", []string{newer(known+1, "1")}, ""},
		{"works with this one", []string{newer(known+1, this), newer(known+2, this), newer(known+3, "1")}, ""},
		{"says nothing", []string{newer(known+1, "NULL")}, fmt.Sprintf("(schema %d takes a binary that knows %d or more, this binary knows %d)", known+1, known+1, known)},
		{"works with itself only", []string{newer(known+1, fmt.Sprint(known+1))}, fmt.Sprintf("(schema %d takes a binary that knows %d or more, ", known+1, known+1)},
		{"one between does not", []string{newer(known+1, this), newer(known+2, fmt.Sprint(known+1)), newer(known+3, "1")}, fmt.Sprintf("(schema %d takes a binary that knows %d or more, ", known+3, known+1)},
	} {
		url := pgtest.Shared(t)
		must(t, "Close", open(t, url).Close())
		run(t, beside(t, url), c.rows...)
		_, err := openKnowing(t, url, shipped(t))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: Open = %v, want nil", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "run that version or restore a backup")):
			t.Errorf("%s: Open = %v, want %q and what to do", c.name, err, c.want)
		}
	}
}

// What a binary that knows schema 1 writes and asks for succeeds beside schema 2, and beside 3, the last that lets it in. Its
// statement is never to be changed.
func TestStatementsOfSchemaOneWorkOnSchemaTwo(t *testing.T) {
	url := pgtest.Shared(t)
	s, err := openKnowing(t, url, shipped(t)[:3])
	must(t, "Open", err)
	if _, err := openKnowing(t, url, shipped(t)[:1]); err != nil {
		t.Errorf("Open by a binary that knows schema 1 = %v", err)
	}
	code := session(noon)
	_, err = beside(t, url).Exec(t.Context(), `
INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods)
VALUES ($1, 0, 0, 0, 0, $2, '', '', '', '', '', '', '') ON CONFLICT (id) DO NOTHING`, code.ID[:], make([]byte, 32))
	must(t, "INSERT", err)
	if err := s.RedeemCode(t.Context(), code); !errors.Is(err, store.ErrSpent) {
		t.Errorf("RedeemCode of what the older binary redeemed = %v, want ErrSpent", err)
	}
	if got, err := s.SessionByID(t.Context(), code.ID); err != nil || got.AsOf != 0 {
		t.Errorf("SessionByID of what the older binary redeemed = %+v, %v, want AsOf 0", got, err)
	}
}

// All nodes of an installation may be started at once, the first time and for an upgrade.
func TestManyNodesMigrateAtOnce(t *testing.T) {
	all := shipped(t)
	for round := range 3 {
		url := pgtest.Shared(t)
		for _, schema := range [][]schema.Migration{all[:1], all, and(all, 1, widened)} {
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					s, err := openWith(t.Context(), schema, nil, Options{URL: url, Now: noon, Connections: 2})
					if err != nil {
						t.Errorf("round %d: Open by one of many that know schema %d = %v", round, len(schema), err)
						return
					}
					if err := s.AddPerson(t.Context(), store.Person{ID: rand.Text(), Name: rand.Text()}); err != nil {
						t.Error(err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if n := number(t, beside(t, url), `SELECT count(*) FROM schema_migrations`); n != int64(len(all)+1) {
			t.Errorf("schema_migrations holds %d rows, want %d", n, len(all)+1)
		}
		if n := number(t, beside(t, url), `SELECT last FROM notice_counter`); n != 0 {
			t.Errorf("the counter of notices begins with %d, want 0", n)
		}
	}
}

// An older database gets only what it lacks, and one that cannot be brought up to date stays as it was.
func TestFailingMigrationLeavesTheOlderSchema(t *testing.T) {
	url, all := pgtest.Shared(t), shipped(t)
	must(t, "Close", open(t, url).Close())
	_, err := openKnowing(t, url, and(all, 1, `CREATE TABLE half (x TEXT); INSERT INTO nowhere (x) VALUES (1);`))
	if want := fmt.Sprintf("schema %04d_next", len(all)+1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Open with a script that fails = %v, want an error that names %s", err, want)
	}
	c := beside(t, url)
	if n := number(t, c, `SELECT count(*) FROM information_schema.tables WHERE table_name = 'half'`); n != 0 {
		t.Error("the script that failed left a table")
	}
	if n := number(t, c, `SELECT max(version) FROM schema_migrations`); n != int64(len(all)) {
		t.Errorf("schema_migrations says %d after a script that failed, want %d", n, len(all))
	}
	if _, err := openKnowing(t, url, and(all, 1, `CREATE TABLE whole (x TEXT);`)); err != nil {
		t.Errorf("Open = %v", err)
	}
}

func TestStatementsAreSplit(t *testing.T) {
	got := statements("-- a; b\nCREATE TABLE x ( -- c; d\n  i BIGINT\n);\n\n;SELECT 1")
	want := []string{"CREATE TABLE x ( \n  i BIGINT\n)", "SELECT 1"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("statements = %q, want %q", got, want)
	}
}

// A dump holds every table for as long as it takes. A migration that waits for it lets others in from time to time.
func TestMigrationBehindADumpStopsNobody(t *testing.T) {
	url, all := pgtest.Shared(t), shipped(t)
	s, c := open(t, url), beside(t, url)
	run(t, c, `BEGIN`, `LOCK TABLE session IN ACCESS SHARE MODE`)
	upgraded := make(chan error)
	go func() {
		newer, err := openWith(t.Context(), and(all, len(all), widened), nil, Options{URL: url, Now: noon})
		if err == nil {
			err = newer.Close()
		}
		upgraded <- err
	}()
	awaitWaiting(t, c, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // twice as long as the migration waits
	defer cancel()
	if err := s.RedeemCode(ctx, session(noon)); err != nil {
		t.Errorf("RedeemCode beside a migration that waits for a dump = %v", err)
	}
	run(t, c, `ROLLBACK`)
	must(t, "Open by a newer binary", <-upgraded)
	if n := number(t, c, `SELECT count(*) FROM schema_migrations`); n != int64(len(all)+1) {
		t.Errorf("%d migrations are recorded, want %d", n, len(all)+1)
	}
}

// Where the wait has no end, whoever starts the server learns what it waits for.
func TestMigrationThatWaitsTooLongSaysWhatFor(t *testing.T) {
	locked := &pgconn.PgError{Code: lockNotAvailable}
	ctx, cancel := context.WithCancel(t.Context())
	ran := 0
	err := insist(ctx, func() error {
		if ran++; ran == 1 {
			return locked
		}
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, error(locked)) || ran != 2 || !strings.Contains(explain(err).Error(), "such as a dump") {
		t.Errorf("insist = %v after %d tries, want the lock after 2", explain(err), ran)
	}
	mine := errors.New("mine")
	if err := insist(t.Context(), func() error { return mine }); err != mine {
		t.Errorf("insist with another error = %v, want it", err)
	}
}
