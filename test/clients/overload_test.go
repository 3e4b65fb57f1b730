package clients

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// TestHastyClientsWait: requests that come faster than the limit allows wait their turn, for most clients give up on the
// first 429.
func TestHastyClientsWait(t *testing.T) {
	t.Parallel()
	s := start(t, "limits: {address: {per_second: 4, burst: 1}, wait: 30s}\n")
	for _, c := range allClients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.require(t)
			session := login(t, s, awslogin.Options{})
			h := newHome(t, s, session)
			h.expire(t)
			wantIdentity(t, c, c.run(t, h), session)
		})
	}
}

// TestOverload: the server has one place for token requests, and a login holds it, because another process has locked the
// database. The clients get 503, and when they may try again and the place is free by then, credentials. The login
// itself gets 500 in the end, and succeeds when the same request comes again: its code is not spent.
func TestOverload(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"newest", "oldest"} { // apart, so that all are quick enough for the login to outlast them
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var clients []client
			for _, c := range allClients() {
				c.require(t)
				if strings.HasSuffix(c.name, version) {
					clients = append(clients, c)
				}
			}
			testOverload(t, clients)
		})
	}
}

func testOverload(t *testing.T, clients []client) {
	s := start(t, "limits: {in_flight: 1}\n")
	sessions := make([]*awslogin.Session, len(clients))
	for i := range clients {
		sessions[i] = login(t, s, awslogin.Options{})
	}
	grant, err := awslogin.Authorize(t.Context(), s.base, awslogin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Once with a single attempt, so that the client shows what it makes of 503, and once as clients are by default.
	hasty := launchAll(t, s, clients, sessions, "AWS_MAX_ATTEMPTS=1")
	patient := launchAll(t, s, clients, sessions)

	unlock := lockDatabase(t, s)
	redeemed := occupy(t, sessions[0], grant.Redeem)
	for _, p := range hasty {
		p.proceed(t)
	}
	for i, p := range hasty {
		wantOutcome(t, clients[i], p.result(t), unnamed("ServiceUnavailableException")[clients[i].sdk])
	}
	wantRefusal(t, "Redeem() with the database locked", <-redeemed, "500 InternalServerException server_error")

	redeemed = occupy(t, sessions[0], grant.Retry)
	for _, p := range patient {
		p.proceed(t)
	}
	time.Sleep(1200 * time.Millisecond) // a request waits a second for its place, then the client backs off
	unlock()
	if err := <-redeemed; err != nil {
		t.Errorf("Retry() after the lock = %v, want success", err)
	}
	for i, p := range patient {
		wantIdentity(t, clients[i], p.result(t), sessions[i])
	}
}

// occupy begins a redemption, and returns when it holds the only place of the server, so that refreshes get 503. The
// redemption's error comes in the channel.
func occupy(t *testing.T, refresher *awslogin.Session, redeem func(context.Context) (*awslogin.Session, error)) <-chan error {
	t.Helper()
	redeemed := make(chan error, 1)
	go func() {
		_, err := redeem(t.Context())
		redeemed <- err
	}()
	awaitRefusal(t, refresher, "503 ServiceUnavailableException service_unavailable")
	return redeemed
}

// launchAll starts every client in a home of its own, with an expired cache and the environment extra, and returns when
// all have loaded their SDK.
func launchAll(t *testing.T, s *server, clients []client, sessions []*awslogin.Session, extra ...string) []*process {
	t.Helper()
	all := make([]*process, len(clients))
	for i, c := range clients {
		h := newHome(t, s, sessions[i])
		h.extra = extra
		h.expire(t)
		all[i] = c.launch(t, h, "wait")
	}
	for _, p := range all {
		p.awaitReady(t)
	}
	return all
}

// lockDatabase keeps the server from writing until unlock is called or the test ends.
func lockDatabase(t *testing.T, s *server) (unlock func()) {
	t.Helper()
	const program = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
database.execute("ROLLBACK")
`
	locker := clientNamed("python-newest").argv[0]
	command := exec.CommandContext(t.Context(), locker, "-c", program, filepath.Join(s.data, "latchkey.db"))
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); strings.TrimSpace(line) != "locked" {
		t.Fatalf("the database could not be locked: %q %v", line, err)
	}
	return func() {
		stdin.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("unlock: %v", err)
		}
	}
}
