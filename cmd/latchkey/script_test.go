package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is also the latchkey command, when it is called by that name. So scripts run the real thing.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"latchkey": main})
}

// The scripts in testdata/script say what is typed and what must come of it. Beside the commands of testscript they have
//
//	exits CODE program args…   run it, and want that exit code
//	start NAME program args…   run a server until it is ready; NAME_addr is its address
//	end NAME                   end it with SIGTERM, and want exit code 0; its output is in NAME.out and NAME.log
//	get URL [HOST]             ask a server; the status and the body are in the file answer
//	post URL FILE              send a file as JSON
//	mode PERM file…            want those permissions
//	newer DATABASE             make it one that a newer version wrote
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            time.Now().Add(5 * time.Minute), // for what should be refused and runs instead
		Setup: func(e *testscript.Env) error {
			e.Values[processes{}] = map[string]*process{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "start": start, "end": end, "get": get, "post": post, "mode": mode, "newer": newer,
		},
	})
}

// exits is not [!] exec, because a script must tell a wrong call from a failure.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args…")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// processes is the key of the servers that a script started.
type processes struct{}

// process is a server that runs.
type process struct {
	cmd      *exec.Cmd
	out, log watched
	ended    chan error
}

// watched keeps what a process writes and tells when a line is there.
type watched struct {
	mu      sync.Mutex
	text    bytes.Buffer
	pattern *regexp.Regexp
	found   chan string // the first group of pattern
	next    io.Writer   // gets what comes, too
}

func newWatched(pattern string) watched {
	return watched{pattern: regexp.MustCompile(pattern), found: make(chan string, 1)}
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	if w.pattern != nil {
		if m := w.pattern.FindSubmatch(w.text.Bytes()); m != nil {
			w.found <- string(m[1])
			w.pattern = nil
		}
	}
	if w.next != nil {
		return w.next.Write(b)
	}
	return len(b), nil
}

// also passes on to next what comes from now on.
func (w *watched) also(next io.Writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = next
}

func (w *watched) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.text.Bytes())
}

// patience is more than any step of a script takes, also under the race detector on a busy machine.
const patience = 60 * time.Second

// launch starts a server and waits until it is ready, and tells its URL and the address that it listens on.
func launch(cmd *exec.Cmd) (p *process, url, addr string, err error) {
	p = &process{
		cmd: cmd, out: newWatched(`(?m)^ready (http\S+)\n`), log: newWatched(`ready.*listen"?[:=]"?([0-9.:\[\]]+)`), ended: make(chan error, 1),
	}
	cmd.Stdout, cmd.Stderr = &p.out, &p.log
	if err := cmd.Start(); err != nil {
		return nil, "", "", err
	}
	go func() { p.ended <- cmd.Wait() }()
	for _, wait := range []struct {
		found chan string
		value *string
	}{{p.out.found, &url}, {p.log.found, &addr}} {
		select {
		case *wait.value = <-wait.found:
		case err := <-p.ended:
			return p, "", "", fmt.Errorf("ended before it was ready: %v\n%s%s", err, p.out.bytes(), p.log.bytes())
		case <-time.After(patience):
			cmd.Process.Kill()
			return p, "", "", fmt.Errorf("is not ready:\n%s%s", p.out.bytes(), p.log.bytes())
		}
	}
	return p, url, addr, nil
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME program args…")
	}
	name := args[0]
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "TMPDIR", "HOME", "LATCHKEY_CONFIG", "ROOT_KEY"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	p, url, addr, err := launch(cmd)
	if err != nil {
		ts.Fatalf("%s %v", name, err)
	}
	ts.Defer(func() { cmd.Process.Kill() })
	ts.Value(processes{}).(map[string]*process)[name] = p
	ts.Setenv(name+"_url", url)
	ts.Setenv(name+"_addr", addr)
	p.save(ts, name)
}

// save writes what the process has written so far to NAME.out and NAME.log.
func (p *process) save(ts *testscript.TestScript, name string) {
	ts.Check(os.WriteFile(ts.MkAbs(name+".out"), p.out.bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(name+".log"), p.log.bytes(), 0o600))
}

func end(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value(processes{}).(map[string]*process)[args[0]]
	if neg || p == nil {
		ts.Fatalf("usage: end NAME of what was started")
	}
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-p.ended:
		p.save(ts, args[0])
		if err != nil {
			ts.Fatalf("%s ended with %v, want exit code 0\n%s", args[0], err, p.log.bytes())
		}
	case <-time.After(patience):
		ts.Fatalf("%s does not stop:\n%s", args[0], p.log.bytes())
	}
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	r, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	if len(args) > 1 {
		r.Host = args[1]
	}
	ask(ts, r)
}

func post(ts *testscript.TestScript, neg bool, args []string) {
	r, err := http.NewRequest(http.MethodPost, args[0], strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	ask(ts, r)
}

func ask(ts *testscript.TestScript, r *http.Request) {
	client := http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := client.Do(r)
	ts.Check(err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("answer"), fmt.Appendf(nil, "%d\n%s\n%s\n", a.StatusCode, a.Header.Get("Location"), body), 0o600))
	client.CloseIdleConnections()
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := info.Mode().Perm(); got != fs.FileMode(want) {
			ts.Fatalf("%s has mode %o, want %s", file, got, args[0])
		}
	}
}

func newer(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(`INSERT INTO schema_migrations (version, name, applied_ms) SELECT max(version) + 1, 'of-a-newer-version', 0 FROM schema_migrations`)
	ts.Check(err)
}
