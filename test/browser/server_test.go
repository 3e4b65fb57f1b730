package browser

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that takes a moment on an idle machine.
const patience = 30 * time.Second

// What the sample of a development server is called.
const (
	account = "111122223333"
	alice   = "alice"
)

// server is a running `latchkey dev`, with alice, who can be Developer and ReadOnly.
type server struct {
	base     string // http://127.0.0.1:port
	password string // of alice

	data    string // its data directory
	command *exec.Cmd
	log     *output
	exited  chan error
}

// start runs a server whose settings differ from the defaults by config, a piece of YAML. It ends with the test.
func start(t *testing.T, config string) *server {
	t.Helper()
	needBrowser(t)
	s := &server{}
	s.run(t, "127.0.0.1:0", config)
	t.Cleanup(func() { s.stop(t) })
	return s
}

// run starts the process on an empty data directory, and returns when it says that it is ready.
func (s *server) run(t *testing.T, listen, config string) {
	t.Helper()
	s.data = t.TempDir()
	arguments := []string{"dev", "--listen", listen, "--data", s.data}
	if config != "" {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, "--config", path)
	}
	s.command = exec.Command(filepath.Join(bin, "latchkey"), arguments...)
	s.log = &output{ready: make(chan struct{})}
	s.command.Stdout, s.command.Stderr = s.log, s.log
	s.exited = make(chan error, 1)
	go live(s.command, s.exited)
	select {
	case <-s.log.ready:
	case err := <-s.exited:
		t.Fatalf("latchkey dev: %v\n%s", err, s.log)
	case <-time.After(patience):
		t.Fatalf("latchkey dev: not ready after %v\n%s", patience, s.log)
	}
	s.base, s.password = s.log.word("ready"), s.log.word("password")
}

// live runs the command to its end. The thread is kept for it, because bind ties the process to it.
func live(command *exec.Cmd, exited chan<- error) {
	runtime.LockOSThread()
	bind(command)
	exited <- command.Run()
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

// startAfresh ends the server and starts another at the same address, with keys and people of its own.
func (s *server) startAfresh(t *testing.T) {
	t.Helper()
	if err := s.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	s.run(t, strings.TrimPrefix(s.base, "http://"), "")
}

// admin runs a command of latchkey on the running server's store, and returns what it prints.
func (s *server) admin(t *testing.T, arguments ...string) string {
	t.Helper()
	arguments = append(arguments, "--config", filepath.Join(s.data, "latchkey.yaml"))
	command := exec.CommandContext(t.Context(), filepath.Join(bin, "latchkey"), arguments...)
	text, err := command.Output()
	if err != nil {
		t.Fatalf("latchkey %s: %v\n%s", strings.Join(arguments, " "), err, text)
	}
	return strings.TrimSpace(string(text))
}

// addPerson adds a person with roles of the sample account and returns the password.
func (s *server) addPerson(t *testing.T, name string, roles ...string) string {
	t.Helper()
	password := s.admin(t, "user", "add", name, "--generate")
	for _, role := range roles {
		s.admin(t, "role", "assign", account, role, name)
	}
	return password
}

// output keeps what a process prints, and tells when it printed a line "ready URL".
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
	once  sync.Once
}

var readyLine = regexp.MustCompile(`(?m)^ready \S+\n`)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if readyLine.Match(o.text.Bytes()) {
		o.once.Do(func() { close(o.ready) })
	}
	return len(p), nil
}

// String returns the last 8 KiB.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.Bytes()
	return string(text[max(0, len(text)-8<<10):])
}

// word returns what follows name on the first line that begins with it.
func (o *output) word(name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.Lines(o.text.String()) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
			return fields[1]
		}
	}
	return fmt.Sprintf("(latchkey printed no %s)", name)
}
