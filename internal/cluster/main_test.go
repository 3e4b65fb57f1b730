package cluster

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// plan is what the environment asks of a run.
type plan struct {
	seed   uint64
	rounds int
	span   time.Duration // how long the load lasts on each side of a fault
}

// planned reads the environment, and prints how to repeat the run.
func planned(t *testing.T) plan {
	t.Helper()
	p := plan{seed: rand.Uint64(), rounds: 1, span: 300 * time.Millisecond}
	if s := os.Getenv("LATCHKEY_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("LATCHKEY_SEED: %v", err)
		}
		p.seed = n
	}
	if s := os.Getenv("LATCHKEY_CLUSTER_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			t.Fatalf("LATCHKEY_CLUSTER_ROUNDS = %q, want 1 to 1000", s)
		}
		p.rounds = n
	}
	if s := os.Getenv("LATCHKEY_CLUSTER_SECONDS"); s != "" {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f <= 0 || f > 600 {
			t.Fatalf("LATCHKEY_CLUSTER_SECONDS = %q, want above 0, at most 600", s)
		}
		p.span = time.Duration(f * float64(time.Second))
	}
	again := fmt.Sprintf("LATCHKEY_SEED=%d LATCHKEY_CLUSTER_ROUNDS=%d LATCHKEY_CLUSTER_SECONDS=%g go test -count=1 -v -run '^%s$' ./internal/cluster",
		p.seed, p.rounds, p.span.Seconds(), t.Name())
	t.Logf("to repeat: %s", again)
	return p
}

// random returns the random numbers for one purpose of a run. Each purpose has its own, so that what one does more or
// less often changes nothing for the others.
func (p plan) random(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(p.seed, purpose)) }

// build compiles the program for rehearsals into dir.
func build(t *testing.T, dir string) (binary string) {
	t.Helper()
	binary = filepath.Join(dir, "latchkey")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "rehearsal", "-o", binary, "github.com/latchkey-id/latchkey/cmd/latchkey")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}
