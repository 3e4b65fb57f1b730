package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A deployment ends the old server while people sign in: what is under way is finished, and nothing new is begun.
func TestRequestsUnderWayAreFinished(t *testing.T) {
	p, url, addr, err := launch(exec.Command("latchkey", "dev", "--listen", "127.0.0.1:0", "--auto-approve", "--data", t.TempDir()))
	if err != nil {
		t.Fatalf("the server %v", err)
	}
	defer p.cmd.Process.Kill()
	// The server says 100 Continue when it begins to read the body, and so that the request is under way.
	body := `{"clientId":"arn:aws:signin:::devtools/same-device","grantType":"refresh_token"}`
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "POST /v1/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", strings.TrimPrefix(url, "http://"), len(body))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("the server says %q, %v, want 100 Continue", line, err)
	}
	answers.ReadString('\n')

	stopping := newWatched(`(stopping)`)
	p.log.also(&stopping)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stopping.found:
	case <-time.After(patience):
		t.Fatalf("the server does not stop:\n%s", p.log.bytes())
	}
	fmt.Fprint(conn, body)
	r, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the request under way was cut off: %v", err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "DPoP") {
		t.Errorf("the request under way was answered %d %s, %v, want 400 for its missing proof", r.StatusCode, text, err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("the server ended with %v, want exit code 0", err)
		}
	case <-time.After(patience):
		t.Fatalf("the server does not end:\n%s", p.log.bytes())
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the address still answers")
	}
	if log := string(p.log.bytes()); !strings.Contains(log, "outcome=ProofMissing") || !strings.Contains(log, "msg=stopped") {
		t.Errorf("the log lacks the last request or the end:\n%s", log)
	}
}
