package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// tx is what a write sees of the database.
type tx struct {
	ctx     context.Context
	pg      pgx.Tx
	notices *[]signin.Notice // what the commit will give
}

// readCommitted is what the statements are written for: each sees what was committed before it began. A server that has
// only stricter levels uses one, and its refusals are tried again.
var readCommitted = pgx.TxOptions{IsoLevel: pgx.ReadCommitted}

// write runs do in a transaction, and again where the server undid it because of others beside it, or was lost before the
// commit was sent. do must have no effects but those of its statements.
func (s *Store) write(ctx context.Context, do func(tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return errClosed
	}
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	return again(ctx, func() error { return s.transact(ctx, do) })
}

func (s *Store) transact(ctx context.Context, do func(tx) error) error {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return unreached(ctx, err)
	}
	defer c.Release() // a connection whose transaction is still open is thrown away
	pg, err := c.BeginTx(ctx, readCommitted)
	if err != nil {
		return unreached(ctx, err)
	}
	var notices []signin.Notice
	if err := do(tx{ctx, pg, &notices}); err != nil {
		broken := c.Conn().IsClosed()
		rollback(ctx, pg)
		if ctx.Err() == nil && (lostRace(err) || broken) {
			return undone{err}
		}
		return err
	}
	return s.commit(ctx, c.Conn(), pg, notices)
}

// commit ends the transaction pg of c with the notices.
func (s *Store) commit(ctx context.Context, c *pgx.Conn, pg pgx.Tx, notices []signin.Notice) (err error) {
	var given int64
	refused := false
	if len(notices) == 0 {
		err = pg.Commit(ctx)
	} else {
		given, refused, err = commitGiving(ctx, c, notices, s.wake.works)
	}
	if err == nil {
		s.hear(given)
		return nil
	}
	broken := c.IsClosed()
	if refused {
		rollback(ctx, pg)
	}
	switch {
	case lostRace(err), pgconn.SafeToRetry(err), refused && ctx.Err() == nil && (broken || gaveUp(err)):
		return undone{err}
	case !refused && ctx.Err() == nil && broken:
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return err
}

// rollback ends the transaction without its effects. Where that fails, the server does so when the connection ends.
func rollback(ctx context.Context, pg pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = pg.Rollback(ctx)
}

// exec runs a statement and returns how many rows it changed. ErrExists and ErrNotFound stand for the violation of a key.
func (t tx) exec(sql string, args ...any) (int64, error) {
	if !validTexts(args) {
		return 0, errText
	}
	done, err := t.pg.Exec(t.ctx, sql, args...)
	if err != nil {
		return 0, refused(err)
	}
	return done.RowsAffected(), nil
}

// add runs an INSERT; subject names in errors what it adds.
func (t tx) add(subject, sql string, args ...any) error {
	_, err := t.exec(sql, args...)
	return about(subject, err)
}

// change runs a statement that must change a row, or find it; ErrNotFound: there was none.
func (t tx) change(subject, sql string, args ...any) error {
	n, err := t.exec(sql, args...)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return about(subject, err)
}

// count runs a statement that returns a number.
func (t tx) count(sql string, args ...any) (n int64, err error) {
	if !validTexts(args) {
		return 0, errText
	}
	err = t.pg.QueryRow(t.ctx, sql, args...).Scan(&n)
	return n, err
}
