package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// scanner is a row, of one or of many.
type scanner interface{ Scan(to ...any) error }

// result is what a query gave.
type result struct {
	rows *sql.Rows
	err  error
}

// query runs a constant query on the pool; it is prepared once.
func (s *Store) query(ctx context.Context, query string, args ...any) result {
	if s.closed.Load() {
		return result{err: errClosed}
	}
	stmt, err := s.statement(ctx, query)
	if err != nil {
		return result{err: err}
	}
	rows, err := stmt.QueryContext(ctx, args...)
	return result{rows, err}
}

func (s *Store) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if p, ok := s.prepared.Load(query); ok {
		return p.(*sql.Stmt), nil
	}
	stmt, err := s.read.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if p, loaded := s.prepared.LoadOrStore(query, stmt); loaded {
		return p.(*sql.Stmt), stmt.Close()
	}
	return stmt, nil
}

// scan reads the only row. ErrNotFound: there is none.
func (r result) scan(to ...any) error {
	found := false
	err := r.each(func(row scanner) error {
		found = true
		return row.Scan(to...)
	})
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// each calls f for every row.
func (r result) each(f func(scanner) error) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	for r.rows.Next() {
		if err := f(r.rows); err != nil {
			return err
		}
	}
	return errors.Join(r.rows.Err(), r.rows.Close())
}

// all reads every row with scan.
func all[T any](r result, scan func(scanner) (T, error)) ([]T, error) {
	var list []T
	err := r.each(func(row scanner) error {
		one, err := scan(row)
		list = append(list, one)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// one reads the only row with scan; subject names in errors what it holds.
func one[T any](subject string, r result, scan func(scanner) (T, error)) (T, error) {
	list, err := all(r, scan)
	var none T
	switch {
	case err != nil:
		return none, about(subject, err)
	case len(list) == 0:
		return none, about(subject, store.ErrNotFound)
	}
	return list[0], nil
}

// instant reads milliseconds since the epoch into a time; NULL is the zero time.
type instant struct{ *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	switch ms := v.(type) {
	case int64:
		*i.Time = time.UnixMilli(ms).UTC()
	case nil:
		*i.Time = time.Time{}
	default:
		return fmt.Errorf("a time is kept as %T", v)
	}
	return nil
}

// fixed reads a blob that has exactly the length of the slice.
type fixed []byte

// Scan implements sql.Scanner.
func (f fixed) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(f) {
		return fmt.Errorf("a value of %d bytes is kept as %T of %d", len(f), v, len(b))
	}
	copy(f, b)
	return nil
}
