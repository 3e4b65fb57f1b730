package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// tries is how often something is tried that failed without having happened. With the pauses between it takes about
	// half a second, which is longer than any queue for one row, and no long wait where the server is away.
	tries = 8
	// firstPause and lastPause are the shortest and the longest pause; each is up to twice as long by chance, so that
	// those who met do not meet again.
	firstPause, lastPause = 3 * time.Millisecond, 100 * time.Millisecond
)

// undone is a failure of which it is certain that nothing happened, so that trying again can do no harm.
type undone struct{ err error }

func (u undone) Error() string { return u.err.Error() }
func (u undone) Unwrap() error { return u.err }

// again calls do until it succeeds, fails otherwise than with undone, has been called often enough, or ctx ends. do must
// leave nothing behind when it fails.
func again(ctx context.Context, do func() error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := do()
		failed, ok := errors.AsType[undone](err)
		if !ok {
			return err
		}
		if n == tries {
			return failed.err
		}
		wait := time.NewTimer(pause + rand.N(pause))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return failed.err
		}
		pause = min(2*pause, lastPause)
	}
}

// SQLSTATE codes (PostgreSQL manual, appendix A) that mean something to the driver. CockroachDB and YugabyteDB use the
// same.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	duplicateTable      = "42P07"
	duplicateObject     = "42710"
	serializationFailed = "40001"
	deadlockDetected    = "40P01"
	adminShutdown       = "57P01"
	crashShutdown       = "57P02"
	cannotConnectNow    = "57P03"
	tooManyConnections  = "53300"
	readOnlyTransaction = "25006"
	queryCanceled       = "57014"
	lockNotAvailable    = "55P03"
)

// code returns the SQLSTATE of err, "" when it is not the server's.
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// lostRace tells whether the server undid the transaction only because of others beside it.
func lostRace(err error) bool {
	c := code(err)
	return c == serializationFailed || c == deadlockDetected
}

// gaveUp tells whether the server stopped a statement because it, or its wait for a lock, took too long.
func gaveUp(err error) bool {
	c := code(err)
	return c == queryCanceled || c == lockNotAvailable
}

// unreached turns the failure to get a connection into undone, unless it would be the same the next time.
func unreached(ctx context.Context, err error) error {
	switch c := code(err); {
	case ctx.Err() != nil:
		return err
	case c == "" || c == cannotConnectNow || c == tooManyConnections || c == adminShutdown || c == crashShutdown:
		return undone{err}
	}
	return err
}
