package soak

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// duration is how long a run takes; LATCHKEY_SOAK sets another.
func duration(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("LATCHKEY_SOAK")
	if text == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 5*time.Second {
		t.Fatalf("LATCHKEY_SOAK = %q, want a duration of at least 5s", text)
	}
	return d
}

// A server that works for long takes no more memory, goroutines, file handles and disk than one that has worked for a
// while.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes its time")
	}
	took := duration(t)
	binary := filepath.Join(t.TempDir(), "latchkey")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "rehearsal", "-o", binary, "github.com/latchkey-id/latchkey/cmd/latchkey")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		soak(t, startSite(t, binary, ""), took)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		// Time runs faster here, so what is deleted must be cleared away sooner too.
		pg := pgtest.Start(t, pglocal.Options{Settings: map[string]string{"autovacuum_naptime": "2s", "autovacuum_vacuum_cost_delay": "0"}})
		if err := pg.CreateDatabase(t.Context(), "latchkey"); err != nil {
			t.Fatal(err)
		}
		soak(t, startSite(t, binary, pg.URL("latchkey")), took)
	})
}

// soak lets the server work and judges what it measured.
func soak(t *testing.T, s *site, took time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	tr := newTraffic(s, s.fill(t))
	s.turn(ctx, &running)
	s.tellOfRing(ctx, t, &running)
	tr.start(ctx, &running)
	tr.startAgents(ctx, &running)
	samples := tr.sample(t, took)
	cancel()
	running.Wait()

	var findings []Finding
	for _, series := range samples.series(took < longRun) {
		f, err := Judge(series)
		if err != nil {
			t.Error(err)
			continue
		}
		findings = append(findings, f)
		if f.Grows {
			t.Errorf("%s grows", f.Name)
		}
	}
	t.Logf("\n%s", Table(findings))
	tr.check(t, took)
	if took >= longRun {
		tr.checkSwept(t)
	}
	s.stop(t)
}

// samples are what was measured, by name, a value for each time.
type samples map[string][]float64

// The names in /metrics, and those of what is measured from outside.
const (
	resident   = "process_resident_memory_bytes"
	heap       = "go_memstats_next_gc_bytes" // twice what lived at the last collection
	goroutines = "go_goroutines"
	handles    = "process_open_fds"
	proofs     = "latchkey_proofs_remembered"
	disk       = "size of the database"
	perPace    = "proofs per refresh in a second"
)

// longRun is how long a run takes at least in which the server sweeps, which it does every minute, and comes to rest.
const longRun = 3 * time.Minute

// series returns what is judged, and how. In a short run much is still filling.
func (m samples) series(short bool) []Series {
	const mib = 1 << 20
	slack := float64(mib)
	if short {
		slack *= 3
	}
	return []Series{
		{Name: "resident memory", Values: m[resident], Scale: mib, Unit: "MiB", Growth: 0.10, Slack: 4 * slack},
		{Name: "heap goal", Values: m[heap], Scale: mib, Unit: "MiB", Growth: 0.15, Slack: 2 * slack},
		{Name: "goroutines", Values: m[goroutines], Scale: 1, Unit: "", Growth: 0.1, Slack: 10},
		{Name: "file handles", Values: m[handles], Scale: 1, Unit: "", Growth: 0.1, Slack: 10},
		{Name: "proofs remembered", Values: m[perPace], Scale: 1, Unit: "s", Growth: 0.3, Slack: 1},
		{Name: "database", Values: m[disk], Scale: mib, Unit: "MiB", Growth: 0.15, Slack: 1.5 * slack},
	}
}

// sample measures at even times until the run is over.
func (tr *traffic) sample(t *testing.T, took time.Duration) samples {
	t.Helper()
	m := samples{}
	const pace = 5 * time.Second // as long as a proof is remembered, about
	type moment struct {
		at        time.Time
		refreshes int64
	}
	recent := []moment{{time.Now(), 0}}
	tick := time.NewTicker(max(took/200, 100*time.Millisecond))
	defer tick.Stop()
	for end := time.Now().Add(took); time.Now().Before(end); <-tick.C {
		values, err := tr.scrape()
		if err != nil {
			t.Fatalf("metrics: %v", err)
		}
		for _, name := range []string{resident, heap, goroutines, handles, proofs} {
			m[name] = append(m[name], values[name])
		}
		size, err := tr.size(t.Context())
		if err != nil {
			t.Fatalf("size: %v", err)
		}
		m[disk] = append(m[disk], size)
		recent = append(recent, moment{time.Now(), tr.refreshes.Load()})
		for len(recent) > 2 && time.Since(recent[1].at) > pace {
			recent = recent[1:]
		}
		last := recent[len(recent)-1]
		rate := float64(last.refreshes-recent[0].refreshes) / last.at.Sub(recent[0].at).Seconds()
		m[perPace] = append(m[perPace], values[proofs]/max(rate, 1))
	}
	return m
}

// scrape asks /metrics, and fails where one of the values is missing.
func (s *site) scrape() (map[string]float64, error) {
	r, err := s.client.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	values := map[string]float64{}
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		name, text, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(text, 64); ok && err == nil {
			values[name] = v
		}
	}
	return values, lines.Err()
}

// checkSwept fails the test when rows are left that have been over for long, so that a database that stays small by chance
// does not pass.
func (tr *traffic) checkSwept(t *testing.T) {
	t.Helper()
	st, err := tr.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	// What a sweep may leave: a minute of the real time, half an hour more that rows are kept, and some reserve.
	oldest := tr.now().Add(-(90*time.Second*speed + time.Hour))
	for _, p := range []store.Part{store.PartSessions, store.PartSteps, store.PartEvents, store.PartGenerations, store.PartDynamicClients, store.PartNotices} {
		rows, old := 0, 0
		for r, err := range st.Contents(t.Context(), p) {
			if err != nil {
				t.Fatal(err)
			}
			rows++
			if ended(r).Before(oldest) {
				old++
			}
		}
		t.Logf("%d %v in the database", rows, p)
		if old > 0 || rows == 0 && p != store.PartSteps {
			t.Errorf("%d of %d %v were over at %v and should have been swept", old, rows, p, oldest)
		}
	}
}

// ended returns when a record was over, or happened.
func ended(r store.Record) time.Time {
	switch v := r.Value.(type) {
	case signin.Session:
		return v.End
	case store.StepReport:
		return v.End
	case store.Generation:
		return v.End
	case store.DynamicClient:
		return v.Expires
	case signin.Notice:
		return v.Expires
	case store.AuditEvent:
		return v.At.Add(time.Hour)
	}
	return time.Time{}
}
