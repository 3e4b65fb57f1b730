package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/schema"
)

const (
	// busyTimeout is how long a write waits, in milliseconds, while another process writes.
	busyTimeout = "10000"
	// readers is the size of the pool. A point read takes tens of microseconds, so a few serve many callers.
	readers = 4
)

// Options are what an operator or a metric wants of the driver; the zero value is good.
type Options struct {
	// Observe hears of every operation; nil: nobody does.
	Observe store.Observer
	// Marked opens a database also when it has a store.Mark, and may so only be copied.
	Marked bool
}

// Store is a database file that is open.
type Store struct {
	observe store.Observer
	writer  *writer

	read     *sql.DB
	prepared sync.Map // SQL text of this package → *sql.Stmt of read

	sessions, steps, generations *sweeper

	closed atomic.Bool
}

var _ store.Store = (*Store)(nil)

// Open opens the database file at path and brings its schema up to date. It creates the file, readable by its owner only,
// where there is none; the folder must exist. now is the time that new migrations are recorded under.
//
// It refuses a file that is not a database of this program, one whose schema is newer than it can work with, and one that
// was moved or is an unfinished copy (*store.MarkedError).
func Open(ctx context.Context, path string, now time.Time, o Options) (*Store, error) {
	schema, err := migrations()
	if err != nil {
		return nil, err
	}
	return openWith(ctx, path, schema, now, o)
}

// openWith is Open of a binary that knows schema.
func openWith(ctx context.Context, path string, schema []schema.Migration, now time.Time, o Options) (*Store, error) {
	s := &Store{
		observe: o.Observe, sessions: newSweeper("session", "id"), steps: newSweeper("session_step", "session"),
		generations: newSweeper("session_generation", "session"),
	}
	if err := s.open(ctx, path, schema, now, o); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, explain(err))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string, schema []schema.Migration, now time.Time, o Options) (err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := create(path); err != nil {
		return err
	}

	s.writer, err = openWriter(ctx, path, schema, now, o)
	if err != nil {
		return err
	}
	s.read, err = connect(path, "_query_only", "1")
	if err != nil {
		return errors.Join(err, s.writer.close())
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	return nil
}

// create makes an empty file that only its owner can read, unless there is one; SQLite gives the files beside it the same
// mode. It never opens a file that is there, for the reason that the package comment gives.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// connect returns a pool on the file at path, which must exist. Each connection has the settings, pairs of a driver
// parameter and its value, besides those that all have.
func connect(path string, settings ...string) (*sql.DB, error) {
	q := url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {busyTimeout},
		"_foreign_keys": {"1"},
		"_synchronous":  {"FULL"},
		"_dqs":          {"0"},
		"_defensive":    {"1"},
		"_error_rc":     {"1"},
		"_pragma":       {"trusted_schema(0)", "temp_store(2)"},
	}
	for i := 0; i < len(settings); i += 2 {
		q.Add(settings[i], settings[i+1])
	}
	c, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// Ping reads from the file.
func (s *Store) Ping(ctx context.Context) (err error) {
	defer s.operation(ctx, "ping")(&err)
	var version int
	return s.query(ctx, `SELECT max(version) FROM schema_migrations`).scan(&version)
}

// Close waits for the writes that are queued, and closes the file. Every later call fails, also of Close.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return errClosed
	}
	// The writer last: whoever closes the last connection moves the log into the file, and readers may not.
	err := errors.Join(s.read.Close(), s.writer.close())
	if err != nil {
		return fmt.Errorf("close database: %w", explain(err))
	}
	return nil
}

// Stats counts since Open. Writes over Commits is how many writes shared a flush on average.
type Stats struct {
	Commits uint64 // transactions that were committed
	Writes  uint64 // writes that they held
}

// Stats returns the counts now.
func (s *Store) Stats() Stats {
	return Stats{Commits: s.writer.commits.Load(), Writes: s.writer.writes.Load()}
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
