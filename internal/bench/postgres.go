package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/proc"
	"github.com/latchkey-id/latchkey/internal/pglocal"
)

// database is the PostgreSQL server of a run: with its own defaults, durable, in the scratch folder.
type database struct{ server *pglocal.Server }

// cpu returns the CPU time of all its processes.
func (d *database) cpu() (time.Duration, error) { return proc.Tree(d.server.PID()).CPU() }

// errNoPostgres is the outcome of a start without a PostgreSQL to start.
var errNoPostgres = errors.New("PostgreSQL is not installed")

// withPostgres runs run, which needs PostgreSQL, and leaves it out where there is none as withPeer does.
func withPostgres(run func(context.Context, *lab, string) (outcome, error)) func(context.Context, *lab, string) (outcome, error) {
	return func(ctx context.Context, l *lab, name string) (outcome, error) {
		err := l.startPostgres(ctx)
		if errors.Is(err, errNoPostgres) && l.mayLeaveOut(name) {
			l.say("%s: left out: %v", name, err)
			return outcome{}, nil
		}
		if err != nil {
			return outcome{}, err
		}
		return run(ctx, l, name)
	}
}

// mayLeaveOut tells whether a scenario that lacks something may be left out: not when it was asked for by name, and not
// in a run that must be whole.
func (l *lab) mayLeaveOut(scenario string) bool {
	return !named(scenario, l.Only) && os.Getenv("CI") != "true"
}

// startPostgres starts the PostgreSQL server of the run, unless it runs.
func (l *lab) startPostgres(ctx context.Context) error {
	if l.postgres != nil {
		return nil
	}
	if err := pglocal.Installed(); err != nil {
		return fmt.Errorf("%w: %w", errNoPostgres, err)
	}
	l.say("starting PostgreSQL")
	server, err := pglocal.Start(ctx, filepath.Join(l.dir, "postgres"), pglocal.Options{})
	if err != nil {
		return err
	}
	l.postgres = &database{server}
	return nil
}

// newDatabase makes an empty database in the PostgreSQL server of the run, and returns its URL.
func (l *lab) newDatabase(ctx context.Context, name string) (string, error) {
	if err := l.postgres.server.CreateDatabase(ctx, name); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	return l.postgres.server.URL(name), nil
}

// statements returns how many statements clients send to the server while during runs. The server counts them in its
// log, which its statistics would do up to ten seconds late.
func (d *database) statements(ctx context.Context, during func() error) (n int, err error) {
	if err := d.server.Configure(ctx, map[string]string{"log_statement": "all"}); err != nil {
		return 0, fmt.Errorf("log statements: %w", err)
	}
	before := len(d.server.Log())
	if err := during(); err != nil {
		return 0, err
	}
	for line := range strings.Lines(d.server.Log()[before:]) {
		if strings.Contains(line, "LOG:  statement: ") || strings.Contains(line, "LOG:  execute ") {
			n++
		}
	}
	if err := d.server.Configure(ctx, map[string]string{"log_statement": ""}); err != nil {
		return 0, fmt.Errorf("log statements no longer: %w", err)
	}
	return n, nil
}

// limitStatements is how many statements a thousand refreshes may cost: what nodes report of them in batches.
const limitStatements = 1

// countStatements lets the last subject refresh, and counts the statements of that, less those of the same time without
// refreshes: nodes ask for notices all the time.
func countStatements(ctx context.Context, l *lab, scenario string, subjects []*subject) ([]Finding, error) {
	s := subjects[len(subjects)-1]
	n := min(20_000, max(warmRequests, int(10_000*l.Duration.Seconds())))
	began := time.Now()
	busy, err := s.database.statements(ctx, func() error {
		_, err := s.round(ctx, l.Connections, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, s.explain(err))
	}
	took := time.Since(began)
	idle, err := s.database.statements(ctx, func() error { return wait(ctx, took) })
	if err != nil {
		return nil, err
	}
	l.say("%s: %s: %d statements during %d refreshes, %d in as much time without any", scenario, s.name, busy, n, idle)
	more := math.Max(0, float64(busy-idle)) / float64(n) * 1000
	return []Finding{
		Finding{
			Scenario: scenario, What: "database statements for refreshes, " + s.name, Unit: perThousand,
			Value: spreadOf([]float64{more}), Limit: limitStatements,
		}.judge(l.Judge),
	}, nil
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
