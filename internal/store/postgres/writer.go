package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-id/latchkey/internal/store"
)

// insertSessions adds those of a group that were never redeemed, and returns their ids. It is a transaction of its own.
const insertSessions = `
INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of)
SELECT id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of
FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[],
	$7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[])
	AS redeemed (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of)
ON CONFLICT (id) DO NOTHING
RETURNING id`

// prepared is the name of insertSessions on the connection of a writer.
const prepared = "redeem"

const (
	// groupLimit is how long a group may take; the server gives up before.
	groupLimit = operationLimit
	// idleLimit is how long a connection may not have been used and still be thought to be alive. Of a statement that is
	// sent into a dead one nobody can tell whether it happened, so it is worth a question.
	idleLimit = time.Second
)

// writer inserts groups of redemptions on a connection of its own.
type writer struct {
	queue   *queue
	config  *pgx.ConnConfig
	observe store.Observer

	conn *pgx.Conn // nil: not connected
	used time.Time // when conn last answered

	// What a group is written with is used again by the next.
	fresh  []*redemption
	values rowArrays
}

// run is the writer's goroutine.
func (w *writer) run() {
	group := make([]*redemption, 0, maxGroup)
	for {
		group = w.queue.take(group[:0])
		if len(group) == 0 {
			break
		}
		w.redeem(group)
		clear(group)
	}
	w.disconnect()
}

// redeem runs those of the group that were not abandoned, and answers them.
func (w *writer) redeem(group []*redemption) {
	began := time.Now()
	group = slices.DeleteFunc(group, func(r *redemption) bool { return !r.begin() })
	if len(group) == 0 {
		return
	}
	// All writers go by id: those who insert the same ids wait for each other in one direction only. Of callers with one
	// id the first in the queue goes on.
	slices.SortStableFunc(group, func(a, b *redemption) int { return bytes.Compare(a.session.ID[:], b.session.ID[:]) })
	w.fresh = w.fresh[:0]
	for i, r := range group {
		if i == 0 || r.session.ID != group[i-1].session.ID {
			w.fresh = append(w.fresh, r)
		}
	}
	w.values.set(w.fresh)

	ctx, cancel := context.WithTimeout(context.Background(), groupLimit)
	err := again(ctx, func() error { return w.insert(ctx) })
	cancel()
	if err == nil {
		w.queue.commits.Add(1)
		w.queue.writes.Add(uint64(len(group)))
	}
	for _, r := range group {
		switch {
		case err != nil:
			r.done <- err
		case r.inserted:
			r.done <- nil
		default:
			r.done <- store.ErrSpent
		}
	}
	clear(w.fresh)
	if w.observe != nil {
		w.observe(context.Background(), "commit", time.Since(began), explain(err))
	}
}

// insert sends the statement and marks those whose row was added.
func (w *writer) insert(ctx context.Context) error {
	if err := w.ready(ctx); err != nil {
		return unreached(ctx, err)
	}
	result := w.conn.PgConn().ExecPrepared(ctx, prepared, w.values.parameters, binaryFormat, binaryFormat)
	var misread error
	for result.NextRow() {
		i, found := slices.BinarySearchFunc(w.fresh, result.Values()[0], func(r *redemption, id []byte) int { return bytes.Compare(r.session.ID[:], id) })
		if !found {
			misread = errors.New("the database returned an id that it was not given")
			break
		}
		w.fresh[i].inserted = true
	}
	_, err := result.Close()
	if err == nil && misread == nil {
		w.used = time.Now()
		return nil
	}
	for _, r := range w.fresh {
		r.inserted = false
	}
	switch {
	case lostRace(err) || pgconn.SafeToRetry(err):
		return undone{err}
	case w.conn.IsClosed():
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return errors.Join(err, misread)
}

// ready sees to it that the connection is alive.
func (w *writer) ready(ctx context.Context) error {
	if w.conn != nil && !w.conn.IsClosed() {
		quiet := time.Since(w.used) < idleLimit && !pending(w.conn.PgConn().Conn())
		if quiet || w.alive(ctx) {
			return nil
		}
	}
	w.disconnect()
	c, err := connect(ctx, w.config)
	if err != nil {
		return err
	}
	if _, err := c.Prepare(ctx, prepared, insertSessions); err != nil {
		return errors.Join(err, c.Close(ctx))
	}
	w.conn, w.used = c, time.Now()
	return nil
}

func (w *writer) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	return w.conn.Ping(ctx) == nil
}

func (w *writer) disconnect() {
	disconnect(context.Background(), w.conn) // nothing is under way on it
	w.conn = nil
}

// rowArrays are the parameters of insertSessions.
type rowArrays struct {
	columns    [14]array
	parameters [][]byte
}

// set takes the columns of the sessions of group.
func (a *rowArrays) set(group []*redemption) {
	c := &a.columns
	for i, oid := range [len(a.columns)]uint32{
		oidBytes, oidInt8, oidInt8, oidInt8, oidInt8, oidBytes, oidText, oidText, oidText, oidText, oidText, oidText, oidText, oidInt8,
	} {
		c[i].begin(oid, len(group))
	}
	for _, r := range group {
		s := &r.session
		p := &s.Principal
		c[0].bytes(s.ID[:])
		for i, at := range [...]time.Time{s.End, s.Start, s.Issued, s.AuthTime} {
			c[1+i].number(at.UnixMilli())
		}
		c[5].bytes(s.Key[:])
		for i, text := range [...]string{s.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, s.Methods} {
			c[6+i].text(text)
		}
		c[13].number(s.AsOf)
	}
	a.parameters = a.parameters[:0]
	for i := range c {
		a.parameters = append(a.parameters, c[i].encoded)
	}
}
