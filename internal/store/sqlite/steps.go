package sqlite

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// raiseStep changes a row, or adds one, where the step is the highest of its session.
	raiseStep = `
INSERT INTO session_step (session, step, end_ms) VALUES (?, ?, ?)
ON CONFLICT (session) DO UPDATE SET step = excluded.step, end_ms = excluded.end_ms WHERE excluded.step > session_step.step`
	highestStep = `SELECT step FROM session_step WHERE session = ?`
)

// ReportSteps implements store.Steps.
func (s *Store) ReportSteps(ctx context.Context, reports []store.StepReport, grace int64) (_ []store.Lag, err error) {
	defer s.operation(ctx, "report_steps")(&err)
	var lags []store.Lag
	err = s.write(ctx, func(t tx) error {
		raise, err := t.prepare(raiseStep)
		if err != nil {
			return err
		}
		defer raise.close()
		for _, r := range reports {
			raised, err := raise.exec(r.Session[:], r.Step, r.End.UnixMilli())
			if err != nil {
				return err
			}
			if raised > 0 {
				continue
			}
			var highest int64
			if err := t.conn.QueryRowContext(context.Background(), highestStep, r.Session[:]).Scan(&highest); err != nil {
				return err
			}
			if highest-r.Step > grace {
				lags = append(lags, store.Lag{Session: r.Session, Step: r.Step, Highest: highest})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lags, nil
}
