package measure

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/bench/proc"
	"github.com/latchkey-id/latchkey/internal/capacity"
	"github.com/latchkey-id/latchkey/internal/pglocal"
)

// tables are what each kind of row is in.
var tables = map[string]string{"session": "session", "step": "session_step", "audit": "audit_event", "notice": "notice"}

// sqlite measures the embedded store. The size of a row is how much the file grows: it is emptied of its log after each
// kind of row by closing it.
func (o Options) sqlite(ctx context.Context, verify float64, into *capacity.Costs) error {
	path := filepath.Join(o.Dir, "latchkey.db")
	now := o.Clock()
	st, err := o.OpenSQLite(ctx, path)
	if err != nil {
		return err
	}
	s := &subject{Store: st, rows: o.Rows, inserters: callers, clock: o.Clock, now: now}
	defer func() { s.Close() }()
	reopen := func() (int64, error) {
		if err := s.Close(); err != nil {
			return 0, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		s.Store, err = o.OpenSQLite(ctx, path)
		return info.Size(), err
	}
	last, err := reopen()
	if err != nil {
		return err
	}
	grown := map[string]float64{}
	out, err := s.measure(ctx, func(kind string) error {
		if kind == "" {
			return nil
		}
		size, err := reopen()
		grown[kind], last = float64(size-last), size
		return err
	})
	if err != nil {
		return fmt.Errorf("SQLite: %w", err)
	}
	into.SQLite = out.costs(verify, func(u used) float64 { return u.node })
	into.SQLiteBytes = rowBytes(grown, o.Rows)
	return nil
}

func rowBytes(grown map[string]float64, rows int) capacity.RowBytes {
	n := float64(rows)
	return capacity.RowBytes{Session: grown["session"] / n, Step: grown["step"] / n, Audit: grown["audit"] / n, Notice: grown["notice"] / announced}
}

// postgres measures a PostgreSQL server of its own, with that server's defaults.
func (o Options) postgres(ctx context.Context, verify float64, into *capacity.Costs) error {
	server, err := pglocal.Start(ctx, filepath.Join(o.Dir, "postgres"), pglocal.Options{})
	if err != nil {
		return err
	}
	defer server.Kill() // its data are deleted
	if err := server.CreateDatabase(ctx, "costs"); err != nil {
		return err
	}
	st, err := o.OpenPostgres(ctx, server.URL("costs"))
	if err != nil {
		return err
	}
	defer st.Close()
	conn, err := pgx.Connect(ctx, server.URL("costs"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	number := func(sql string) (n float64, err error) {
		err = conn.QueryRow(ctx, sql).Scan(&n)
		return n, err
	}
	// One at a time: many nodes have few redemptions each at any moment, and so share few flushes.
	s := &subject{
		Store: st, rows: o.Rows, inserters: 1, clock: o.Clock, now: o.Clock(),
		server: func() (time.Duration, error) { return proc.Tree(server.PID()).CPU() },
		wal: func(context.Context) (float64, error) {
			return number(`SELECT (pg_current_wal_insert_lsn() - '0/0')::float8`)
		},
	}
	if err := server.Run(ctx, "costs", "CHECKPOINT"); err != nil {
		return err
	}
	grown := map[string]float64{}
	out, err := s.measure(ctx, func(kind string) error {
		if kind != "" {
			size, err := number(`SELECT pg_total_relation_size('` + tables[kind] + `')::float8`)
			if err != nil {
				return err
			}
			grown[kind] = size
		}
		// The first change of a page after a checkpoint writes the whole page ahead. So it is in busy times: rows that are
		// changed lie anywhere, and are changed about once between two checkpoints.
		return server.Run(ctx, "costs", "CHECKPOINT")
	})
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	into.Driver = out.costs(verify, func(u used) float64 { return u.node })
	into.Postgres = out.costs(verify, func(u used) float64 { return u.server })
	into.PostgresBytes = rowBytes(grown, o.Rows)
	into.WAL = capacity.WALBytes{Session: out.insert.wal, Step: out.step.wal, Audit: out.audit.wal, Sweep: out.sweep.wal}
	into.AnnouncePerSecond = out.announce
	return nil
}
