package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// house is an installation whose server is a process of its own, and whose database may change.
type house struct {
	*crashSite // how its clients talk; not its server
	dir        string
	ring       *keyring.Ring
	running    *process
}

// buildRehearsal builds the program with a clock that a file moves.
func buildRehearsal(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "latchkey")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "rehearsal", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

func newHouse(t *testing.T, binary string) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	h := &house{dir: dir, crashSite: &crashSite{binary: binary, addr: l.Addr().String(), client: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32},
	}}}
	h.write(t, "root.key", keyring.NewRootKey()+"\n")
	h.write(t, "clock", "0s")
	return h
}

func (h *house) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// configure writes a configuration; where says where the data are.
func (h *house) configure(t *testing.T, name, where string) {
	t.Helper()
	h.write(t, name, fmt.Sprintf("listen: %q\nbase_urls: [\"http://%s\"]\n%s\nroot_key: {file: root.key}\n"+
		"limits: {client: {per_second: 0}, address: {per_second: 0}}\n", h.addr, h.addr, where))
}

// later lets time pass, for the servers and the clients.
func (h *house) later(t *testing.T, d time.Duration) {
	h.ahead += d
	h.write(t, "clock", h.ahead.String())
}

func (h *house) now() time.Time { return time.Now().Add(h.ahead) }

func (h *house) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.binary, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "REHEARSAL_CLOCK_FILE="+filepath.Join(h.dir, "clock"))
	return cmd
}

// run runs a command to its end and returns what it wrote.
func (h *house) run(args ...string) (out string, err error) {
	b, err := h.command(args...).CombinedOutput()
	return string(b), err
}

// mustRun is run of a command that must succeed.
func (h *house) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.run(args...)
	if err != nil {
		t.Fatalf("latchkey %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// serve starts the server with that configuration.
func (h *house) serve(t *testing.T, name string) {
	t.Helper()
	cmd := h.command("serve", "--config", name)
	p, _, _, err := launch(cmd)
	if p != nil && cmd.Process != nil {
		t.Cleanup(func() { cmd.Process.Kill() })
	}
	if err != nil {
		t.Fatalf("serve with %s: %v", name, err)
	}
	h.running = p
}

func (h *house) stop(t *testing.T) {
	t.Helper()
	h.running.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-h.running.ended:
		if err != nil {
			t.Errorf("the server ended with %v\n%s", err, h.running.log.bytes())
		}
	case <-time.After(patience):
		t.Fatal("the server does not stop")
	}
	h.client.CloseIdleConnections()
}

// open opens the database of a configuration for the test.
func (h *house) open(t *testing.T, name string) store.Store {
	t.Helper()
	cfg, err := config.Read(filepath.Join(h.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	st, err := openDatabase(t.Context(), cfg, storeOptions{marked: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if h.ring == nil {
		root, err := cfg.RootKey.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows, err := st.RingKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := keyring.Check(t.Context(), rows, root); err != nil {
			t.Fatal(err)
		}
		h.ring, err = (&installation{Store: st, cfg: cfg}).ring(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
	}
	return st
}

// approve returns what a browser brings: a code, which nobody has redeemed.
func (h *house) approve() login {
	l := login{key: testkit.NewKey(), verifier: rand.Text() + rand.Text()}
	now := h.now()
	a := signin.Authorization{
		ID: signin.NewSessionID(now), ClientID: signin.SameDevice, Redirect: signin.HashRedirect(crashRedirect),
		Challenge: sha256.Sum256([]byte(l.verifier)), AuthTime: now, Issued: now, Expires: now.Add(5 * time.Minute), Methods: "pwd",
		Principal: signin.Principal{Account: "111122223333", Role: "Developer", RoleID: "AROA234567ABCDEFGHIJ", Person: "alice", PersonID: "AIDA234567ABCDEFGHIJ"},
	}
	rand.Read(a.Salt[:])
	l.code = seal.SealCode(h.ring.SealingKey(now), a)
	return l
}

// bring redeems the code of l and notes the answer.
func (h *house) bring(l *login) (status int, err error) {
	status, l.refresh, err = h.redeem(*l)
	return status, err
}

// wantRefresh fails the test unless a refresh of l is answered so.
func (h *house) wantRefresh(t *testing.T, what string, l login, want int) {
	t.Helper()
	if status, _, err := h.refreshOf(l); err != nil || status != want {
		t.Errorf("refresh of %s = %d, %v, want %d", what, status, err, want)
	}
}

func (h *house) wantRedeem(t *testing.T, what string, l *login, want int) {
	t.Helper()
	if status, err := h.bring(l); err != nil || status != want {
		t.Errorf("redemption of %s = %d, %v, want %d", what, status, err, want)
	}
}

// prefill makes the database large enough for a copy to take a moment.
func prefill(t *testing.T, st store.Store, n int) {
	t.Helper()
	for range n / 1000 {
		var records []store.Record
		for i := range 1000 {
			at := time.Now().Add(-time.Duration(i) * time.Second)
			records = append(records, store.Record{Part: store.PartSessions, Value: signin.Session{
				ID: signin.NewSessionID(at), ClientID: signin.SameDevice, AuthTime: at, Issued: at, Start: at, End: at.Add(12 * time.Hour),
			}})
		}
		if err := st.Restore(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
}

// outcome is what became of a login during the move.
type outcome struct {
	login
	status  int // of the redemption; 0: no answer
	refused int // refreshes that were not answered 200
}

// loginsUnderWay signs in and refreshes from several goroutines until stop is called, which returns what happened.
func (h *house) loginsUnderWay() (stop func() []outcome) {
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var all []outcome
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				o := outcome{login: h.approve()}
				o.status, _ = h.bring(&o.login)
				if o.status == http.StatusOK {
					if status, _, err := h.refreshOf(o.login); err != nil || status != http.StatusOK {
						o.refused++
					}
				}
				mu.Lock()
				all = append(all, o)
				mu.Unlock()
			}
		})
	}
	return func() []outcome {
		cancel()
		wg.Wait()
		return all
	}
}

// A running installation moves from its file to PostgreSQL, with logins under way and the copy killed at any moment, and
// back again. No code is redeemed in both, no login is lost, and what was revoked stays revoked.
func TestInstallationMovesWhileItRuns(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, pglocal.Options{})
	if err := pg.CreateDatabase(t.Context(), "latchkey"); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, buildRehearsal(t))
	h.configure(t, "old.yaml", "data: old")
	h.configure(t, "new.yaml", fmt.Sprintf("database: {url: %q}", pg.URL("latchkey")))
	h.configure(t, "back.yaml", "data: back")
	h.serve(t, "old.yaml")
	old := h.open(t, "old.yaml")
	prefill(t, old, 20_000)

	kept, revoked, unused := h.approve(), h.approve(), h.approve()
	h.wantRedeem(t, "a code", &kept, http.StatusOK)
	h.wantRedeem(t, "a code", &revoked, http.StatusOK)
	again := revoked
	h.wantRedeem(t, "a code the second time", &again, http.StatusBadRequest)
	h.wantRefresh(t, "a session whose code came twice", revoked, http.StatusUnauthorized)

	target := h.open(t, "new.yaml")
	stop := h.loginsUnderWay()
	for range 5 {
		h.killedCopy(t, target)
	}
	began := time.Now()
	out, err := h.run("store", "copy", "--config", "old.yaml", "--to", "new.yaml")
	if err != nil && !strings.Contains(out, "was moved already") { // by one that was to be killed
		t.Fatalf("store copy = %v\n%s", err, out)
	}
	t.Logf("%s(took %v)", out, time.Since(began))
	time.Sleep(200 * time.Millisecond) // more logins, which are refused
	h.wantRefresh(t, "a session at the old server after the move", kept, http.StatusOK)
	during := stop()
	if log := string(h.running.log.bytes()); !strings.Contains(log, "was moved") {
		t.Errorf("the log of the old server does not say that its database was moved:\n%s", log)
	}
	last, err := old.LastNotice(t.Context())
	if err != nil || last == 0 {
		t.Fatalf("LastNotice = %d, %v, want some", last, err)
	}
	h.stop(t)
	out, err = h.run("serve", "--config", "old.yaml")
	if err == nil || !strings.Contains(out, "was moved to postgres://") {
		t.Errorf("serve on the old database = %v, want a refusal that names the new one:\n%s", err, out)
	}

	h.serve(t, "new.yaml")
	h.wantRefresh(t, "a session from before", kept, http.StatusOK)
	h.wantRefresh(t, "a session that was revoked before", revoked, http.StatusUnauthorized)
	h.wantRedeem(t, "a code from before that nobody had redeemed", &unused, http.StatusOK)
	h.checkOutcomes(t, during)
	h.wantRedeem(t, "that code the second time", new(unused), http.StatusBadRequest)
	if notices, err := target.NoticesAfter(t.Context(), last, 1000); err != nil || len(notices) == 0 || notices[0].Seq != last+1 {
		t.Errorf("NoticesAfter(%d) in the new database = %v, %v, want numbers that go on", last, notices, err)
	}
	out, err = h.run("store", "copy", "--config", "old.yaml", "--to", "new.yaml")
	if err == nil || !strings.Contains(out, "was moved already") {
		t.Errorf("store copy after the move = %v, want a refusal that says so:\n%s", err, out)
	}
	h.movesBack(t, kept, unused)
}

// killedCopy kills a copy some moment after its first word. It must have gone on where the one before was killed, and until
// one is through, nobody may use what it made.
func (h *house) killedCopy(t *testing.T, target store.Store) {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(500))
	if err != nil {
		t.Fatal(err)
	}
	after := time.Duration(n.Int64()) * time.Millisecond
	cmd := h.command("store", "copy", "--config", "old.yaml", "--to", "new.yaml")
	said := newWatched(`(?m)^(Copying|latchkey: ).*\n`)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-said.found:
	case <-time.After(patience):
		t.Error("the copy says nothing")
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	timer.Stop()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if failed && exit.ExitCode() != -1 && !bytes.Contains(said.bytes(), []byte("was moved already")) {
		t.Errorf("store copy = %v, want it to go on where it was killed:\n%s", err, said.bytes())
	}
	m, err := target.Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("copy killed after %v; the mark of the new database is %q", after, m.State)
	if m.State == store.Copying {
		if out, err := h.run("account", "list", "--config", "new.yaml"); err == nil || !strings.Contains(out, "unfinished copy") {
			t.Errorf("account list on a copy that was killed = %v, want a refusal:\n%s", err, out)
		}
	}
}

// checkOutcomes holds the new server to what the old one answered.
func (h *house) checkOutcomes(t *testing.T, all []outcome) {
	t.Helper()
	counts := map[int]int{}
	for i := range all {
		o := &all[i]
		counts[o.status]++
		if o.refused > 0 {
			t.Errorf("a refresh was refused during the move")
		}
		switch {
		case o.status == http.StatusOK:
			h.wantRefresh(t, "a login that was answered during the move", o.login, http.StatusOK)
		case o.status >= 500 || o.status == 0:
			h.wantRedeem(t, "a code that was refused because of the move", &o.login, http.StatusOK)
		default:
			t.Errorf("a redemption during the move = %d, want 200 or 5xx", o.status)
		}
		h.wantRedeem(t, "a code that was redeemed", new(o.login), http.StatusBadRequest)
	}
	t.Logf("answers during the move: %v", counts)
	if counts[http.StatusOK] == 0 || counts[http.StatusInternalServerError] == 0 {
		t.Errorf("answers during the move: %v, want some before and some after it", counts)
	}
}

// movesBack moves the installation from PostgreSQL to a file.
func (h *house) movesBack(t *testing.T, kept, used login) {
	t.Helper()
	if out, err := h.run("store", "copy", "--config", "new.yaml", "--to", "back.yaml"); err == nil || !strings.Contains(out, "--stopped") {
		t.Errorf("store copy of a server's database = %v, want a demand for --stopped:\n%s", err, out)
	}
	h.stop(t)
	h.mustRun(t, "store", "copy", "--config", "new.yaml", "--to", "back.yaml", "--stopped")
	if out, err := h.run("serve", "--config", "new.yaml"); err == nil || !strings.Contains(out, "was moved to "+h.dir) {
		t.Errorf("serve on the database that was left = %v, want a refusal that names the file:\n%s", err, out)
	}
	h.serve(t, "back.yaml")
	h.wantRefresh(t, "a session after the way back", kept, http.StatusOK)
	h.wantRedeem(t, "a code that was redeemed at PostgreSQL", &used, http.StatusBadRequest)
	h.stop(t)
}
