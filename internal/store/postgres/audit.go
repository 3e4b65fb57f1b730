package postgres

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	insertEvents = `
INSERT INTO audit_event (id, at_ms, kind, request, session, client, principal, person, remote, detail)
SELECT id, at_ms, kind, request, session, client, principal, person, remote, detail
FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
	AS happened (id, at_ms, kind, request, session, client, principal, person, remote, detail)
ON CONFLICT (id) DO NOTHING`

	events = `
SELECT id, at_ms, kind, request, session, client, principal, person, remote, detail FROM audit_event
WHERE id < $1 ORDER BY id DESC LIMIT $2`
	eventsAbout = `
SELECT id, at_ms, kind, request, session, client, principal, person, remote, detail FROM audit_event
WHERE person = $1 AND id < $2 AND ($4 = '' OR kind = $4) ORDER BY id DESC LIMIT $3`

	oldEvents    = `SELECT count(*) FROM (SELECT id FROM audit_event WHERE id < $1 LIMIT $2) AS old`
	deleteEvents = `
DELETE FROM audit_event WHERE id IN (SELECT id FROM audit_event WHERE id < $1 ORDER BY id LIMIT $2 FOR UPDATE)`
)

// RecordAudit implements store.Audit. Events are added by id, so that callers who try the same again wait for each other
// in one direction only.
func (s *Store) RecordAudit(ctx context.Context, events []store.AuditEvent) (err error) {
	defer s.operation(ctx, "record_audit")(&err)
	byID := slices.SortedFunc(slices.Values(events), func(a, b store.AuditEvent) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	ids, times := make([][]byte, len(byID)), make([]int64, len(byID))
	var texts [8][]string
	for i, e := range byID {
		ids[i], times[i] = bytes.Clone(e.ID[:]), e.At.UnixMilli()
		for column, text := range [len(texts)]string{e.Kind, e.Request, e.Session, e.Client, e.Principal, e.Person, e.Remote, e.Detail} {
			texts[column] = append(texts[column], text)
		}
	}
	return s.write(ctx, func(t tx) error {
		return t.add("events", insertEvents, ids, times, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7])
	})
}

// AuditEvents implements store.Audit.
func (s *Store) AuditEvents(ctx context.Context, q store.AuditQuery) (_ []store.AuditEvent, err error) {
	defer s.operation(ctx, "audit_events")(&err)
	before, limit := q.Before[:], int64(max(0, q.Limit))
	if q.Before == (signin.SessionID{}) {
		before = bytes.Repeat([]byte{0xff}, len(q.Before)+1) // lies behind every id
	}
	if q.Person == "" {
		return all(s.query(ctx, events, before, limit), scanEvent)
	}
	return all(s.query(ctx, eventsAbout, q.Person, before, limit, q.Kind), scanEvent)
}

func scanEvent(row scanner) (e store.AuditEvent, err error) {
	err = row.Scan(fixed(e.ID[:]), instant{&e.At}, &e.Kind, &e.Request, &e.Session, &e.Client, &e.Principal, &e.Person, &e.Remote, &e.Detail)
	return e, err
}

// SweepAudit implements store.Audit. As an id begins with its time, the events before then are those with an id below
// that of then.
func (s *Store) SweepAudit(ctx context.Context, then time.Time, limit int) (deleted int, err error) {
	defer s.operation(ctx, "sweep_audit")(&err)
	limit = max(0, min(limit, maxSweep))
	below := firstID(then)
	old, err := one("event", s.query(ctx, oldEvents, below, int64(limit)), scanCount)
	if err != nil {
		return 0, err
	}
	return s.remove(ctx, int(old), deleteEvents, below, int64(limit))
}

// firstID returns what no id of the time at, or of a later one, lies below.
func firstID(at time.Time) []byte {
	ms := max(0, min(at.UnixMilli(), 1<<48-1))
	return []byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms)}
}
