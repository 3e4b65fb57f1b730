package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/bench/proc"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store/postgres"
)

// limitInsert is how many times the CPU of a bare insert a redemption may take in the PostgreSQL driver and the server.
const limitInsert = 2

// inserter is a way to write the rows of redeemed codes.
type inserter struct {
	name       string
	insert     func(context.Context, signin.Session) error
	goroutines int // that call insert
}

// measureInsert writes rows of redeemed codes through the driver, and through pgx with nothing around it: from as many
// goroutines as there are connections elsewhere, and from one. What counts is the CPU time of this program and of
// PostgreSQL.
func measureInsert(ctx context.Context, l *lab, scenario string) (outcome, error) {
	url, err := l.newDatabase(ctx, "inserts")
	if err != nil {
		return outcome{}, err
	}
	driver, err := postgres.Open(ctx, postgres.Options{URL: url, Now: time.Now()})
	if err != nil {
		return outcome{}, err
	}
	defer driver.Close()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return outcome{}, err
	}
	config.MaxConns = bareConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return outcome{}, fmt.Errorf("open a pool: %w", err)
	}
	defer pool.Close()
	bare := func(ctx context.Context, s signin.Session) error { return bareInsert(ctx, pool, s) }
	return l.compareInserts(ctx, scenario, []inserter{
		{fmt.Sprintf("driver, %d callers", l.Connections), driver.RedeemCode, l.Connections},
		{fmt.Sprintf("bare insert, %d callers", l.Connections), bare, l.Connections},
		{"driver, 1 caller", driver.RedeemCode, 1},
		{"bare insert, 1 caller", bare, 1},
	})
}

// compareInserts lets the ways insert in turn and compares the first with the second, and the third with the fourth.
func (l *lab) compareInserts(ctx context.Context, scenario string, ways []inserter) (outcome, error) {
	rounds, err := l.insertRounds(ctx, scenario, ways)
	if err != nil {
		return outcome{}, err
	}
	var c contest
	var out outcome
	for i, w := range ways {
		c.contestants = append(c.contestants, contestant{name: w.name})
		m, err := (&subject{name: w.name}).measured(scenario, rounds[i])
		if err != nil {
			return outcome{}, err
		}
		out.measured = append(out.measured, m)
	}
	for of := 0; of < len(ways); of += 2 {
		cl := claim{of: of, to: of + 1, limit: limitInsert, latency: true}
		out.findings = append(out.findings, c.compare(scenario, cl, rounds, l.Judge)...)
	}
	return out, nil
}

// bareConnections is how many connections the bare pool has: as many as a node by default.
const bareConnections = 16

// bareInsert writes the row of a redeemed code in one statement of its own, and asks nothing but whether it failed.
func bareInsert(ctx context.Context, pool *pgxpool.Pool, s signin.Session) error {
	p := &s.Principal
	_, err := pool.Exec(ctx, `
		INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		s.ID[:], s.End.UnixMilli(), s.Start.UnixMilli(), s.Issued.UnixMilli(), s.AuthTime.UnixMilli(), s.Key[:],
		s.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, s.Methods, s.AsOf)
	return err
}

// insertRounds lets the ways insert in turn, every other turn backwards.
func (l *lab) insertRounds(ctx context.Context, scenario string, ways []inserter) ([][]round, error) {
	rounds := make([][]round, len(ways))
	sizes := make([]int, len(ways))
	for i, w := range ways {
		warm, err := l.insertRound(ctx, w, warmRequests)
		if err != nil {
			return nil, fmt.Errorf("%s, first inserts: %w", w.name, err)
		}
		sizes[i] = min(mostRequests, max(l.Connections, int(warm.PerSecond()*l.Duration.Seconds())))
	}
	for turn := range l.Rounds {
		for k := range ways {
			i := k
			if turn%2 == 1 {
				i = len(ways) - 1 - k
			}
			r, err := l.insertRound(ctx, ways[i], sizes[i])
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", ways[i].name, turn+1, err)
			}
			l.say("%s %d/%d: %s: %.0f µs CPU an insert, %.0f inserts/s", scenario, turn+1, l.Rounds, ways[i].name, r.cpuMicros(), r.PerSecond())
			rounds[i] = append(rounds[i], r)
		}
	}
	return rounds, nil
}

// insertRound inserts n rows.
func (l *lab) insertRound(ctx context.Context, w inserter, n int) (round, error) {
	sessions := newSessions(n, time.Now())
	cpu := func() (time.Duration, error) {
		client, err := proc.Self()
		if err != nil {
			return 0, err
		}
		server, err := l.postgres.cpu()
		return client + server, err
	}
	before, err := cpu()
	if err != nil {
		return round{}, err
	}
	result, err := insertAll(ctx, w, sessions)
	if err != nil {
		return round{}, err
	}
	after, err := cpu()
	return round{Result: result, cpu: after - before}, err
}

// newSessions returns what n redeemed codes become now.
func newSessions(n int, now time.Time) []signin.Session {
	start := now.Truncate(time.Second)
	sessions := make([]signin.Session, n)
	for i := range sessions {
		sessions[i] = signin.Session{
			ID: signin.NewSessionID(now), ClientID: signin.SameDevice, Principal: testPrincipal, AuthTime: now, Issued: now,
			Start: start, End: start.Add(signin.DefaultLifetimes().Session), Methods: "pwd",
		}
		rand.Read(sessions[i].Key[:])
	}
	return sessions
}

// insertAll inserts every session once.
func insertAll(ctx context.Context, w inserter, sessions []signin.Session) (load.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next    atomic.Int64
		working sync.WaitGroup
		mu      sync.Mutex
	)
	total := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	began := time.Now()
	for range w.goroutines {
		working.Go(func() {
			latency := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
			for i := next.Add(1) - 1; i < int64(len(sessions)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				sent := time.Now()
				if err := w.insert(ctx, sessions[i]); err != nil {
					cancel(err) // the first cause stays
					return
				}
				if err := latency.RecordValue(time.Since(sent).Microseconds()); err != nil {
					cancel(fmt.Errorf("note a latency: %w", err))
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total.Merge(latency)
		})
	}
	working.Wait()
	if err := context.Cause(ctx); err != nil {
		return load.Result{}, err
	}
	return load.Result{Requests: len(sessions), Elapsed: time.Since(began), Latency: total}, nil
}
