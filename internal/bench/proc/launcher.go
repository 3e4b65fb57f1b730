package proc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Launcher starts child processes and sees to it that none is left.
type Launcher struct {
	dir    string
	spawns chan func()

	mu       sync.Mutex
	children []*Process
}

// NewLauncher returns a launcher whose children write their logs into dir. Close it.
//
// All children are started from one thread that lives as long as the launcher: the kernel sends the parent-death signal
// when the *thread* that forked ends (prctl(2), PR_SET_PDEATHSIG), and the runtime is free to end any other.
func NewLauncher(dir string) *Launcher {
	l := &Launcher{dir: dir, spawns: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked, so the thread ends with this goroutine
		for start := range l.spawns {
			start()
		}
	}()
	return l
}

// Start runs the program with args. What it writes goes to a new file whose name begins with name, in the launcher's
// folder.
//
// The process is killed when ctx ends or the launcher is closed, and by the kernel when this program dies without a
// chance to do so (Linux).
func (l *Launcher) Start(ctx context.Context, name, program string, args ...string) (*Process, error) {
	log, err := os.CreateTemp(l.dir, name+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("log file of %s: %w", name, err)
	}
	defer log.Close() // the child has its own descriptor

	p := &Process{Name: name, log: log.Name(), exited: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, program, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error, 1)
	l.spawns <- func() {
		p.Started = time.Now()
		started <- p.cmd.Start()
	}
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.exit = p.cmd.Wait()
		close(p.exited)
	}()
	l.mu.Lock()
	l.children = append(l.children, p)
	l.mu.Unlock()
	return p, nil
}

// Close kills every child that still runs and waits until all are gone. Start must not be called afterwards.
func (l *Launcher) Close() {
	close(l.spawns)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.children {
		p.cmd.Process.Kill() // an error means that it is gone
		<-p.exited
	}
}
