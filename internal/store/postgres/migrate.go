package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/store/schema"
)

// migrationFiles are the migrations; see package schema.
//
// A script holds statements that end in a semicolon, and comments from -- to the end of the line. Neither sign is
// anywhere else in it.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	// lockLimit is how long a statement of a migration waits for a table, in milliseconds. Everybody who comes later waits
	// behind it, although what it waits for, such as a dump, would let them through.
	lockLimit = "2000"
	// lockPause is how long it then lets the others go on, and up to twice as long.
	lockPause = time.Second
)

// migrations returns all in order.
func migrations() ([]schema.Migration, error) { return schema.Read(migrationFiles) }

// statements returns the statements of a script, one by one: only the simple protocol, which is not used, takes many.
func statements(script string) []string {
	var code strings.Builder
	for line := range strings.Lines(script) {
		before, _, comment := strings.Cut(line, "--")
		code.WriteString(before)
		if comment {
			code.WriteByte('\n')
		}
	}
	var list []string
	for statement := range strings.SplitSeq(code.String(), ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			list = append(list, statement)
		}
	}
	return list
}

// migrate applies what the database lacks of all, each in a transaction of its own, and records it under the time now. It
// fails when others brought the database to a schema that a binary which knows all cannot work with.
//
// It has a connection of its own, on which a statement may take as long as ctx lets it, because tables may be large; but
// it does not wait for a lock for long.
func migrate(ctx context.Context, config *pgx.ConnConfig, all []schema.Migration, now time.Time) error {
	config = config.Copy()
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["lock_timeout"] = lockLimit
	c, err := connect(ctx, config)
	if err != nil {
		return err
	}
	defer disconnect(ctx, c)
	if err := keepTransactionsWhole(ctx, c); err != nil {
		return err
	}
	if err := insist(ctx, func() error { return prepareRecord(ctx, c) }); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, c)
	if err != nil {
		return err
	}
	for _, m := range all[min(version, len(all)):] {
		if err := insist(ctx, func() error { return apply(ctx, c, m, now) }); err != nil {
			return fmt.Errorf("schema %04d_%s: %w", m.Version, m.Name, err)
		}
	}
	return checkNewer(ctx, c, len(all)) // last, because others may migrate at the same time
}

// insist is again, and goes on until ctx ends while the server gives up its wait for a lock. In the pauses those get on
// who queued behind it.
func insist(ctx context.Context, do func() error) error {
	var waited error
	for {
		err := again(ctx, do)
		switch {
		case code(err) == lockNotAvailable:
			waited = err
		case err != nil && waited != nil && ctx.Err() != nil: // it says only that the time is up
			return waited
		default:
			return err
		}
		select {
		case <-time.After(lockPause + rand.N(lockPause)):
		case <-ctx.Done():
			return waited
		}
	}
}

// keepTransactionsWhole turns off what CockroachDB does from version 25.1 on: it commits a transaction before a statement
// of it that changes the schema, so that the record of a migration could stay without the migration.
func keepTransactionsWhole(ctx context.Context, c *pgx.Conn) error {
	var commits *string
	err := c.QueryRow(ctx, `SELECT current_setting('autocommit_before_ddl', true)`).Scan(&commits)
	if err == nil && commits != nil && *commits == "on" {
		_, err = c.Exec(ctx, `SET autocommit_before_ddl TO 'off'`)
	}
	return err
}

// prepareRecord makes the table that migrations are recorded in, provided that the database is empty or has it. Of nodes
// that do so at once all but one may be refused, and look again.
func prepareRecord(ctx context.Context, c *pgx.Conn) error {
	var tables, ours int64
	err := c.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()),
			(SELECT count(*) FROM information_schema.columns
			 WHERE table_schema = current_schema() AND table_name = 'schema_migrations' AND column_name = 'works_with')`).Scan(&tables, &ours)
	switch {
	case err != nil:
		return err
	case ours > 0:
		return nil
	case tables > 0:
		return errors.New("it holds the tables of another program; create a database for latchkey alone, and name that")
	}
	_, err = c.Exec(ctx, `
		CREATE TABLE IF NOT EXISTS schema_migrations (
			version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_ms BIGINT NOT NULL, works_with BIGINT)`)
	switch code(err) {
	case uniqueViolation, duplicateTable, duplicateObject, serializationFailed, deadlockDetected:
		return undone{err}
	}
	return err
}

// schemaVersion returns the version of the newest migration that the database has, 0 for an empty database.
func schemaVersion(ctx context.Context, c *pgx.Conn) (version int, err error) {
	err = c.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM schema_migrations`).Scan(&version)
	return version, err
}

// checkNewer tells whether a binary can work with the database that knows the migrations up to known.
func checkNewer(ctx context.Context, c *pgx.Conn, known int) error {
	version, err := schemaVersion(ctx, c)
	if err != nil || version <= known {
		return err
	}
	var needs int
	err = c.QueryRow(ctx, `SELECT max(coalesce(works_with, version)) FROM schema_migrations WHERE version > $1`, int64(known)).Scan(&needs)
	if err != nil {
		return err
	}
	return schema.Check(version, needs, known)
}

// apply runs m unless another node did in the meantime. The row that records m comes first: whoever inserts the same waits
// until this transaction ends, and then finds it there, or goes ahead in its place.
func apply(ctx context.Context, c *pgx.Conn, m schema.Migration, now time.Time) error {
	pg, err := c.BeginTx(ctx, readCommitted)
	if err != nil {
		return err
	}
	defer rollback(ctx, pg)
	var worksWith *int64
	if m.WorksWith != 0 {
		worksWith = new(int64(m.WorksWith))
	}
	recorded, err := pg.Exec(ctx, `
		INSERT INTO schema_migrations (version, name, applied_ms, works_with) VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING`,
		int64(m.Version), m.Name, now.UnixMilli(), worksWith)
	if err == nil && recorded.RowsAffected() == 0 {
		return nil
	}
	if err == nil {
		err = runAll(ctx, pg, statements(m.Script))
	}
	if err == nil {
		err = pg.Commit(ctx)
	}
	if lostRace(err) {
		return undone{err}
	}
	return err
}

func runAll(ctx context.Context, pg pgx.Tx, list []string) error {
	for _, statement := range list {
		if _, err := pg.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
