package sqlite

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/signin"
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

// NoticesAfter implements store.Notices.
func (s *Store) NoticesAfter(ctx context.Context, after int64, limit int) (_ []signin.Notice, err error) {
	defer s.operation(ctx, "notices_after")(&err)
	return all(s.query(ctx, `SELECT seq, reason, subject, at_ms, expires_ms FROM notice WHERE seq > ? ORDER BY seq LIMIT ?`,
		after, max(0, limit)), scanNotice)
}

func scanNotice(row scanner) (n signin.Notice, err error) {
	err = row.Scan(&n.Seq, &n.Reason, &n.Subject, instant{&n.At}, instant{&n.Expires})
	return n, err
}
