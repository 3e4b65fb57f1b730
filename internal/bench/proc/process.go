package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// stopGrace is how long a process may take from SIGTERM to its end before it is killed.
const stopGrace = 10 * time.Second

// Process is a child of a Launcher.
type Process struct {
	Name    string
	Started time.Time // just before it was spawned

	cmd    *exec.Cmd
	log    string        // file that both outputs go to
	exited chan struct{} // closed once the process is gone and exit is set
	exit   error
}

// PID returns the number that the kernel gave the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ready asks url every few milliseconds until it answers 200, and returns the time from the start of the process to
// that answer. The error of a process that ended, or did not answer within limit, shows the end of its log.
func (p *Process) Ready(ctx context.Context, url string, limit time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// A connection per try: nothing listens at first, and nothing of this may be left over when the load begins.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if answersOK(ctx, client, url) {
			return time.Since(p.Started), nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return 0, fmt.Errorf("%s ended before it was ready (%v); its last words:\n%s", p.Name, p.exit, p.LastWords())
		case <-ctx.Done():
			return 0, fmt.Errorf("%s was not ready at %s (%w); its last words:\n%s", p.Name, url, ctx.Err(), p.LastWords())
		}
	}
}

func answersOK(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Stop asks the process to end with SIGTERM, waits, and kills it after ten seconds. It returns an error unless the
// process ended by itself with status 0. A second call returns the same.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.cmd.Process.Kill()
	}
	patience := time.NewTimer(stopGrace)
	defer patience.Stop()
	select {
	case <-p.exited:
	case <-patience.C:
		p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("%s did not end within %s of SIGTERM and was killed; its last words:\n%s", p.Name, stopGrace, p.LastWords())
	}
	if p.exit != nil {
		return fmt.Errorf("%s ended with %w; its last words:\n%s", p.Name, p.exit, p.LastWords())
	}
	return nil
}

// Exited is closed once the process is gone.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// LastWords returns the last lines that the process wrote, at most 2 KiB.
func (p *Process) LastWords() string {
	const most = 2 << 10
	f, err := os.Open(p.log)
	if err != nil {
		return "(no " + filepath.Base(p.log) + ")"
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		f.Seek(max(0, size-most), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(f, most))
	return string(bytes.TrimSpace(text))
}
