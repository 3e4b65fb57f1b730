package cluster

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that must happen at all. What is slower than promised is told by the history.
const patience = 30 * time.Second

// node is one process of the server, and the links between it and the database.
type node struct {
	number  int
	binary  string
	config  string // its configuration file
	address string
	links   [2]*link
	env     []string
	log     *os.File
	// patient is the client for requests; impatient the one while the node is cut off and may never answer.
	patient, impatient *http.Client
	isCut              atomic.Bool

	mu   sync.Mutex
	cmd  *exec.Cmd     // nil: not running
	gone chan struct{} // closed: the process is gone
}

// newNode writes the configuration of a node; all nodes have the same but for where they listen, and their links.
func newNode(t *testing.T, number int, binary, dir, shared string, targets [2]string, env []string) *node {
	t.Helper()
	n := &node{number: number, binary: binary, config: filepath.Join(dir, fmt.Sprintf("node-%d.yaml", number)), env: env}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.1.%d:0", 1+number))
	if err != nil {
		t.Fatal(err)
	}
	n.address = l.Addr().String()
	l.Close()
	for i, target := range targets {
		n.links[i] = newLink(t, target)
	}
	url := urlThrough([2]string{n.links[0].address(), n.links[1].address()})
	text := fmt.Sprintf("listen: %s\ndatabase: {url: %q, connections: 8}\n%s", n.address, url, shared)
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if n.log, err = os.Create(filepath.Join(dir, fmt.Sprintf("node-%d.log", number))); err != nil {
		t.Fatal(err)
	}
	n.patient, n.impatient = newClient(6*time.Second), newClient(time.Second)
	t.Cleanup(func() {
		n.kill()
		n.patient.CloseIdleConnections()
		n.impatient.CloseIdleConnections()
		if t.Failed() {
			t.Logf("the end of the log of node %d:\n%s", number, tail(n.log.Name()))
		}
		n.log.Close()
	})
	return n
}

// newClient returns a client that takes it that no answer comes after a while.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
	}
}

// do sends a request to the node.
func (n *node) do(r *http.Request) (*http.Response, error) {
	if n.isCut.Load() {
		return n.impatient.Do(r)
	}
	return n.patient.Do(r)
}

// start starts the process and waits until it is ready.
func (n *node) start() error {
	cmd := exec.Command(n.binary, "serve", "--config", n.config)
	cmd.Env = append(os.Environ(), n.env...)
	cmd.Stderr = n.log
	cmd.SysProcAttr = attributes()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	began, gone := make(chan error, 1), make(chan struct{})
	ready := make(chan bool, 1)
	go func() {
		// The signal of the parent's death comes when the thread ends that started the process, so it stays.
		runtime.LockOSThread()
		err := cmd.Start()
		began <- err
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(out).ReadString('\n')
		ready <- strings.HasPrefix(line, "ready ")
		io.Copy(io.Discard, out)
		_ = cmd.Wait() // how it ended is in its log
		close(gone)
	}()
	if err := <-began; err != nil {
		return err
	}
	n.mu.Lock()
	n.cmd, n.gone = cmd, gone
	n.mu.Unlock()
	select {
	case ok := <-ready:
		if ok {
			return nil
		}
	case <-time.After(patience):
		n.kill()
	}
	return fmt.Errorf("node %d is not ready:\n%s", n.number, tail(n.log.Name()))
}

// kill ends the process with SIGKILL, where it runs.
func (n *node) kill() { n.end(syscall.SIGKILL) }

// stop ends the process with SIGTERM, which lets it drain.
func (n *node) stop() error {
	if !n.end(syscall.SIGTERM) {
		n.kill()
		return fmt.Errorf("node %d does not end after SIGTERM:\n%s", n.number, tail(n.log.Name()))
	}
	return nil
}

// end sends a signal and waits until the process is gone; false: it is still there.
func (n *node) end(signal syscall.Signal) bool {
	n.mu.Lock()
	cmd, gone := n.cmd, n.gone
	n.mu.Unlock()
	if cmd == nil {
		return true
	}
	if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return false
	}
	select {
	case <-gone:
		n.mu.Lock()
		n.cmd = nil
		n.mu.Unlock()
		return true
	case <-time.After(patience):
		return false
	}
}

// cut cuts the node off from the database; heal joins them again.
func (n *node) cut() {
	n.isCut.Store(true)
	for _, k := range n.links {
		k.set(cut, 0)
	}
}

func (n *node) heal(forget bool) {
	for _, k := range n.links {
		k.heal(forget)
	}
	n.isCut.Store(false)
}

// ready returns what /readyz says: the status, and the body.
func (n *node) ready() (int, string) {
	r, err := n.impatient.Get("http://" + n.address + "/readyz")
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(b)
}

// hears tells whether the node has heard from the database just now.
func (n *node) hears() bool {
	status, body := n.ready()
	return status == http.StatusOK && strings.Contains(body, `"notices":"ok"`)
}

// await waits until ok, and tells whether that came.
func await(ok func() bool) bool {
	end := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

// tail returns the last lines of a file.
func tail(path string) string {
	const most = 4 << 10
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(b) > most {
		b = b[len(b)-most:]
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return string(b)
}
