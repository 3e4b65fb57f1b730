package deploy

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
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

// process is a running server.
type process struct {
	base string // the URL that it said it is ready at
	log  *output
}

// start runs a command that ends up as a server, and returns when it says that it is ready. It is stopped with the test,
// at the end of which it must exit in good order.
func start(t *testing.T, command *exec.Cmd) process {
	t.Helper()
	log := &output{ready: make(chan struct{})}
	command.Stdout, command.Stderr = log, log
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	// The kernel ends it with the thread that started it, so that a test that is killed leaves nothing behind.
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	exited := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		exited <- command.Run()
	}()
	select {
	case <-log.ready:
	case err := <-exited:
		t.Fatalf("%v: %v\n%s", command.Args, err, log)
	case <-time.After(patience):
		t.Fatalf("%v: not ready after %v\n%s", command.Args, patience, log)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("%v after SIGTERM: %v\n%s", command.Args, err, log)
			}
		case <-time.After(patience):
			command.Process.Kill()
			t.Errorf("%v still runs %v after SIGTERM", command.Args, patience)
		}
	})
	return process{base: readyLine.FindStringSubmatch(log.String())[1], log: log}
}

// get returns status and body of a GET request.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// developer returns the command of a server for development, with metrics, whose settings are config beside that.
func developer(t *testing.T, config string) *exec.Cmd {
	t.Helper()
	settings := put(t, "settings.yaml", "metrics_listen: 127.0.0.1:0\n"+config)
	return exec.Command(bin, "dev", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--config", settings)
}

// metrics returns what /metrics of the server says.
func (p process) metrics(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`http://[0-9.:]+/metrics`).FindString(p.log.String())
	if found == "" {
		t.Fatalf("the log does not say where the metrics are:\n%s", p.log)
	}
	_, text := get(t, found)
	return text
}

// until waits until ok, and fails the test where that does not come.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// output keeps what a process prints, and tells when it printed a line "ready URL".
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
	once  sync.Once
}

var readyLine = regexp.MustCompile(`(?m)^ready (\S+)\n`)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if readyLine.Match(o.text.Bytes()) {
		o.once.Do(func() { close(o.ready) })
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// needRoot skips a test that becomes somebody else, which only root can.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "needs to be root")
	}
}

// lines returns the lines of text that are not empty.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}
