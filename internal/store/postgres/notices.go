package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// giveNotice takes the next number and adds the notice under it.
const giveNotice = `
WITH counted AS (UPDATE notice_counter SET last = last + 1 WHERE id = 1 RETURNING last)
INSERT INTO notice (seq, reason, subject, at_ms, expires_ms) SELECT last, $1, $2, $3, $4 FROM counted RETURNING seq`

// Announce implements store.Notices.
func (s *Store) Announce(ctx context.Context, n signin.Notice) (err error) {
	defer s.operation(ctx, "announce")(&err)
	return s.write(ctx, func(t tx) error { return t.announce(n) })
}

// announce has the transaction end with n; see commitGiving.
func (t tx) announce(n signin.Notice) error {
	if !validText(n.Subject) {
		return about("notice", errText)
	}
	*t.notices = append(*t.notices, n)
	return nil
}

// commitGiving adds the notices and commits the transaction that c is in. It returns the last number that was given, and
// with an error whether the server refused before it came to the commit, so that nothing happened.
//
// The row of the counter stays locked until the commit can be seen. So whoever gets the next number can see this notice,
// and no notice appears below a number that was seen. Everybody else who gives notice waits for that row; therefore all is
// sent together, and the server does not come to wait for a node that stands still in between.
func commitGiving(ctx context.Context, c *pgx.Conn, notices []signin.Notice, notify bool) (given int64, refused bool, err error) {
	batch := &pgx.Batch{}
	for _, n := range notices {
		batch.Queue(giveNotice, int64(n.Reason), n.Subject, n.At.UnixMilli(), n.Expires.UnixMilli())
	}
	if notify {
		// Listeners are told when, and only when, the transaction has been committed.
		batch.Queue(`SELECT pg_notify('latchkey_notice', '')`)
	}
	batch.Queue(`commit`)
	results := c.SendBatch(ctx, batch)
	defer results.Close()
	for range notices {
		if err == nil {
			err = results.QueryRow().Scan(&given)
		}
	}
	if err == nil && notify {
		_, err = results.Exec()
	}
	if err != nil {
		return 0, code(err) != "", about("notice", err)
	}
	done, err := results.Exec()
	if err == nil && done.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback
	}
	return given, false, err
}

// NoticesAfter implements store.Notices.
func (s *Store) NoticesAfter(ctx context.Context, after int64, limit int) (_ []signin.Notice, err error) {
	defer s.operation(ctx, "notices_after")(&err)
	list, err := all(s.poll(ctx, `SELECT seq, reason, subject, at_ms, expires_ms FROM notice WHERE seq > $1 ORDER BY seq LIMIT $2`,
		after, int64(max(0, limit))), scanNotice)
	if len(list) > 0 {
		s.hear(list[len(list)-1].Seq)
	}
	return list, err
}

// LastNotice implements store.Notices.
func (s *Store) LastNotice(ctx context.Context) (last int64, err error) {
	defer s.operation(ctx, "last_notice")(&err)
	return one("notice counter", s.poll(ctx, `SELECT last FROM notice_counter WHERE id = 1`), scanCount)
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
