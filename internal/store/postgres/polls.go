package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// pollLimit is how long the connection of polls may take to answer before it is taken for dead, and another is made.
const pollLimit = time.Second

// polls is the connection that asks for notices, and for nothing else. So who was shut out is heard also while a table is
// locked and all connections of the pool wait for it.
type polls struct {
	config *pgx.ConnConfig
	// free holds the connection, nil where there is none. Whoever takes it out puts it back, or nil.
	free chan *pgx.Conn
	// running ends when the store closes.
	running context.Context
	end     context.CancelFunc
}

// openPolls connects when it is first asked.
func openPolls(ctx context.Context, config *pgx.ConnConfig) *polls {
	p := &polls{config: config, free: make(chan *pgx.Conn, 1)}
	p.running, p.end = context.WithCancel(context.WithoutCancel(ctx))
	p.free <- nil
	return p
}

// ask has collect read the answer. A connection that fails, or says nothing for pollLimit, is replaced at once; the new one
// has as long as ctx lets it, because the server may just be slow.
func (p *polls) ask(ctx context.Context, sql string, args []any, collect func(pgx.Rows) error) error {
	var c *pgx.Conn
	select {
	case c = <-p.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	if c != nil {
		quick, cancel := context.WithTimeout(ctx, pollLimit)
		err := put(quick, c, sql, args, collect)
		cancel()
		if err == nil {
			p.free <- c
			return nil
		}
		disconnect(ctx, c) // does not wait where the limit closed it
		if ctx.Err() != nil {
			p.free <- nil
			return err
		}
	}
	c, err := p.connect(ctx)
	if err != nil {
		return unreached(ctx, err)
	}
	if err := put(ctx, c, sql, args, collect); err != nil {
		broken := c.IsClosed()
		disconnect(ctx, c)
		p.free <- nil
		if ctx.Err() == nil && (lostRace(err) || broken) {
			return undone{err}
		}
		return err
	}
	p.free <- c
	return nil
}

// put asks c. The answer counts when there is no error.
func put(ctx context.Context, c *pgx.Conn, sql string, args []any, collect func(pgx.Rows) error) error {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return collect(rows)
}

// connect makes the connection while free is empty, and puts nil there when it fails. What takes longer than ctx, as when
// the first of several hosts does not answer, goes on for whoever asks next.
func (p *polls) connect(ctx context.Context) (*pgx.Conn, error) {
	var made *pgx.Conn
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(p.running, operationLimit)
		defer cancel()
		made, err = connect(ctx, p.config)
	}()
	select {
	case <-done:
		if err != nil {
			p.free <- nil
			return nil, err
		}
		return made, nil
	case <-ctx.Done():
		go func() {
			<-done
			p.free <- made // nil if there was an error
		}()
		return nil, ctx.Err()
	}
}

// close waits for the question under way, and disconnects.
func (p *polls) close() {
	p.end()
	select {
	case c := <-p.free:
		disconnect(context.Background(), c)
		p.free <- nil // a call that comes too late finds that it cannot connect
	case <-time.After(operationLimit):
	}
}
