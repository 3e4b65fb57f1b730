package measure

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/proc"
	"github.com/latchkey-id/latchkey/internal/capacity"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	callers = 32 // that give notice, or insert at one node, at the same time
	// stepBatch and auditBatch are how many rows a node writes at a time at most.
	stepBatch  = 1000
	auditBatch = 500
	sweepRows  = 500
	polls      = 500
	announced  = 400
)

// subject is a store under measurement.
type subject struct {
	store.Store
	rows int
	// inserters is how many sessions are inserted at a time.
	inserters int
	server    func() (time.Duration, error)          // CPU time of the database server; nil: there is none
	wal       func(context.Context) (float64, error) // bytes written ahead so far; nil: not counted
	clock     func() time.Time
	now       time.Time
}

// used is what a kind of write took for each row.
type used struct {
	node, server float64 // µs
	wal          float64 // bytes
}

// each lets do write n rows and returns what each took.
func (s *subject) each(ctx context.Context, n int, do func() error) (u used, err error) {
	var server [2]time.Duration
	var wal [2]float64
	read := func(i int) (err error) {
		if s.server != nil {
			server[i], err = s.server()
		}
		if s.wal != nil && err == nil {
			wal[i], err = s.wal(ctx)
		}
		return err
	}
	if err := read(0); err != nil {
		return used{}, err
	}
	before, err := proc.Self()
	if err != nil {
		return used{}, err
	}
	if err := do(); err != nil {
		return used{}, err
	}
	after, err := proc.Self()
	if err != nil {
		return used{}, err
	}
	if err := read(1); err != nil {
		return used{}, err
	}
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	return used{per(after - before), per(server[1] - server[0]), (wal[1] - wal[0]) / float64(n)}, nil
}

// outcome is what all kinds of writes of a store took.
type outcome struct {
	insert, step, audit, sweep, poll used
	announce                         float64 // notices a second
}

// measure writes rows of each kind. sizes is called after each kind has been added.
func (s *subject) measure(ctx context.Context, added func(kind string) error) (o outcome, err error) {
	sessions := make([]signin.Session, s.rows)
	for i := range sessions { // begun one after the other, as logins are, and ended by the time of the sweep
		sessions[i] = session(s.now.Add(time.Duration(i)*time.Millisecond), time.Hour)
	}
	events := make([]store.AuditEvent, s.rows)
	for i := range events {
		events[i] = event(sessions[i])
	}
	stages := []struct {
		kind string
		into *used
		rows int
		do   func() error
	}{
		{"session", &o.insert, s.rows, func() error { return s.insert(ctx, sessions) }},
		{"step", new(used), s.rows, func() error { return s.report(ctx, sessions, 1) }},
		{"", &o.step, s.rows, func() error { return s.report(ctx, sessions, 3) }},
		{"audit", &o.audit, s.rows, func() error {
			return inBatches(s.rows, auditBatch, func(i, j int) error { return s.RecordAudit(ctx, events[i:j]) })
		}},
		{"notice", new(used), announced, func() error { o.announce, err = s.announceAll(ctx); return err }},
		{"", &o.poll, polls, func() error { return s.poll(ctx) }},
		{"", &o.sweep, s.rows, func() error { return s.sweepAll(ctx) }},
	}
	for _, st := range stages {
		if *st.into, err = s.each(ctx, st.rows, st.do); err != nil {
			return o, fmt.Errorf("measure %s: %w", st.kind, err)
		}
		if err := added(st.kind); err != nil {
			return o, err
		}
	}
	return o, nil
}

// insert redeems one code for each session, from as many callers at a time as s has inserters.
func (s *subject) insert(ctx context.Context, sessions []signin.Session) error {
	return together(s.inserters, len(sessions), func(i int) error { return s.RedeemCode(ctx, sessions[i]) })
}

// together calls do for 0 to n−1 from several goroutines, and returns one error.
func together(callers, n int, do func(i int) error) error {
	var next atomic.Int64
	var working sync.WaitGroup
	errs := make(chan error, callers)
	for range callers {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := do(int(i)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	working.Wait()
	close(errs)
	return <-errs
}

func inBatches(n, size int, do func(i, j int) error) error {
	for i := 0; i < n; i += size {
		if err := do(i, min(i+size, n)); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) report(ctx context.Context, sessions []signin.Session, step int64) error {
	return inBatches(len(sessions), stepBatch, func(i, j int) error {
		reports := make([]store.StepReport, 0, stepBatch)
		for _, one := range sessions[i:j] {
			reports = append(reports, store.StepReport{Session: one.ID, Step: step, End: one.End})
		}
		_, err := s.ReportSteps(ctx, reports, 2)
		return err
	})
}

// announceAll returns how many notices a second are committed when several callers give them.
func (s *subject) announceAll(ctx context.Context) (float64, error) {
	began := s.clock()
	err := together(callers, announced, func(int) error {
		return s.Announce(ctx, signin.Notice{
			Reason: signin.RevokedSession, Subject: signin.NewSessionID(s.now).String(), At: s.now, Expires: s.now.Add(time.Hour),
		})
	})
	return announced / s.clock().Sub(began).Seconds(), err
}

func (s *subject) poll(ctx context.Context) error {
	last, err := s.LastNotice(ctx)
	if err != nil {
		return err
	}
	for range polls {
		if _, err := s.NoticesAfter(ctx, last, 1000); err != nil {
			return err
		}
	}
	return nil
}

// sweepAll deletes all sessions, with their steps, and the notices, which are few.
func (s *subject) sweepAll(ctx context.Context) error {
	for {
		n, err := s.Sweep(ctx, s.now.Add(24*time.Hour), sweepRows)
		if err != nil || n == 0 {
			return err
		}
	}
}

func event(s signin.Session) store.AuditEvent {
	return store.AuditEvent{
		ID: signin.NewSessionID(s.Start), At: s.Start, Kind: "sign-in-refused", Request: "0d3f6f2b-61d5-4f0b-9f0e-5b2f3f0f8a11",
		Client: s.ClientID, Principal: s.Principal.ARN(), Person: s.Principal.PersonID, Remote: "2001:db8::1234:5678",
		Detail: "A wrong password was typed for this person.",
	}
}

// costs turns µs into verifications.
func (o outcome) costs(verify float64, of func(used) float64) capacity.StoreCosts {
	return capacity.StoreCosts{
		Insert: of(o.insert) / verify, Step: of(o.step) / verify, Audit: of(o.audit) / verify, Sweep: of(o.sweep) / verify,
		Poll: of(o.poll) / verify,
	}
}
