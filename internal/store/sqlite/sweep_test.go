package sqlite

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// Sessions with a far end fill more than the window that a sweep looks at first, and more than the one after that.
func TestSweepComesByEverySession(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	run(t, beside(t, path), `
		WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number LIMIT 10000)
		INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods)
		SELECT CAST(unhex(printf('%016x', i)) || zeroblob(8) AS BLOB), 1 << 60, 0, 0, 0, zeroblob(32), '', '', '', '', '', '', '' FROM number`)
	code := session(noon)
	code.End = noon
	if err := s.RedeemCode(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	deleted := 0
	for range 4 {
		n, err := s.Sweep(t.Context(), noon.Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		deleted += n
	}
	if _, err := s.SessionByID(t.Context(), code.ID); deleted != 1 || !errors.Is(err, store.ErrNotFound) {
		t.Errorf("four sweeps deleted %d rows and SessionByID = %v, want the one that ended to be gone", deleted, err)
	}
	if err := s.RedeemCode(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	for range 4 { // the window has come to the end of the table, and begins again
		if _, err := s.Sweep(t.Context(), noon.Add(time.Hour), 10); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SessionByID(t.Context(), code.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("SessionByID after another round = %v, want ErrNotFound", err)
	}
}

// Steps have a window of their own, and their sessions need not be there.
func TestSweepComesByEveryStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	run(t, beside(t, path), `
		WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number LIMIT 10000)
		INSERT INTO session_step (session, step, end_ms)
		SELECT CAST(unhex(printf('%016x', i)) || zeroblob(8) AS BLOB), 1, 1 << 60 FROM number`)
	report := []store.StepReport{{Session: session(noon).ID, Step: 5, End: noon}}
	if _, err := s.ReportSteps(t.Context(), report, 0); err != nil {
		t.Fatal(err)
	}
	deleted := 0
	for range 4 {
		n, err := s.Sweep(t.Context(), noon.Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		deleted += n
	}
	report[0].Step = 1
	if lags, err := s.ReportSteps(t.Context(), report, 0); deleted != 1 || err != nil || len(lags) != 0 {
		t.Errorf("four sweeps deleted %d rows, and ReportSteps = %v, %v, want the one that ended to be gone", deleted, lags, err)
	}
}

// Generations have one too.
func TestSweepComesByEveryGeneration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	run(t, beside(t, path), `
		WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number LIMIT 10000)
		INSERT INTO session_generation (session, generation, at_ms, request, end_ms)
		SELECT CAST(unhex(printf('%016x', i)) || zeroblob(8) AS BLOB), 1, 0, zeroblob(32), 1 << 60 FROM number`)
	a := store.Advance{Session: session(noon).ID, End: noon}
	if _, err := s.AdvanceGeneration(t.Context(), a, noon); err != nil {
		t.Fatal(err)
	}
	deleted := 0
	for range 4 {
		n, err := s.Sweep(t.Context(), noon.Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		deleted += n
	}
	if g, err := s.GenerationOf(t.Context(), a.Session); deleted != 1 || err != nil || g != 0 {
		t.Errorf("four sweeps deleted %d rows, and GenerationOf = %d, %v, want the one that ended to be gone", deleted, g, err)
	}
}

func TestSweepWithoutWorkWritesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	if err := s.RedeemCode(t.Context(), session(noon)); err != nil {
		t.Fatal(err)
	}
	before := s.Stats()
	if n, err := s.Sweep(t.Context(), noon, 10); n != 0 || err != nil {
		t.Errorf("Sweep = %d, %v, want 0", n, err)
	}
	if n, err := s.SweepAudit(t.Context(), noon, 10); n != 0 || err != nil {
		t.Errorf("SweepAudit = %d, %v, want 0", n, err)
	}
	if after := s.Stats(); after != before {
		t.Errorf("Stats() = %+v after a sweep without work, want %+v", after, before)
	}
}
