package store

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// StepReport says that a refresh token of a session's step was brought.
type StepReport struct {
	Session signin.SessionID
	Step    int64     // of the token that was brought
	End     time.Time // of the session; the report may be forgotten after it
}

// Lag is a report that came behind another: somebody brought a newer token of the session before.
type Lag struct {
	Session signin.SessionID
	Step    int64 // of the token that was brought now
	Highest int64 // of the newest token that was brought before
}

// Steps remembers how far the refresh tokens of a session got, so that the use of an old one is noticed. It is off the
// way of requests: nodes report in batches, and a lost report does no harm.
type Steps interface {
	// ReportSteps records each report's step where it is the highest of its session, and returns a Lag for each report
	// whose step is lower by more than grace than what was recorded before this call. At most one report for each session
	// may be in a call. Sweep forgets the sessions that ended.
	ReportSteps(ctx context.Context, reports []StepReport, grace int64) ([]Lag, error)
}
