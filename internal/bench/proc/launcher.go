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

// Command is what a child runs.
type Command struct {
	Name    string // for errors, and of the log
	Program string
	Args    []string
	Env     []string // NAME=value, beside the variables of this program
	// OneCore keeps all threads of the child on one core, the last that this program may use (Linux; elsewhere an error).
	OneCore bool
}

// Start runs the program with args; it is Run with no more than that.
func (l *Launcher) Start(ctx context.Context, name, program string, args ...string) (*Process, error) {
	return l.Run(ctx, Command{Name: name, Program: program, Args: args})
}

// Run starts c and does not wait for it. What it writes goes to a new file whose name begins with that of c, in the
// launcher's folder.
//
// The process is killed when ctx ends or the launcher is closed, and by the kernel when this program dies without a
// chance to do so (Linux).
func (l *Launcher) Run(ctx context.Context, c Command) (*Process, error) {
	log, err := os.CreateTemp(l.dir, c.Name+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("log file of %s: %w", c.Name, err)
	}
	defer log.Close() // the child has its own descriptor

	p := &Process{Name: c.Name, log: log.Name(), exited: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, c.Program, c.Args...)
	p.cmd.Env = append(os.Environ(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error, 1)
	start := func() error {
		p.Started = time.Now()
		return p.cmd.Start()
	}
	l.spawns <- func() {
		if c.OneCore {
			started <- onOneCore(start)
			return
		}
		started <- start()
	}
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
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
