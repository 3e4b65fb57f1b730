package floor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"
)

const (
	rowBytes  = 250 // of facts in one row, besides its key
	mostGroup = 512 // rows in one commit
)

var errClosed = errors.New("the floor's database is closed")

// inserter makes rows durable: one goroutine commits whatever is queued, so that many callers share one flush.
type inserter struct {
	queue  chan row
	closed chan struct{} // closed once the database is closed
}

type row struct {
	id    [16]byte
	ends  int64
	facts []byte
	done  chan error // takes one value without waiting
}

// newInserter makes a database at path and starts its writer, which ends when ctx does.
func newInserter(ctx context.Context, path string) (*inserter, error) {
	query := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)"}}
	connector, err := sqlite.NewConnector("file:" + path + "?" + query.Encode())
	if err != nil {
		return nil, fmt.Errorf("name the floor's database: %w", err)
	}
	db, err := openDatabase(ctx, connector)
	if err != nil {
		return nil, err
	}
	in := &inserter{queue: make(chan row, mostGroup), closed: make(chan struct{})}
	go func() {
		defer close(in.closed)
		defer db.conn.Close()
		in.write(ctx, db)
	}()
	return in, nil
}

// add makes a row of facts durable under a key that begins with now.
func (in *inserter) add(ctx context.Context, facts []byte, now time.Time) error {
	r := row{ends: now.Add(12 * time.Hour).UnixMilli(), facts: facts, done: make(chan error, 1)}
	binary.BigEndian.PutUint64(r.id[:], uint64(now.UnixMilli())<<16)
	rand.Read(r.id[6:])
	select {
	case in.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-in.closed:
		return errClosed
	}
	select {
	case err := <-r.done:
		return err
	case <-in.closed:
		return errClosed
	}
}

func (in *inserter) write(ctx context.Context, db *database) {
	group := make([]row, 0, mostGroup)
	for {
		select {
		case r := <-in.queue:
			group = append(group[:0], r)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(group) < mostGroup; {
			select {
			case r := <-in.queue:
				group = append(group, r)
			default:
				more = false
			}
		}
		err := db.commit(group)
		for _, r := range group {
			r.done <- err
		}
	}
}
