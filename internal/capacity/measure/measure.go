package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/capacity"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Options say where and how much is measured. All fields are needed.
type Options struct {
	// Dir is an empty folder, on the kind of disk that a store would be on.
	Dir string
	// Rows is how many rows of each kind are written.
	Rows int
	// Clock tells the time.
	Clock func() time.Time
	// OpenSQLite and OpenPostgres open a new store, in a file and at a URL.
	OpenSQLite, OpenPostgres func(ctx context.Context, where string) (store.Store, error)
	// Progress is told what goes on.
	Progress func(what string)
}

// Run measures everything but whole requests: Refresh, Redeem384 and Redeem256 are left 0, as are the words about the
// machine. It takes some ten seconds, on Linux only, and needs the programs of PostgreSQL.
func Run(ctx context.Context, o Options) (capacity.Costs, error) {
	var c capacity.Costs
	o.Progress("cryptography")
	verify, err := verification()
	if err != nil {
		return c, err
	}
	c.VerifyMicros = verify
	now := o.Clock()
	for _, m := range []struct {
		what string
		into *float64
		unit float64
		take func() (float64, error)
	}{
		{"TLS handshakes", &c.Handshake, verify, func() (float64, error) { return handshake(now) }},
		{"passwords", &c.Password, verify, password},
		{"remembered proofs", &c.ProofBytes, 1, func() (float64, error) { return proofs(now) }},
		{"notices in memory", &c.NoticeBytes, 1, func() (float64, error) { return notices(ctx, now) }},
		{"reports in memory", &c.ReportBytes, 1, func() (float64, error) { return reports(now) }},
	} {
		o.Progress(m.what)
		value, err := m.take()
		if err != nil {
			return c, fmt.Errorf("measure %s: %w", m.what, err)
		}
		*m.into = value / m.unit
	}
	o.Progress("SQLite")
	if err := o.sqlite(ctx, verify, &c); err != nil {
		return c, err
	}
	o.Progress("PostgreSQL")
	return c, o.postgres(ctx, verify, &c)
}
