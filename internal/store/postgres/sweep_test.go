package postgres

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Sessions with a far end fill more than the window that a sweep looks at first, and more than the one after that.
func TestSweepComesByEverySession(t *testing.T) {
	url := pgtest.Shared(t)
	s := open(t, url)
	run(t, beside(t, url), `
		INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods)
		SELECT decode(lpad(to_hex(i), 16, '0') || repeat('0', 16), 'hex'), 1::bigint << 60, 0, 0, 0, decode(repeat('0', 64), 'hex'), '', '', '', '', '', '', ''
		FROM generate_series(1, 10000) AS n (i)`,
		`INSERT INTO session_step (session, step, end_ms) SELECT id, 1, end_ms FROM session`,
		`INSERT INTO session_generation (session, generation, at_ms, request, end_ms) SELECT id, 1, 0, proof_key, end_ms FROM session`)
	code := session(noon)
	code.End = noon
	for round := range 2 { // the second begins where the window has come to the end of the table
		must(t, "RedeemCode", s.RedeemCode(t.Context(), code))
		_, err := s.ReportSteps(t.Context(), []store.StepReport{{Session: code.ID, Step: 1, End: noon}}, 1)
		must(t, "ReportSteps", err)
		_, err = s.AdvanceGeneration(t.Context(), store.Advance{Session: code.ID, End: noon}, noon)
		must(t, "AdvanceGeneration", err)
		deleted := 0
		for range 4 {
			n, err := s.Sweep(t.Context(), noon.Add(time.Hour), 10)
			must(t, "Sweep", err)
			deleted += n
		}
		if _, err := s.SessionByID(t.Context(), code.ID); deleted != 3 || !errors.Is(err, store.ErrNotFound) {
			t.Errorf("round %d: four sweeps deleted %d rows and SessionByID = %v, want the one that ended, its step and its generation to be gone", round, deleted, err)
		}
	}
}

// Every node sweeps, at about the same times, beside redemptions and notices.
func TestManyNodesSweepAtOnce(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	nodes := []*Store{open(t, url), open(t, url), open(t, url), open(t, url)}
	const each = 400
	var reports []store.StepReport
	var events []store.AuditEvent
	wantAll(t, "RedeemCode", redeemAll(ctx, nodes[0], func() []signin.Session {
		list := codes(each)
		for _, c := range list {
			reports = append(reports, store.StepReport{Session: c.ID, Step: 1, End: c.End})
			events = append(events, store.AuditEvent{ID: c.ID, At: noon})
		}
		return list
	}()), nil)
	_, err := nodes[0].ReportSteps(ctx, reports, 1)
	must(t, "ReportSteps", err)
	must(t, "RecordAudit", nodes[0].RecordAudit(ctx, events))
	run(t, beside(t, url), fmt.Sprintf(`INSERT INTO notice (seq, reason, subject, at_ms, expires_ms) SELECT i - 1000, 1, 'x', 0, 0 FROM generate_series(1, %d) AS n (i)`, each))

	for _, r := range reports {
		_, err := nodes[0].AdvanceGeneration(ctx, store.Advance{Session: r.Session, End: r.End}, noon)
		must(t, "AdvanceGeneration", err)
		must(t, "RegisterClient", nodes[0].RegisterClient(ctx, store.DynamicClient{ID: r.Session, Expires: r.End}))
	}

	now := noon.Add(24 * time.Hour)
	var deleted atomic.Int64
	var all sync.WaitGroup
	for _, s := range nodes {
		for range 2 {
			all.Go(func() {
				for range 30 {
					n, err := s.Sweep(ctx, now, 37)
					m, auditErr := s.SweepAudit(ctx, now, 41)
					if err := errors.Join(err, auditErr); err != nil {
						t.Errorf("Sweep beside others = %v", err)
					}
					deleted.Add(int64(n + m))
				}
			})
		}
		all.Go(func() {
			for range 20 {
				fresh := session(now)
				err := errors.Join(s.RedeemCode(ctx, fresh), s.Announce(ctx, signin.Notice{Subject: "x", Expires: now.Add(time.Hour)}))
				_, stepErr := s.ReportSteps(ctx, []store.StepReport{{Session: fresh.ID, Step: 1, End: fresh.End}}, 1)
				_, advanceErr := s.AdvanceGeneration(ctx, store.Advance{Session: fresh.ID, End: fresh.End}, now)
				clientErr := s.RegisterClient(ctx, store.DynamicClient{ID: fresh.ID, Expires: fresh.End})
				if err := errors.Join(err, stepErr, advanceErr, clientErr); err != nil {
					t.Errorf("writes beside sweeps = %v", err)
				}
			}
		})
	}
	all.Wait()
	if n := deleted.Load(); n != 6*each {
		t.Errorf("all sweeps together say that they deleted %d rows, want %d", n, 6*each)
	}
	c := beside(t, url)
	for _, table := range []string{"session", "session_step", "session_generation", "dynamic_client", "notice"} {
		if n := number(t, c, `SELECT count(*) FROM `+table); n != int64(20*len(nodes)) {
			t.Errorf("%s holds %d rows after the sweeps, want the %d that are not over", table, n, 20*len(nodes))
		}
	}
	if n := number(t, c, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("the server broke %d deadlocks, want 0", n)
	}
}
