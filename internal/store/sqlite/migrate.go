package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Every driver has migrations of the same numbers and names. They go forward only, and one that was released never
// changes.
//
// So that an upgrade stops nobody, binaries may work on a schema that is newer than they know. The first line of every
// script but the first says down to which: `-- works with: 1` promises that all that a binary does which knows schema 1
// goes on to succeed, and to mean the same. It is recorded in the database, because only there the older binary sees it.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

type migration struct {
	version int    // 1, 2, …
	name    string // sign_in
	script  string
	// worksWith is the oldest schema that a binary may know and still work beside this one; 0: that of this migration.
	worksWith int
}

const worksWithLine = "-- works with: "

// migrations returns all in order, and fails unless they are numbered without a gap.
func migrations() ([]migration, error) {
	paths, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []migration
	for i, path := range paths {
		number, name, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(path, "migrations/"), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 || len(number) != 4 || name == "" {
			return nil, fmt.Errorf("%s is not named %04d_<name>.sql", path, i+1)
		}
		script, err := migrationFiles.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m := migration{version: version, name: name, script: string(script)}
		if version > 1 {
			line, _, _ := strings.Cut(m.script, "\n")
			m.worksWith, err = strconv.Atoi(strings.TrimPrefix(line, worksWithLine))
			if err != nil || !strings.HasPrefix(line, worksWithLine) || m.worksWith < 1 || m.worksWith > version {
				return nil, fmt.Errorf("%s does not begin with the line %q and the number of a schema up to %d", path, worksWithLine, version)
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// migrate applies what the database lacks of all, each in a transaction of its own, and records it under the time now. It
// fails when others brought the database to a schema that a binary which knows all cannot work with.
func migrate(ctx context.Context, c *sql.Conn, all []migration, now time.Time) error {
	version, err := schemaVersion(ctx, c)
	if err != nil {
		return err
	}
	for _, m := range all[min(version, len(all)):] {
		if err := apply(ctx, c, m, now); err != nil {
			return fmt.Errorf("schema %04d_%s: %w", m.version, m.name, err)
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
	if err == nil && needs > known {
		err = fmt.Errorf("it was written by a newer version of latchkey (schema %d takes a binary that knows %d or more, this binary knows %d): "+
			"run that version or restore a backup", version, needs, known)
	}
	return err
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
func apply(ctx context.Context, c *sql.Conn, m migration, now time.Time) (err error) {
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
	if version < m.version {
		const table = `CREATE TABLE IF NOT EXISTS schema_migrations (
			version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT;`
		if _, err := c.ExecContext(ctx, table+m.script); err != nil {
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
func record(ctx context.Context, c *sql.Conn, m migration, now time.Time) (err error) {
	if m.worksWith == 0 {
		_, err = c.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, applied_ms) VALUES (?, ?, ?)`, m.version, m.name, now.UnixMilli())
	} else {
		_, err = c.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, applied_ms, works_with) VALUES (?, ?, ?, ?)`,
			m.version, m.name, now.UnixMilli(), m.worksWith)
	}
	return err
}
