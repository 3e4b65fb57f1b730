package sqlite

import (
	"bytes"
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	insertEvent = `
INSERT INTO audit_event (id, at_ms, kind, request, session, client, principal, person, remote, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING`

	eventColumns = `SELECT id, at_ms, kind, request, session, client, principal, person, remote, detail FROM audit_event`
	events       = eventColumns + ` WHERE id < ? ORDER BY id DESC LIMIT ?`
	eventsAbout  = eventColumns + ` WHERE person = ? AND id < ? AND (? = '' OR kind = ?) ORDER BY id DESC LIMIT ?`

	firstEvents  = `SELECT count(*) FROM (SELECT 1 FROM audit_event WHERE id < ? LIMIT ?)`
	deleteEvents = `DELETE FROM audit_event WHERE id IN (SELECT id FROM audit_event WHERE id < ? ORDER BY id LIMIT ?)`
)

// RecordAudit implements store.Audit.
func (s *Store) RecordAudit(ctx context.Context, events []store.AuditEvent) (err error) {
	defer s.operation(ctx, "record_audit")(&err)
	return s.write(ctx, func(t tx) error {
		insert, err := t.prepare(insertEvent)
		if err != nil {
			return err
		}
		defer insert.close()
		for _, e := range events {
			_, err := insert.exec(e.ID[:], e.At.UnixMilli(), e.Kind, e.Request, e.Session, e.Client, e.Principal, e.Person, e.Remote, e.Detail)
			if err != nil {
				return about("event", err)
			}
		}
		return nil
	})
}

// AuditEvents implements store.Audit.
func (s *Store) AuditEvents(ctx context.Context, q store.AuditQuery) (_ []store.AuditEvent, err error) {
	defer s.operation(ctx, "audit_events")(&err)
	before, limit := q.Before[:], max(0, q.Limit)
	if q.Before == (signin.SessionID{}) {
		before = bytes.Repeat([]byte{0xff}, len(q.Before)+1) // lies behind every id
	}
	if q.Person == "" {
		return all(s.query(ctx, events, before, limit), scanEvent)
	}
	return all(s.query(ctx, eventsAbout, q.Person, before, q.Kind, q.Kind, limit), scanEvent)
}

func scanEvent(row scanner) (e store.AuditEvent, err error) {
	err = row.Scan(fixed(e.ID[:]), instant{&e.At}, &e.Kind, &e.Request, &e.Session, &e.Client, &e.Principal, &e.Person, &e.Remote, &e.Detail)
	return e, err
}

// SweepAudit implements store.Audit. As an id begins with its time, the events before then are those with an id below
// that of then. A reader looks first; the writer is asked only when there is something to delete.
func (s *Store) SweepAudit(ctx context.Context, then time.Time, limit int) (deleted int, err error) {
	defer s.operation(ctx, "sweep_audit")(&err)
	limit = max(0, min(limit, maxSweep))
	below := firstID(then)
	var old int
	err = s.query(ctx, firstEvents, below, limit).scan(&old)
	if err != nil || old == 0 {
		return 0, err
	}
	err = s.write(ctx, func(t tx) error {
		n, err := t.exec(deleteEvents, below, limit)
		deleted = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// firstID returns what no id of the time at, or of a later one, lies below.
func firstID(at time.Time) []byte {
	ms := max(0, min(at.UnixMilli(), 1<<48-1))
	return []byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms)}
}
