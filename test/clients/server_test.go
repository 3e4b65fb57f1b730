package clients

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that takes a moment on an idle machine.
const patience = 30 * time.Second

// server is a running `latchkey dev --auto-approve`.
type server struct {
	base   string // http://127.0.0.1:port
	data   string // its data directory
	config string // the file that start wrote, or empty

	command *exec.Cmd
	log     *output
	exited  chan error
}

// start runs a server whose settings differ from the defaults by config, a piece of YAML. It ends with the test.
func start(t *testing.T, config string) *server {
	t.Helper()
	s := &server{data: t.TempDir()}
	if config != "" {
		s.config = filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.run(t, "127.0.0.1:0")
	t.Cleanup(func() { s.stop(t) })
	return s
}

// run starts the process and returns when it says that it is ready.
func (s *server) run(t *testing.T, listen string) {
	t.Helper()
	arguments := []string{"dev", "--auto-approve", "--listen", listen, "--data", s.data}
	if s.config != "" {
		arguments = append(arguments, "--config", s.config)
	}
	s.command = exec.Command(filepath.Join(bin, "latchkey"), arguments...)
	s.log = &output{ready: make(chan string, 1)}
	s.command.Stdout, s.command.Stderr = s.log, s.log
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	go func(command *exec.Cmd, exited chan<- error) { exited <- command.Wait() }(s.command, s.exited)
	select {
	case s.base = <-s.log.ready:
	case err := <-s.exited:
		t.Fatalf("latchkey %s: %v\n%s", strings.Join(arguments, " "), err, s.log)
	case <-time.After(patience):
		s.command.Process.Kill()
		t.Fatalf("latchkey %s: not ready after %v\n%s", strings.Join(arguments, " "), patience, s.log)
	}
}

// stop asks the server to end, and fails the test where it does not do so in good order.
func (s *server) stop(t *testing.T) {
	s.command.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.exited:
		if err != nil {
			t.Errorf("latchkey after SIGTERM: %v, want exit 0", err)
		}
	case <-time.After(patience):
		s.command.Process.Kill()
		t.Errorf("latchkey still runs %v after SIGTERM", patience)
	}
	if t.Failed() {
		t.Logf("what the server said:\n%s", s.log)
	}
}

// restart kills the server as a loss of power would, and starts it again at the same address.
func (s *server) restart(t *testing.T) {
	t.Helper()
	if err := s.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	s.run(t, strings.TrimPrefix(s.base, "http://"))
}

// admin runs a command of latchkey on the running server's store.
func (s *server) admin(t *testing.T, input string, arguments ...string) {
	t.Helper()
	arguments = append(arguments, "--config", filepath.Join(s.data, "latchkey.yaml"))
	command := exec.CommandContext(t.Context(), filepath.Join(bin, "latchkey"), arguments...)
	command.Stdin = strings.NewReader(input)
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("latchkey %s: %v\n%s", strings.Join(arguments, " "), err, text)
	}
}

// output keeps what a process prints, and tells of the line "ready URL".
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	found bool
	ready chan string
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if !o.found {
		lines := bufio.NewScanner(bytes.NewReader(o.text.Bytes()))
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				o.found = true
				o.ready <- url
			}
		}
	}
	return len(p), nil
}

// String returns the last 16 KiB.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.Bytes()
	return string(text[max(0, len(text)-16<<10):])
}

// find returns the first line that holds all of texts, or nothing.
func (o *output) find(texts ...string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.Lines(o.text.String()) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			return line
		}
	}
	return ""
}
