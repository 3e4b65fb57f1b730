package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// closeLimit is how long the goodbyes of a pool may take when nothing is under way any more.
	closeLimit = 2 * time.Second
	// settleEvery is how often a pool that closes is looked at.
	settleEvery = 10 * time.Millisecond
)

// openPool returns a pool that connects when it is first asked.
//
// A connection that was quiet is asked whether it is alive before it is used. When one is not, the others were most likely
// forgotten by the same firewall or lost with the same server, so all that are idle are dropped, instead of waiting for
// each in turn.
func openPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	var opened atomic.Pointer[pgxpool.Pool]
	config.ShouldPing = func(ctx context.Context, p pgxpool.ShouldPingParams) bool {
		if p.IdleDuration <= idleLimit {
			return false
		}
		asked, cancel := context.WithTimeout(ctx, pingLimit)
		defer cancel()
		if p.Conn.Ping(asked) == nil {
			return false
		}
		if pool := opened.Load(); pool != nil && ctx.Err() == nil {
			pool.Reset()
		}
		return true // the pool finds that it is closed, and takes another
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	opened.Store(pool)
	return pool, nil
}

// closePool waits for the operations under way and disconnects. A pool says goodbye to every connection, also to those that
// the network has forgotten and that answer nothing; that is not waited for.
func closePool(pool *pgxpool.Pool) {
	for began := time.Now(); pool.Stat().AcquiredConns() > 0 && time.Since(began) < operationLimit; {
		time.Sleep(settleEvery)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(closeLimit):
	}
}
