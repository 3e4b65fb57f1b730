package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/proc"
)

// Options say how much is measured. All fields are needed but where said.
type Options struct {
	// Server is the path of the latchkey program. Empty: it is built from the module of the working directory.
	Server string
	// Self is the path of this program, which is started again as the floor: Self floor ….
	Self string
	// Scratch is the folder that a temporary folder is made in. Empty: the system's. It should lie on the kind of disk
	// that a store would lie on, for a flush of a memory file system costs nothing.
	Scratch string
	// Only names the scenarios to run. Empty: all.
	Only []string

	Connections int           // kept-alive, each with one request at a time
	Rounds      int           // of each contestant
	Duration    time.Duration // of one round, about
	Sessions    int           // in the store that is not empty
	Refreshes   int           // before resident memory is read
	Starts      int           // before the median time to ready is taken
	// Judge sets verdicts. Without it a run shows only that everything works.
	Judge bool
	// Progress is told what goes on, a line each.
	Progress io.Writer
}

// readyLimit is how long a process may take to answer /healthz before the run is given up.
const readyLimit = 30 * time.Second

// lab is a run: its options, and what it made so far.
type lab struct {
	Options
	dir      string // everything the run writes
	launcher *proc.Launcher
	stores   map[storeKind]*dataDir
	postgres *database // nil: not started yet
}

// newLab makes the temporary folder. The lab must be closed.
func newLab(o Options) (*lab, error) {
	dir, err := os.MkdirTemp(o.Scratch, "latchkey-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	return &lab{Options: o, dir: dir, launcher: proc.NewLauncher(dir), stores: map[storeKind]*dataDir{}}, nil
}

// program returns the path of the latchkey program, which it builds at its first use unless one was given.
func (l *lab) program(ctx context.Context) (string, error) {
	if l.Server != "" {
		return l.Server, nil
	}
	l.say("building ./cmd/latchkey")
	path := filepath.Join(l.dir, "latchkey")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/latchkey")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ./cmd/latchkey (start this in the module's folder, or give the program with --server): %w\n%s", err, out)
	}
	l.Server = path
	return path, nil
}

// close ends all processes and deletes everything the run wrote.
func (l *lab) close() {
	if l.postgres != nil {
		l.postgres.server.Kill() // its data are deleted
	}
	l.launcher.Close()
	os.RemoveAll(l.dir)
}

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.Progress, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// freeAddress returns 127.0.0.1 and a port that nobody listened on a moment ago.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
