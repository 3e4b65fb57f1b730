package floor

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// database is one connection with its statements prepared. It goes around database/sql, whose pool and conversions cost
// a tenth of an insert.
type database struct {
	conn                            driver.Conn
	begin, insert, finish, rollback driver.StmtExecContext
}

// openDatabase makes the table in a fresh database.
func openDatabase(ctx context.Context, c driver.Connector) (*database, error) {
	conn, err := c.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the floor's database: %w", err)
	}
	db := &database{conn: conn}
	var create driver.StmtExecContext
	err = db.prepare(ctx, &create, "CREATE TABLE session (id BLOB PRIMARY KEY, ends INTEGER NOT NULL, facts BLOB NOT NULL) STRICT, WITHOUT ROWID")
	if err == nil {
		_, err = create.ExecContext(ctx, nil)
	}
	if err == nil {
		err = errors.Join(
			db.prepare(ctx, &db.begin, "BEGIN IMMEDIATE"),
			db.prepare(ctx, &db.insert, "INSERT INTO session (id, ends, facts) VALUES (?, ?, ?)"),
			db.prepare(ctx, &db.finish, "COMMIT"),
			db.prepare(ctx, &db.rollback, "ROLLBACK"))
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("make the floor's table: %w", err)
	}
	return db, nil
}

func (db *database) prepare(ctx context.Context, into *driver.StmtExecContext, query string) error {
	prepared, err := db.conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	*into = prepared.(driver.StmtExecContext)
	return nil
}

// commit writes group in one transaction, which is durable when it returns nil.
func (db *database) commit(group []row) error {
	ctx := context.Background() // one that cannot end: the driver spends a goroutine on others
	if _, err := db.begin.ExecContext(ctx, nil); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	args := []driver.NamedValue{{Ordinal: 1}, {Ordinal: 2}, {Ordinal: 3}}
	for _, r := range group {
		args[0].Value, args[1].Value, args[2].Value = r.id[:], r.ends, r.facts
		if _, err := db.insert.ExecContext(ctx, args); err != nil {
			db.rollback.ExecContext(ctx, nil)
			return fmt.Errorf("insert: %w", err)
		}
	}
	if _, err := db.finish.ExecContext(ctx, nil); err != nil {
		db.rollback.ExecContext(ctx, nil)
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
