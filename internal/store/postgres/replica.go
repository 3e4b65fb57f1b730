package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// replicaLimit is how long the replica may take until the primary is asked instead.
	replicaLimit = time.Second
	// replicaRest is how long a replica that failed is not asked again.
	replicaRest = 5 * time.Second
)

// replica is a standby that may answer questions about the directory.
//
// It may be behind. What has been taken away is announced in the same transaction, and the database of a standby grows in
// the order of commits. So a standby whose counter of notices has reached the highest number that this node has heard of
// knows of everything that was taken away up to there, and a session that is let in on its word is ended by the next
// notices as one that the primary let in. A standby that is further behind is not believed.
type replica struct {
	pool    *pgxpool.Pool
	observe store.Observer
	resting atomic.Bool // it failed a moment ago
}

// errBehind and errResting are told to the observer, as the reasons why the primary is asked.
var (
	errBehind  = errors.New("the replica has not got all that this node has heard")
	errResting = errors.New("the replica failed a moment ago")
)

// openReplica connects when it is first asked.
func openReplica(url string, connections int, tracer pgx.QueryTracer, observe store.Observer) (*replica, error) {
	config, err := configureAny(url, connections, tracer)
	if err != nil {
		return nil, err
	}
	pool, err := openPool(context.Background(), config)
	if err != nil {
		return nil, err
	}
	if observe == nil {
		observe = func(context.Context, string, time.Duration, error) {}
	}
	return &replica{pool: pool, observe: observe}, nil
}

// ask has collect read the answer, and tells whether it counts. heard must have been read before.
func (r *replica) ask(ctx context.Context, heard int64, sql string, args []any, collect func(pgx.Rows) error) bool {
	began := time.Now()
	err := errResting
	if !r.resting.Load() {
		err = r.try(ctx, heard, sql, args, collect)
	}
	if err != nil && !errors.Is(err, errBehind) && !errors.Is(err, errResting) && ctx.Err() == nil && !r.resting.Swap(true) {
		time.AfterFunc(replicaRest, func() { r.resting.Store(false) })
	}
	r.observe(ctx, "replica", time.Since(began), err)
	return err == nil
}

// try reads the counter and then asks, in one round trip. The second statement sees at least what the first saw.
func (r *replica) try(ctx context.Context, heard int64, sql string, args []any, collect func(pgx.Rows) error) error {
	ctx, cancel := context.WithTimeout(ctx, replicaLimit)
	defer cancel()
	questions := &pgx.Batch{}
	questions.Queue(`SELECT last FROM notice_counter WHERE id = 1`)
	questions.Queue(sql, args...)
	results := r.pool.SendBatch(ctx, questions)
	defer results.Close()
	var last pgtype.Int8
	if err := results.QueryRow().Scan(&last); err != nil {
		return err
	}
	if last.Int64 < heard {
		return errBehind
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	return collect(rows)
}

func (r *replica) close() { closePool(r.pool) }
