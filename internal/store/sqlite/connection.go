package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/latchkey-id/latchkey/internal/store/schema"
)

// openWriter connects to the file at path, applies what it lacks of schema, and starts the writer's goroutine.
func openWriter(ctx context.Context, path string, schema []schema.Migration, now time.Time, o Options) (*writer, error) {
	// The log is made short again after a burst: 64 MiB.
	db, err := connect(path, "_pragma", "journal_size_limit(67108864)")
	if err != nil {
		return nil, err
	}
	wr := &writer{
		db: db, observe: o.Observe,
		queue: make(chan *write, maxBatch), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := wr.prepare(ctx, schema, now, o.Marked); err != nil {
		return nil, errors.Join(err, wr.disconnect())
	}
	go wr.run()
	return wr, nil
}

// prepare readies the connection for run.
func (wr *writer) prepare(ctx context.Context, schema []schema.Migration, now time.Time, marked bool) (err error) {
	if wr.conn, err = wr.db.Conn(ctx); err != nil {
		return err
	}
	if err := wr.useLog(ctx); err != nil {
		return err
	}
	if err := wr.checkDurable(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, wr.conn, schema, now); err != nil {
		return err
	}
	if !marked {
		if err := refuseMarked(ctx, wr.conn); err != nil {
			return err
		}
	}

	for to, query := range map[**sql.Stmt]string{
		&wr.start: `BEGIN IMMEDIATE`, &wr.insert: insertSession, &wr.first: firstGeneration, &wr.next: nextGeneration,
		&wr.commit: `COMMIT`, &wr.rollback: `ROLLBACK`,
	} {
		if *to, err = wr.conn.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// useLog turns the write-ahead log on, which a file that had it once keeps. While others do the same to a new file SQLite
// refuses instead of waiting, so this tries again for some seconds.
func (wr *writer) useLog(ctx context.Context) error {
	for tries := 0; ; tries++ {
		_, err := wr.conn.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
		if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code()&0xff != lib.SQLITE_BUSY || tries == 500 {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// checkDurable makes sure that the settings took effect on which the promise of the contract rests; SQLite says nothing
// when it cannot apply them.
func (wr *writer) checkDurable(ctx context.Context) error {
	var journal string
	if err := wr.conn.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
		return err
	}
	var synchronous int
	if err := wr.conn.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("its folder cannot hold a write-ahead log (journal mode %q, synchronous %d); a database must lie on a local disk",
			journal, synchronous)
	}
	return nil
}

// close lets the goroutine finish what is queued, and disconnects.
func (wr *writer) close() error {
	close(wr.closing)
	<-wr.stopped
	return wr.disconnect()
}

// disconnect releases the connection and its statements.
func (wr *writer) disconnect() error {
	var errs []error
	for _, s := range []*sql.Stmt{wr.start, wr.insert, wr.first, wr.next, wr.commit, wr.rollback} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if wr.conn != nil {
		errs = append(errs, wr.conn.Close())
	}
	return errors.Join(append(errs, wr.db.Close())...)
}
