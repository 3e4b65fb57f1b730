package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-id/latchkey/internal/store"
)

// tx is what a write sees of the database. It is the writer's: a write under way is never interrupted.
type tx struct{ conn *sql.Conn }

// exec runs a statement and returns how many rows it changed. ErrExists and ErrNotFound stand for the violation of a key.
func (t tx) exec(query string, args ...any) (int64, error) {
	return changed(args, func() (sql.Result, error) { return t.conn.ExecContext(context.Background(), query, args...) })
}

// statement is one that a write runs many times.
type statement struct{ stmt *sql.Stmt }

func (t tx) prepare(query string) (statement, error) {
	stmt, err := t.conn.PrepareContext(context.Background(), query)
	return statement{stmt}, err
}

// exec is that of tx.
func (p statement) exec(args ...any) (int64, error) {
	return changed(args, func() (sql.Result, error) { return p.stmt.Exec(args...) })
}

func (p statement) close() { _ = p.stmt.Close() } // whatever is wrong, the statement told

// changed returns how many rows were changed by run, to which args are given.
func changed(args []any, run func() (sql.Result, error)) (int64, error) {
	for _, a := range args {
		if s, ok := a.(string); ok && !validText(s) {
			return 0, errText
		}
	}
	r, err := run()
	if err != nil {
		return 0, refused(err)
	}
	return r.RowsAffected()
}

// add runs an INSERT; subject names in errors what it adds.
func (t tx) add(subject, query string, args ...any) error {
	if _, err := t.exec(query, args...); err != nil {
		return about(subject, err)
	}
	return nil
}

// change runs a statement that must change a row; ErrNotFound: it changed none.
func (t tx) change(subject, query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return about(subject, err)
}

// found answers a query that asks whether there is something.
func (t tx) found(query string, args ...any) (yes bool, err error) {
	err = t.conn.QueryRowContext(context.Background(), query, args...).Scan(&yes)
	return yes, err
}

// needs is found for what must be there; ErrNotFound: it is not.
func (t tx) needs(subject, query string, args ...any) error {
	yes, err := t.found(query, args...)
	if err == nil && !yes {
		err = store.ErrNotFound
	}
	return about(subject, err)
}

// write queues do as one write and waits for its outcome.
func (s *Store) write(ctx context.Context, do func(tx) error) error {
	return s.writer.submit(ctx, &write{do: do})
}

func about(subject string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", subject, err)
}

var errText = errors.New("text is not valid UTF-8, or holds a NUL")

// validText tells whether every driver can keep s as it is.
func validText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
