package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// echoLimit is how long the first notification may take that the listener sends to itself.
	echoLimit = 2 * time.Second
	// reconnectFirst and reconnectLast bound the pause before a lost connection is made again.
	reconnectFirst, reconnectLast = 100 * time.Millisecond, 10 * time.Second
)

// listener hears when a notice was given anywhere.
type listener struct {
	works bool // the server has LISTEN
	wake  chan struct{}
	end   context.CancelFunc
	ended chan struct{} // closed: the goroutine has ended
}

// Wake implements store.Waker. It stays silent where the server has no LISTEN, and while the connection is lost.
func (s *Store) Wake() <-chan struct{} { return s.wake.wake }

// listen finds out whether the server has LISTEN, and listens if so. Not every server that lacks it says so: what
// decides is that a notification arrives.
func listen(ctx context.Context, config *pgx.ConnConfig) (*listener, error) {
	l := &listener{wake: make(chan struct{}, 1), end: func() {}, ended: make(chan struct{})}
	c, err := connect(ctx, config)
	if err != nil {
		return nil, err
	}
	err = hearEcho(ctx, c)
	if err == nil {
		l.works = true
		var running context.Context
		running, l.end = context.WithCancel(context.WithoutCancel(ctx))
		go l.run(running, config, c)
		return l, nil
	}
	close(l.ended)
	_, said := errors.AsType[*pgconn.PgError](err)
	silent := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if !said && !silent {
		return nil, errors.Join(err, c.Close(ctx))
	}
	_ = c.Close(ctx)
	return l, nil
}

// hearEcho listens on c, notifies, and waits for that.
func hearEcho(ctx context.Context, c *pgx.Conn) error {
	if err := startListening(ctx, c); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `SELECT pg_notify('latchkey_notice', '')`); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, echoLimit)
	defer cancel()
	_, err := c.WaitForNotification(ctx)
	return err
}

func startListening(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `LISTEN latchkey_notice`)
	return err
}

// run waits for notifications until ctx ends, and makes the connection again when it is lost.
func (l *listener) run(ctx context.Context, config *pgx.ConnConfig, c *pgx.Conn) {
	defer close(l.ended)
	pause := reconnectFirst
	for {
		for c != nil {
			if _, err := c.WaitForNotification(ctx); err != nil {
				break
			}
			l.say()
			pause = reconnectFirst
		}
		disconnect(ctx, c)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause + rand.N(pause)):
		}
		if c = reconnect(ctx, config); c == nil {
			pause = min(2*pause, reconnectLast)
			continue
		}
		l.say() // for what was given meanwhile
	}
}

// reconnect returns a connection that listens, or nil.
func reconnect(ctx context.Context, config *pgx.ConnConfig) *pgx.Conn {
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	c, err := connect(ctx, config)
	if err != nil {
		return nil
	}
	if err := startListening(ctx, c); err != nil {
		disconnect(ctx, c)
		return nil
	}
	return c
}

func disconnect(ctx context.Context, c *pgx.Conn) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.Close(ctx)
}

// say leaves a word for the reader, unless one is there already.
func (l *listener) say() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// close ends the listening.
func (l *listener) close() {
	l.end()
	<-l.ended
}
