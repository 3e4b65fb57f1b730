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
//go:embed migrations/*.sql
var migrationFiles embed.FS

type migration struct {
	version int    // 1, 2, …
	name    string // sign_in
	script  string
}

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
		all = append(all, migration{version, name, string(script)})
	}
	return all, nil
}

// migrate applies what the database lacks of all, each in a transaction of its own, and records it under the time now.
func migrate(ctx context.Context, c *sql.Conn, all []migration, now time.Time) error {
	version, err := schemaVersion(ctx, c)
	if err != nil {
		return err
	}
	if version > len(all) {
		return fmt.Errorf("it was written by a newer version of latchkey (schema %d, this binary knows %d): run that version or restore a backup",
			version, len(all))
	}
	for _, m := range all[version:] {
		if err := apply(ctx, c, m, now); err != nil {
			return fmt.Errorf("schema %04d_%s: %w", m.version, m.name, err)
		}
	}
	return nil
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
		_, err := c.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, applied_ms) VALUES (?, ?, ?)`, m.version, m.name, now.UnixMilli())
		if err != nil {
			return err
		}
	}
	_, err = c.ExecContext(ctx, `COMMIT`)
	return err
}
