package postgres

import (
	"bytes"
	"context"
	"slices"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// raiseSteps changes a row, or adds one, where the step is the highest of its session. It also locks the rows that it
	// leaves alone, so that what highestSteps sees next is what was there before, wherever that is higher.
	raiseSteps = `
INSERT INTO session_step (session, step, end_ms)
SELECT session, step, end_ms FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) AS reported (session, step, end_ms)
ON CONFLICT (session) DO UPDATE SET step = excluded.step, end_ms = excluded.end_ms WHERE excluded.step > session_step.step`
	highestSteps = `SELECT session, step FROM session_step WHERE session = ANY ($1)`
)

// ReportSteps implements store.Steps. Rows are locked by id, so that nodes that report the same sessions wait for each
// other in one direction only.
func (s *Store) ReportSteps(ctx context.Context, reports []store.StepReport, grace int64) (_ []store.Lag, err error) {
	defer s.operation(ctx, "report_steps")(&err)
	byID := slices.SortedFunc(slices.Values(reports), func(a, b store.StepReport) int { return bytes.Compare(a.Session[:], b.Session[:]) })
	sessions, steps, ends := make([][]byte, len(byID)), make([]int64, len(byID)), make([]int64, len(byID))
	for i, r := range byID {
		sessions[i], steps[i], ends[i] = bytes.Clone(r.Session[:]), r.Step, r.End.UnixMilli()
	}
	var highest map[signin.SessionID]int64
	err = s.write(ctx, func(t tx) (err error) {
		if _, err := t.exec(raiseSteps, sessions, steps, ends); err != nil {
			return err
		}
		highest, err = t.highest(sessions)
		return err
	})
	if err != nil {
		return nil, err
	}
	var lags []store.Lag
	for _, r := range reports {
		if h := highest[r.Session]; h-r.Step > grace {
			lags = append(lags, store.Lag{Session: r.Session, Step: r.Step, Highest: h})
		}
	}
	return lags, nil
}

// highest returns the steps that are recorded of sessions.
func (t tx) highest(sessions [][]byte) (map[signin.SessionID]int64, error) {
	rows, err := t.pg.Query(t.ctx, highestSteps, sessions)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[signin.SessionID]int64, len(sessions))
	for rows.Next() {
		var id signin.SessionID
		var step int64
		if err := rows.Scan(fixed(id[:]), &step); err != nil {
			return nil, err
		}
		found[id] = step
	}
	return found, rows.Err()
}
