package sqlite

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Announce implements store.Notices.
func (s *Store) Announce(ctx context.Context, n signin.Notice) (err error) {
	defer s.operation(ctx, "announce")(&err)
	return s.write(ctx, func(t tx) error { return t.announce(n) })
}

// announce adds n. Numbers rise in the order of commits, because only one transaction at a time can write.
func (t tx) announce(n signin.Notice) error {
	return t.add("notice", `INSERT INTO notice (reason, subject, at_ms, expires_ms) VALUES (?, ?, ?, ?)`,
		int(n.Reason), n.Subject, n.At.UnixMilli(), n.Expires.UnixMilli())
}

// NoticesAfter implements store.Notices. A database that was moved gets no notice any more, so a server that still runs
// on it hears nothing from here on, and in the end refuses sessions that may have been revoked at the new place.
func (s *Store) NoticesAfter(ctx context.Context, after int64, limit int) (_ []signin.Notice, err error) {
	defer s.operation(ctx, "notices_after")(&err)
	list, err := all(s.query(ctx, `SELECT seq, reason, subject, at_ms, expires_ms FROM notice WHERE seq > ? ORDER BY seq LIMIT ?`,
		after, max(0, limit)), scanNotice)
	if err != nil {
		return nil, err
	}
	m, err := s.mark(ctx)
	if err == nil && m.State == store.Moved {
		err = &store.MarkedError{Mark: m}
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// LastNotice implements store.Notices.
func (s *Store) LastNotice(ctx context.Context) (last int64, err error) {
	defer s.operation(ctx, "last_notice")(&err)
	err = s.query(ctx, `SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'notice'`).scan(&last)
	return last, err
}

func scanNotice(row scanner) (n signin.Notice, err error) {
	err = row.Scan(&n.Seq, &n.Reason, &n.Subject, instant{&n.At}, instant{&n.Expires})
	return n, err
}
