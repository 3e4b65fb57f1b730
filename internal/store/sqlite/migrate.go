package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/store/schema"
)

// migrationFiles are the migrations; see package schema.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns all in order.
func migrations() ([]schema.Migration, error) { return schema.Read(migrationFiles) }

// migrate applies what the database lacks of all, each in a transaction of its own, and records it under the time now. It
// fails when others brought the database to a schema that a binary which knows all cannot work with.
func migrate(ctx context.Context, c *sql.Conn, all []schema.Migration, now time.Time) error {
	version, err := schemaVersion(ctx, c)
	if err != nil {
		return err
	}
	for _, m := range all[min(version, len(all)):] {
		if err := apply(ctx, c, m, now); err != nil {
			return fmt.Errorf("schema %04d_%s: %w", m.Version, m.Name, err)
		}
	}
	return checkNewer(ctx, c, len(all)) // last, because others may migrate at the same time
}

// checkNewer tells whether a binary can work with the database that knows the migrations up to known.
func checkNewer(ctx context.Context, c *sql.Conn, known int) error {
	version, err := schemaVersion(ctx, c)
	if err != nil || version <= known {
		return err
	}
	var needs int
	err = c.QueryRowContext(ctx, `SELECT max(ifnull(works_with, version)) FROM schema_migrations WHERE version > ?`, known).Scan(&needs)
	if err != nil {
		return err
	}
	return schema.Check(version, needs, known)
}

// schemaVersion returns the version of the newest migration that the database has, 0 for an empty database.
func schemaVersion(ctx context.Context, c *sql.Conn) (int, error) {
	var tables, ours int
	err := c.QueryRowContext(ctx, `SELECT count(*), ifnull(sum(name = 'schema_migrations'), 0) FROM sqlite_schema WHERE type = 'table'`).
		Scan(&tables, &ours)
	switch {
	case err != nil || tables == 0:
		return 0, err
	case ours == 0:
		return 0, errors.New("it is the database of another program; name another file")
	}
	var version int
	err = c.QueryRowContext(ctx, `SELECT ifnull(max(version), 0) FROM schema_migrations`).Scan(&version)
	return version, err
}

// apply runs m unless another process did in the meantime.
func apply(ctx context.Context, c *sql.Conn, m schema.Migration, now time.Time) (err error) {
	if _, err := c.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, e := c.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
			err = errors.Join(err, e)
		}
	}()

	version, err := schemaVersion(ctx, c)
	if err != nil {
		return err
	}
	if version < m.Version {
		const table = `CREATE TABLE IF NOT EXISTS schema_migrations (
			version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT;`
		if _, err := c.ExecContext(ctx, table+m.Script); err != nil {
			return err
		}
		if err := record(ctx, c, m, now); err != nil {
			return err
		}
	}
	_, err = c.ExecContext(ctx, `COMMIT`)
	return err
}

// record notes that m was applied. The column for worksWith came with the first migration that states it.
func record(ctx context.Context, c *sql.Conn, m schema.Migration, now time.Time) (err error) {
	if m.WorksWith == 0 {
		_, err = c.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, applied_ms) VALUES (?, ?, ?)`, m.Version, m.Name, now.UnixMilli())
	} else {
		_, err = c.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, applied_ms, works_with) VALUES (?, ?, ?, ?)`,
			m.Version, m.Name, now.UnixMilli(), m.WorksWith)
	}
	return err
}
