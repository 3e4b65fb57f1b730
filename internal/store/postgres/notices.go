package postgres

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Announce implements store.Notices.
func (s *Store) Announce(ctx context.Context, n signin.Notice) (err error) {
	defer s.operation(ctx, "announce")(&err)
	return s.write(ctx, func(t tx) error { return t.announce(n) })
}

// announce adds n. It is the last thing that a transaction does, because from here on everybody else who gives notice
// waits for it: the row of the counter stays locked until the commit can be seen. So whoever gets the next number can see
// this notice, and no notice appears below a number that was seen.
func (t tx) announce(n signin.Notice) error {
	if !validText(n.Subject) {
		return about("notice", errText)
	}
	err := t.pg.QueryRow(t.ctx, `UPDATE notice_counter SET last = last + 1 WHERE id = 1 RETURNING last`).Scan(t.given)
	if err != nil {
		return about("notice", err)
	}
	err = t.add("notice", `INSERT INTO notice (seq, reason, subject, at_ms, expires_ms) VALUES ($1, $2, $3, $4, $5)`,
		*t.given, int64(n.Reason), n.Subject, n.At.UnixMilli(), n.Expires.UnixMilli())
	if err != nil || !t.notify {
		return err
	}
	// Listeners are told when, and only when, the transaction has been committed.
	_, err = t.exec(`SELECT pg_notify('latchkey_notice', '')`)
	return about("notice", err)
}

// NoticesAfter implements store.Notices.
func (s *Store) NoticesAfter(ctx context.Context, after int64, limit int) (_ []signin.Notice, err error) {
	defer s.operation(ctx, "notices_after")(&err)
	list, err := all(s.query(ctx, `SELECT seq, reason, subject, at_ms, expires_ms FROM notice WHERE seq > $1 ORDER BY seq LIMIT $2`,
		after, int64(max(0, limit))), scanNotice)
	if len(list) > 0 {
		s.hear(list[len(list)-1].Seq)
	}
	return list, err
}

func scanNotice(row scanner) (n signin.Notice, err error) {
	err = row.Scan(&n.Seq, &n.Reason, &n.Subject, instant{&n.At}, instant{&n.Expires})
	return n, err
}

// hear notes that this node knows of the notices up to seq.
func (s *Store) hear(seq int64) {
	for {
		before := s.heard.Load()
		if seq <= before || s.heard.CompareAndSwap(before, seq) {
			return
		}
	}
}
