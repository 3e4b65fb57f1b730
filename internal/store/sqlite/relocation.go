package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	readMark   = `SELECT state, place, at_ms FROM relocation WHERE id = 1`
	removeMark = `DELETE FROM relocation`
	addMark    = `INSERT INTO relocation (id, state, place, at_ms) VALUES (1, ?, ?, ?)`
)

// Mark implements store.Archive.
func (s *Store) Mark(ctx context.Context) (m store.Mark, err error) {
	defer s.operation(ctx, "mark")(&err)
	return s.mark(ctx)
}

func (s *Store) mark(ctx context.Context) (m store.Mark, err error) {
	err = s.query(ctx, readMark).scan(&m.State, &m.Place, instant{&m.At})
	if errors.Is(err, store.ErrNotFound) {
		return store.Mark{}, nil
	}
	return m, err
}

// refuseMarked fails where the database must not be used.
func refuseMarked(ctx context.Context, c *sql.Conn) error {
	var tables int
	if err := c.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'relocation'`).Scan(&tables); err != nil || tables == 0 {
		return err // binaries that do not know of marks leave none
	}
	var m store.Mark
	err := c.QueryRowContext(ctx, readMark).Scan(&m.State, &m.Place, instant{&m.At})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &store.MarkedError{Mark: m}
}

// SetMark implements store.Archive.
func (s *Store) SetMark(ctx context.Context, m store.Mark) (err error) {
	defer s.operation(ctx, "set_mark")(&err)
	return s.write(ctx, func(t tx) error { return t.setMark(m) })
}

func (t tx) setMark(m store.Mark) error {
	if _, err := t.exec(removeMark); err != nil || m.State == store.InUse {
		return err
	}
	return t.add("mark", addMark, string(m.State), m.Place, m.At.UnixMilli())
}

// MoveAway implements store.Archive. The write transaction is open while check runs, so that no other process can write.
// What keeps servers from writing that have the file open is in the file as well: triggers.
func (s *Store) MoveAway(ctx context.Context, place string, at time.Time, check func(context.Context) error) (err error) {
	defer s.operation(ctx, "move_away")(&err)
	return s.write(ctx, func(t tx) error {
		if err := check(ctx); err != nil {
			return err
		}
		if err := t.setMark(store.Mark{State: store.Moved, Place: place, At: at}); err != nil {
			return err
		}
		return t.fence()
	})
}

// fence makes every later change of a record fail, whoever tries.
func (t tx) fence() error {
	for _, p := range store.Parts() {
		if p == store.PartNoticeCounter {
			continue
		}
		name := tableOf(p).name
		for _, change := range []string{"INSERT", "UPDATE", "DELETE"} {
			_, err := t.exec(`CREATE TRIGGER IF NOT EXISTS moved_` + name + `_` + change + ` BEFORE ` + change + ` ON ` + name + `
				BEGIN SELECT RAISE(ABORT, 'this database was moved; start the server again with the configuration that names the new place'); END`)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
