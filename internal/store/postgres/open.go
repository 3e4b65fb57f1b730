package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/schema"
)

// defaultConnections is the size of the pool. A read takes a fraction of a millisecond, so a few serve many callers.
const defaultConnections = 16

// Options are what an operator or a metric wants of the driver.
type Options struct {
	// URL names the database, as postgres://user:password@host:port/database or in the form of libpq ("host=… user=…"). Of
	// several hosts the one that takes writes is used. Where it has no sslmode, remote hosts are verified.
	URL string
	// Replica names a standby of the database that may be read where that does no harm; empty: there is none.
	Replica string
	// Connections is the most that each pool holds; 0: 16. Beside them are four: of two writers, polls and the listener.
	Connections int
	// Observe hears of every operation; nil: nobody does. "replica" is a read that the replica was asked for, with an error
	// where the primary had to be asked instead; "commit" is a group of redemptions.
	Observe store.Observer
	// Now is the time that new migrations are recorded under.
	Now time.Time
	// Marked opens a database also when it has a store.Mark, and may so only be copied.
	Marked bool
}

// Store is a database that is open.
type Store struct {
	observe store.Observer
	pool    *pgxpool.Pool
	replica *replica // nil: none
	queue   *queue
	polls   *polls
	wake    *listener

	// heard is the highest Seq that this node has read or given; see replica.
	heard atomic.Int64

	sessions, steps, generations *sweeper

	warnings []string
	closed   atomic.Bool
}

var (
	_ store.Store = (*Store)(nil)
	_ store.Waker = (*Store)(nil)
)

// Open connects to the database and brings its schema up to date, which many nodes may do at once.
//
// It refuses a standby, a database with tables of another program or of a schema that is too new, and one that was moved
// or is an unfinished copy (*store.MarkedError). A replica that does not answer is no error.
func Open(ctx context.Context, o Options) (*Store, error) {
	schema, err := migrations()
	if err != nil {
		return nil, err
	}
	return openWith(ctx, withNext(schema), nil, o)
}

// openWith is Open of a binary that knows schema. tracer hears of all that is sent to the servers; nil: nobody does.
func openWith(ctx context.Context, schema []schema.Migration, tracer pgx.QueryTracer, o Options) (*Store, error) {
	config, err := configure(o.URL, o.Connections, tracer)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Store{observe: o.Observe, sessions: newSessionSweeper(), steps: newStepSweeper(), generations: newGenerationSweeper()}
	if err := s.open(ctx, config, schema, o.Now); err != nil {
		return nil, fmt.Errorf("open database %s: %w", place(config.ConnConfig), explain(err))
	}
	if !o.Marked && len(schema) >= markedSchema {
		if err := s.refuseMarked(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("open database %s: %w", place(config.ConnConfig), err), s.Close())
		}
	}
	found, err := s.durability(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", place(config.ConnConfig), explain(err)), s.Close())
	}
	s.warnings = found.warnings(o.Replica != "")
	if o.Replica != "" {
		if s.replica, err = openReplica(o.Replica, o.Connections, tracer, o.Observe); err != nil {
			return nil, errors.Join(fmt.Errorf("open replica: %w", err), s.Close())
		}
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, config *pgxpool.Config, schema []schema.Migration, now time.Time) (err error) {
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	if err := migrate(ctx, config.ConnConfig, schema, now); err != nil {
		return err
	}
	if s.wake, err = listen(ctx, config.ConnConfig); err != nil {
		return err
	}
	// The connections of a pool are made when they are needed, and checked by settle.
	if s.pool, err = openPool(ctx, config); err != nil {
		s.wake.close()
		return err
	}
	s.queue, s.polls = openQueue(config.ConnConfig, s.observe), openPolls(ctx, config.ConnConfig)
	return nil
}

// Ping asks the primary.
func (s *Store) Ping(ctx context.Context) (err error) {
	defer s.operation(ctx, "ping")(&err)
	_, err = one("answer", s.query(ctx, `SELECT 1`), func(row scanner) (n int64, err error) {
		err = row.Scan(&n)
		return n, err
	})
	return err
}

// Close waits for the operations under way, and disconnects. Every later call fails, also of Close.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return errClosed
	}
	s.queue.close()
	s.polls.close()
	s.wake.close()
	closePool(s.pool)
	if s.replica != nil {
		s.replica.close()
	}
	return nil
}

// Stats counts since Open. Writes over Commits is how many redemptions shared a flush on average.
type Stats struct {
	Commits uint64 // groups of redemptions that were committed
	Writes  uint64 // redemptions that they held
}

// Stats returns the counts now.
func (s *Store) Stats() Stats {
	return Stats{Commits: s.queue.commits.Load(), Writes: s.queue.writes.Load()}
}

// operation starts the clock of the operation name. The function that it returns names the operation in the error, if
// there is one, and tells the observer.
func (s *Store) operation(ctx context.Context, name string) func(*error) {
	if s.observe == nil {
		return func(err *error) { *err = named(name, *err) }
	}
	start := time.Now()
	return func(err *error) {
		*err = named(name, *err)
		s.observe(ctx, name, time.Since(start), *err)
	}
}
