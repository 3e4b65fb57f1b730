package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sdk says whose errors a client reports.
type sdk int

const (
	goSDK   sdk = iota
	jsLogin     // JavaScript, told to use the login provider
	jsChain     // JavaScript, told nothing: the default chain tries one provider after the other
	python
)

// client is an SDK in one version.
type client struct {
	name string
	sdk  sdk
	argv []string
	// lock and stamp are equal when install.sh has installed this client; empty where it need not.
	lock, stamp string
}

// allClients are the clients that every test is about. Paths are below this folder.
func allClients() []client {
	var all []client
	for _, version := range []string{"newest", "oldest"} {
		js, venv := "js/"+version, "python/.venv/"+version
		lock, stamp := js+"/package-lock.json", js+"/node_modules/.installed"
		all = append(all,
			client{name: "go-" + version, sdk: goSDK, argv: []string{filepath.Join(bin, "go-"+version)}},
			client{name: "js-" + version, sdk: jsLogin, argv: []string{"node", "js/driver.mjs", js, "login"}, lock: lock, stamp: stamp},
			client{name: "js-chain-" + version, sdk: jsChain, argv: []string{"node", "js/driver.mjs", js, "chain"}, lock: lock, stamp: stamp},
			client{name: "python-" + version, sdk: python, argv: []string{venv + "/bin/python", "python/driver.py"},
				lock: "python/" + version + ".txt", stamp: venv + "/.installed"},
		)
	}
	return all
}

// clientNamed returns one of allClients.
func clientNamed(name string) client {
	all := allClients()
	return all[slices.IndexFunc(all, func(c client) bool { return c.name == name })]
}

// require skips the test where the client is not installed; where CI=true it fails it.
func (c client) require(t *testing.T) {
	t.Helper()
	if c.lock == "" {
		return
	}
	want, err := os.ReadFile(c.lock)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(c.stamp); err == nil && bytes.Equal(got, want) {
		return
	}
	reason := fmt.Sprintf("%s is not installed in the version of %s; run test/clients/install.sh", c.name, c.lock)
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// result is the line that a driver prints.
type result struct {
	OK          bool   `json:"ok"`
	AccessKeyID string `json:"accessKeyId"`
	ARN         string `json:"arn"`
	Account     string `json:"account"`
	Stage       string `json:"stage"` // where it failed: config, credentials or sts
	Name        string `json:"name"`
	Message     string `json:"message"`
}

// slots bounds how many drivers run at once; more would only make all of them slow.
var slots = make(chan struct{}, 4)

// run runs the client once in home h.
func (c client) run(t *testing.T, h home) result {
	t.Helper()
	slots <- struct{}{}
	defer func() { <-slots }()
	p := c.launch(t, h)
	return p.result(t)
}

// process is a driver that runs.
type process struct {
	client  client
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	stderr  bytes.Buffer
}

// launch starts the driver with further arguments.
func (c client) launch(t *testing.T, h home, arguments ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	argv := append(c.argv[1:len(c.argv):len(c.argv)], arguments...)
	p := &process{client: c, command: exec.CommandContext(ctx, c.argv[0], argv...)}
	p.command.Env = h.environment()
	p.command.Stderr = &p.stderr
	p.command.WaitDelay = time.Second
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(stdout)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// result waits for the driver's end and returns what it printed.
func (p *process) result(t *testing.T) result {
	t.Helper()
	text, readErr := io.ReadAll(p.stdout)
	if err := p.command.Wait(); err != nil || readErr != nil {
		t.Fatalf("%s: %v %v\n%s%s", p.client.name, err, readErr, text, p.stderr.String())
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%s printed %q: %v\n%s", p.client.name, text, err, p.stderr.String())
	}
	return r
}

// awaitReady returns when a driver that was launched with "wait" has loaded its SDK.
func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	if line, err := p.stdout.ReadString('\n'); strings.TrimSpace(line) != "ready" {
		p.command.Wait()
		t.Fatalf("%s printed %q, want ready: %v\n%s", p.client.name, line, err, p.stderr.String())
	}
}

// proceed lets a waiting driver go on.
func (p *process) proceed(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, "\n"); err != nil {
		t.Fatalf("%s: %v", p.client.name, err)
	}
}
