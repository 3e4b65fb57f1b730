package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// markedSchema is the schema from which on a database can have a mark.
const markedSchema = 3

// Mark implements store.Archive.
func (s *Store) Mark(ctx context.Context) (m store.Mark, err error) {
	defer s.operation(ctx, "mark")(&err)
	return s.mark(ctx)
}

func (s *Store) mark(ctx context.Context) (store.Mark, error) {
	m, err := one("mark", s.query(ctx, `SELECT state, place, at_ms FROM relocation WHERE id = 1`), scanMark)
	if errors.Is(err, store.ErrNotFound) {
		return store.Mark{}, nil
	}
	return m, err
}

func scanMark(row scanner) (m store.Mark, err error) {
	err = row.Scan(&m.State, &m.Place, instant{&m.At})
	return m, err
}

// refuseMarked fails where the database must not be used.
func (s *Store) refuseMarked(ctx context.Context) error {
	m, err := s.mark(ctx)
	if err == nil && m.State != store.InUse {
		err = &store.MarkedError{Mark: m}
	}
	return err
}

// SetMark implements store.Archive.
func (s *Store) SetMark(ctx context.Context, m store.Mark) (err error) {
	defer s.operation(ctx, "set_mark")(&err)
	return s.write(ctx, func(t tx) error {
		if _, err := t.exec(`DELETE FROM relocation WHERE id = 1`); err != nil || m.State == store.InUse {
			return err
		}
		return t.add("mark", `INSERT INTO relocation (id, state, place, at_ms) VALUES (1, $1, $2, $3)`, string(m.State), m.Place, m.At.UnixMilli())
	})
}

// MoveAway implements store.Archive. There is no way to stop the writes of other nodes that all engines have, so none may
// run; the mark keeps new ones from starting.
func (s *Store) MoveAway(ctx context.Context, place string, at time.Time, check func(context.Context) error) (err error) {
	defer s.operation(ctx, "move_away")(&err)
	before, err := s.mark(ctx)
	if err != nil {
		return err
	}
	if err := s.SetMark(ctx, store.Mark{State: store.Moved, Place: place, At: at}); err != nil {
		return err
	}
	if err := check(ctx); err != nil {
		return errors.Join(err, s.SetMark(context.WithoutCancel(ctx), before))
	}
	return nil
}
