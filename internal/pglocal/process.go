package pglocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// startLimit is how long a server may take until it lets clients in; a recovery after Kill is part of it.
	startLimit = 60 * time.Second
	// stopLimit is how long a server may take to end before it is killed.
	stopLimit = 15 * time.Second
	// look is how often the state of a server is asked while something is waited for.
	look = 10 * time.Millisecond
)

var errPortTaken = errors.New("somebody else has taken the port")

// run is one process of the server, from its start to its end.
type run struct {
	cmd    *exec.Cmd
	log    string        // file of its output
	exited chan struct{} // closed: the process is gone
}

// program runs a program of PostgreSQL to its end.
func (s *Server) program(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.binaries, name), args...)
	if err := s.dress(cmd); err != nil {
		return err
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w; %s", name, err, lastLines(said))
	}
	return nil
}

// dress gives cmd the user, the folder and the environment of a server.
func (s *Server) dress(cmd *exec.Cmd) (err error) {
	cmd.Dir = s.folder // the folder of this program may be closed to the user
	cmd.Env = []string{"PATH=" + s.binaries + string(os.PathListSeparator) + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr, err = attributes()
	return err
}

// arguments are those of postgres. What is given here cannot be changed by a file that a standby copies.
func (s *Server) arguments() []string {
	args := []string{"-D", s.data()}
	settings := map[string]string{
		"listen_addresses": s.address,
		"port":             fmt.Sprint(s.port),
		// No socket in a folder that others share, and no segment of shared memory that outlives Kill.
		"unix_socket_directories":    "",
		"dynamic_shared_memory_type": "mmap",
		"max_connections":            "200",
		"jit":                        "off",
		"log_timezone":               "UTC",
	}
	for name, value := range s.settings {
		settings[name] = value
	}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// start starts the process and waits until it lets clients in.
func (s *Server) start(ctx context.Context) error {
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(filepath.Join(s.binaries, "postgres"), s.arguments()...)
	if err := s.dress(cmd); err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	r := &run{cmd: cmd, log: log.Name(), exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the signal of a parent's death when the thread ends that started the process (prctl(2),
		// PR_SET_PDEATHSIG), so that thread stays until the process is gone.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(r.exited)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.setRun(r)
	if err := s.await(ctx, r); err != nil {
		return errors.Join(err, s.Kill())
	}
	return nil
}

// await waits until r lets clients in.
func (s *Server) await(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	var err error
	for {
		var c *pgx.Conn
		if c, err = pgx.Connect(ctx, s.URL("postgres")); err == nil {
			return c.Close(ctx)
		}
		select {
		case <-r.exited:
			said, _ := os.ReadFile(r.log)
			if bytes.Contains(said, []byte("Address already in use")) {
				return fmt.Errorf("%w %s", errPortTaken, s.Address())
			}
			return fmt.Errorf("postgres ended at its start; %s", lastLines(said))
		case <-ctx.Done():
			said, _ := os.ReadFile(r.log)
			return fmt.Errorf("postgres does not let clients in: %w; %s", err, lastLines(said))
		case <-tick.C:
		}
	}
}

// Restart starts the server again at its old address, having stopped it where it runs.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return fmt.Errorf("restart PostgreSQL in %s: %w", s.folder, err)
	}
	return nil
}

// Kill ends all processes of the server as a loss of power would, and returns when they are gone. The data stay, for
// Restart. It is no error when the server does not run.
func (s *Server) Kill() error {
	r := s.setRun(nil)
	if r == nil {
		return nil
	}
	children, err := freeze(r.cmd.Process)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill PostgreSQL in %s: %w", s.folder, err)
	}
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill PostgreSQL in %s: %w", s.folder, err)
	}
	<-r.exited
	if err := killAll(children); err != nil {
		return fmt.Errorf("kill PostgreSQL in %s: %w", s.folder, err)
	}
	removeSegment(s.data())
	return nil
}

// Stop ends the server in order: clients are cut off, what they had begun is undone, and the data are complete on disk.
// It is no error when the server does not run. A server that does not end within 15 s is killed, and that is an error.
func (s *Server) Stop() error {
	s.mu.Lock()
	r := s.run
	s.mu.Unlock()
	if r == nil {
		return nil
	}
	// SIGINT is PostgreSQL's fast shutdown; a system without signals gets Kill.
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return s.Kill()
	}
	patience := time.NewTimer(stopLimit)
	defer patience.Stop()
	select {
	case <-r.exited:
		s.setRun(nil)
		return nil
	case <-patience.C:
		said, _ := os.ReadFile(r.log)
		return errors.Join(fmt.Errorf("PostgreSQL in %s did not stop within %v; %s", s.folder, stopLimit, lastLines(said)), s.Kill())
	}
}

// Log returns what the server has said since its last start.
func (s *Server) Log() string {
	said, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(said)
}

// PID returns the process that all others of the server descend from, 0 when the server does not run.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return 0
	}
	return s.run.cmd.Process.Pid
}

// setRun notes r as the process of the server, and returns the one before.
func (s *Server) setRun(r *run) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.run
	s.run = r
	return before
}

// quote returns text as a literal of SQL.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
