package browser

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// driver is an OAuth client in Node.js, which asks the person of a test to visit addresses; see js/talk.mjs.
type driver struct {
	name    string
	command *exec.Cmd
	lines   chan string
	stderr  *output
}

// startDriver runs one of the scripts in js. It ends with the test.
func startDriver(t *testing.T, name string, arguments ...string) *driver {
	t.Helper()
	if _, err := os.Stat(filepath.Join("js", "node_modules", ".installed")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no OAuth clients: %v; run test/browser/install.sh", err)
		}
		t.Skipf("no OAuth clients: %v; run test/browser/install.sh", err)
	}
	d := &driver{name: name, lines: make(chan string), stderr: &output{ready: make(chan struct{})}}
	d.command = exec.CommandContext(t.Context(), "node", append([]string{name + ".mjs"}, arguments...)...)
	d.command.Dir = "js"
	d.command.Stderr = d.stderr
	out, err := d.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.lines)
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			d.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		d.command.Process.Kill()
		for range d.lines {
		}
		d.command.Wait()
	})
	return d
}

// serve does what the client asks for until it is done: visit is called with every address that the person shall open. The
// result of the client goes into done.
func (d *driver) serve(t *testing.T, done any, visit func(address string)) {
	t.Helper()
	for {
		select {
		case line, ok := <-d.lines:
			if !ok {
				t.Fatalf("%s ended without a result\n%s", d.name, d.stderr)
			}
			var said struct {
				Visit, Failed string
				Done          json.RawMessage
			}
			if err := json.Unmarshal([]byte(line), &said); err != nil {
				t.Fatalf("%s said %q: %v", d.name, line, err)
			}
			switch {
			case said.Visit != "":
				visit(said.Visit)
			case said.Failed != "":
				t.Fatalf("%s failed: %s\n%s", d.name, said.Failed, d.stderr)
			default:
				if err := json.Unmarshal(said.Done, done); err != nil {
					t.Fatalf("%s: %v in %s", d.name, err, said.Done)
				}
				return
			}
		case <-time.After(2 * patience):
			t.Fatalf("%s says nothing more\n%s", d.name, d.stderr)
		}
	}
}

// redirectOf returns the redirect URI that an authorization URL names.
func redirectOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("redirect_uri") == "" {
		t.Fatalf("the client wants the person to open %q", address)
	}
	return u.Query().Get("redirect_uri")
}

// approve opens address as alice, who signs in where she is asked to, and lets the client in.
func (b *tab) approve(s *server, address, redirect, client, resource string) {
	b.t.Helper()
	b.allow(redirect)
	b.open(address)
	if b.part("h1") == "Sign in" {
		b.signIn(alice, s.password)
	}
	b.see("Allow access?")
	b.says(client, resource)
	b.choose("Developer")
	b.click("#allow")
	b.see("The client has its answer")
}

// refusal is what a client says of an answer that it did not want.
type refusal struct{ Name, Error, Message string }

// tokens are what a client got.
type tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
}

// wantTokens fails the test unless got is what the client of a resource gets.
func wantTokens(t *testing.T, got tokens, tokenType string) {
	t.Helper()
	if !strings.HasPrefix(got.AccessToken, "ASOA") || !strings.HasPrefix(got.RefreshToken, "ASOR") ||
		!strings.EqualFold(got.TokenType, tokenType) || got.ExpiresIn < 3500 || got.ExpiresIn > 3600 {
		t.Errorf("tokens = %+v, want ASOA…, ASOR…, %s, an hour", got, tokenType)
	}
}
