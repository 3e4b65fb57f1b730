package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-id/latchkey/internal/store"
)

// scanner is a row.
type scanner interface{ Scan(to ...any) error }

// query is a question that has not been asked yet.
type query struct {
	ctx  context.Context
	s    *Store
	sql  string
	args []any
	// mayLag: the replica may answer, unless it knows less than this node has heard.
	mayLag bool
	// poll: it is asked on the connection of polls.
	poll bool
}

// query returns a constant query of the primary.
func (s *Store) query(ctx context.Context, sql string, args ...any) query {
	return query{ctx: ctx, s: s, sql: sql, args: args}
}

// poll returns a constant query of the primary that is answered also where others wait.
func (s *Store) poll(ctx context.Context, sql string, args ...any) query {
	return query{ctx: ctx, s: s, sql: sql, args: args, poll: true}
}

// directory returns a constant query of the replica where that knows enough, and of the primary otherwise.
func (s *Store) directory(ctx context.Context, sql string, args ...any) query {
	return query{ctx: ctx, s: s, sql: sql, args: args, mayLag: true}
}

// all asks q and reads every row with scan.
func all[T any](q query, scan func(scanner) (T, error)) ([]T, error) {
	if err := q.ctx.Err(); err != nil {
		return nil, err
	}
	if q.s.closed.Load() {
		return nil, errClosed
	}
	if !validTexts(q.args) {
		return nil, nil // the database has no such text, and would refuse the question
	}
	ctx, cancel := context.WithTimeout(q.ctx, operationLimit)
	defer cancel()
	var list []T
	collect := func(rows pgx.Rows) error {
		list = list[:0]
		for rows.Next() {
			row, err := scan(rows)
			if err != nil {
				return err
			}
			list = append(list, row)
		}
		return rows.Err()
	}
	if q.mayLag && q.s.replica != nil {
		// What the replica has not got may be on its way to it.
		if q.s.replica.ask(ctx, q.s.heard.Load(), q.sql, q.args, collect) && len(list) > 0 {
			return list, nil
		}
	}
	err := again(ctx, func() error {
		if q.poll {
			return q.s.polls.ask(ctx, q.sql, q.args, collect)
		}
		return ask(ctx, q.s.pool, q.sql, q.args, collect)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// ask asks a connection of the pool. A question changes nothing, so it may always be asked again.
func ask(ctx context.Context, pool *pgxpool.Pool, sql string, args []any, collect func(pgx.Rows) error) error {
	c, err := pool.Acquire(ctx)
	if err != nil {
		return unreached(ctx, err)
	}
	defer c.Release()
	rows, err := c.Query(ctx, sql, args...)
	if err == nil {
		err = collect(rows)
		rows.Close()
	}
	if err != nil && ctx.Err() == nil && (lostRace(err) || c.Conn().IsClosed()) {
		return undone{err}
	}
	return err
}

// one asks q and reads the only row with scan; subject names in errors what it holds.
func one[T any](subject string, q query, scan func(scanner) (T, error)) (T, error) {
	list, err := all(q, scan)
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

// ScanInt64 implements pgtype.Int64Scanner.
func (i instant) ScanInt64(v pgtype.Int8) error {
	*i.Time = time.Time{}
	if v.Valid {
		*i.Time = time.UnixMilli(v.Int64).UTC()
	}
	return nil
}

// fixed reads bytes that have exactly the length of the slice.
type fixed []byte

// ScanBytes implements pgtype.BytesScanner.
func (f fixed) ScanBytes(b []byte) error {
	if len(b) != len(f) {
		return fmt.Errorf("a value of %d bytes is kept as one of %d", len(f), len(b))
	}
	copy(f, b)
	return nil
}

// validText tells whether every driver can keep s as it is.
func validText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// validTexts tells whether that holds for all text among the parameters of a statement.
func validTexts(args []any) bool {
	for _, a := range args {
		switch a := a.(type) {
		case string:
			if !validText(a) {
				return false
			}
		case []string:
			for _, s := range a {
				if !validText(s) {
					return false
				}
			}
		}
	}
	return true
}
