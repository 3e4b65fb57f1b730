package proc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, ctx context.Context, args ...string) *Process {
	t.Helper()
	program, err := exec.LookPath(args[0])
	if err != nil {
		t.Fatal(err)
	}
	l := NewLauncher(t.TempDir())
	t.Cleanup(l.Close)
	p, err := l.Start(ctx, "child", program, args[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The clock of a process must be that of the child: a parent's or thread's clock would make every ratio nonsense.
func TestCPUIsThatOfTheChild(t *testing.T) {
	p := start(t, t.Context(), "sh", "-c", "while :; do :; done")
	const enough = 30 * time.Millisecond
	deadline := time.Now().Add(10 * time.Second)
	var used time.Duration
	for used < enough && time.Now().Before(deadline) {
		var err error
		if used, err = p.CPU(); err != nil {
			t.Fatalf("CPU() = %v", err)
		}
	}
	if used < enough || used > time.Since(p.Started)+enough {
		t.Errorf("CPU() of a busy process = %s, want between %s and the %s since its start", used, enough, time.Since(p.Started))
	}
	idle := start(t, t.Context(), "sleep", "60")
	if used, err := idle.CPU(); err != nil || used > time.Second {
		t.Errorf("CPU() of a sleeping process = %s, %v, want close to 0", used, err)
	}
}

// A child on one core must see one, and the next child all of them: the affinity is the thread's, not the child's.
func TestOneCoreIsTheChildsAlone(t *testing.T) {
	program, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	l := NewLauncher(t.TempDir())
	t.Cleanup(l.Close)
	cores := func(one bool) string {
		p, err := l.Run(t.Context(), Command{
			Name: "cores", Program: program, Args: []string{"-c", "echo $WORD; nproc"}, Env: []string{"WORD=cores:"}, OneCore: one,
		})
		if err != nil {
			t.Fatal(err)
		}
		<-p.Exited()
		return strings.Join(strings.Fields(p.LastWords()), " ")
	}
	before := cores(false)
	if got, want := cores(true), "cores: 1"; got != want {
		t.Errorf("a child on one core says %q, want %q", got, want)
	}
	if after := cores(false); after != before {
		t.Errorf("the next child says %q, want %q", after, before)
	}
}

// A server that is many processes costs what all of them cost, also those that ended meanwhile.
func TestCPUOfATreeIsThatOfAll(t *testing.T) {
	const busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
	p := start(t, t.Context(), "sh", "-c", "sh -c '"+busy+"'; sh -c '"+busy+"; sleep 60' & wait")
	const enough = 40 * time.Millisecond // of which the first shell has nothing
	deadline := time.Now().Add(20 * time.Second)
	var tree time.Duration
	for tree < enough && time.Now().Before(deadline) {
		var err error
		if tree, err = Tree(p.PID()).CPU(); err != nil {
			t.Fatalf("CPU() = %v", err)
		}
	}
	alone, err := p.CPU()
	if err != nil || tree < enough || alone > tree/2 {
		t.Errorf("CPU() of the tree = %s, of the first process %s, %v; want above %s, and little", tree, alone, err, enough)
	}
}

func TestMemoryOfAChild(t *testing.T) {
	p := start(t, t.Context(), "sleep", "60")
	m, err := p.Memory()
	if err != nil || m.Resident <= 0 || m.Peak < m.Resident || m.Peak > 1<<30 {
		t.Errorf("Memory() = %+v, %v, want resident above 0, at most the peak, and below 1 GiB", m, err)
	}
}

func TestCancelledContextKillsTheChild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := start(t, ctx, "sleep", "60")
	cancel()
	<-p.Exited()
	if err := p.Stop(); err == nil {
		t.Error("Stop() of a killed process = nil, want an error")
	}
	if _, err := p.CPU(); err == nil {
		t.Error("CPU() of a process that is gone = nil error, want one")
	}
}

func TestStopTellsABadEnd(t *testing.T) {
	p := start(t, t.Context(), "sh", "-c", "echo no root key >&2; exit 1")
	_, err := p.Ready(t.Context(), "http://127.0.0.1:1/healthz", 10*time.Second)
	if err == nil || !strings.Contains(err.Error(), "no root key") {
		t.Errorf("Ready() = %v, want an error that shows what the process wrote", err)
	}
	if err := p.Stop(); err == nil || errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Stop() = %v, want the exit status", err)
	}
}

func TestClosedLauncherLeavesNoChild(t *testing.T) {
	program, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	l := NewLauncher(t.TempDir())
	p, err := l.Start(t.Context(), "child", program, "60")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	select {
	case <-p.Exited():
	default:
		t.Error("the child still runs after Close()")
	}
}
