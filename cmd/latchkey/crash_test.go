package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// crashRounds is how many times the server is killed; LATCHKEY_CRASH_ROUNDS sets another number.
const crashRounds = 3

// The server is killed in the middle of logins, again and again. No code is ever redeemed twice, no login that was
// answered is lost, and no revocation that was answered is forgotten. Clients that register themselves are still there, and
// of their refresh tokens the newest is good, and none twice.
func TestKilledServerForgetsNothing(t *testing.T) {
	rounds := crashRounds
	if s := os.Getenv("LATCHKEY_CRASH_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	c := newCrashSite(t)
	var logins []login
	var agents []*crashAgent
	for round := range rounds {
		c.start(t)
		c.checkAgents(t, agents)
		c.check(t, logins)
		logins, agents = c.load(t)
		answered, pending := 0, 0
		for _, l := range logins {
			if l.refresh != "" {
				answered++
			} else {
				pending++
			}
		}
		registered, refreshed, cutOff := 0, 0, 0
		for _, a := range agents {
			if a.id != "" {
				registered++
			}
			if a.used != "" {
				refreshed++
			}
			if a.pending != nil && a.token != "" {
				cutOff++
			}
		}
		t.Logf("round %d: %d logins answered, %d cut off; %d agents registered, %d refreshed, %d refreshes cut off", round+1,
			answered, pending, registered, refreshed, cutOff)
	}
	c.start(t)
	c.checkAgents(t, agents)
	c.check(t, logins)
	c.kill()
}

// crashSite is a server that is killed and started again on the same data.
type crashSite struct {
	binary, data, addr string
	client             *http.Client
	cmd                *exec.Cmd
	ahead              time.Duration // of the clocks of its world, before that of this test
}

// login is one attempt: the code was there, and perhaps the answer came.
type login struct {
	key      *ecdsa.PrivateKey
	verifier string
	code     string
	refresh  string // empty when no answer came
	replayed bool   // the code was brought a second time
	revoked  bool   // and the answer to that came
}

func newCrashSite(t *testing.T) *crashSite {
	t.Helper()
	dir := t.TempDir()
	c := &crashSite{binary: filepath.Join(dir, "latchkey"), data: filepath.Join(dir, "data"), client: &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32},
	}}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", c.binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	limits := "limits: {client: {per_second: 0}, address: {per_second: 0}}\nregistration: {address: {per_second: 0}}\nlog: {level: error}\n"
	if err := os.WriteFile(filepath.Join(dir, "dev.yaml"), []byte(limits), 0o600); err != nil {
		t.Fatal(err)
	}
	c.addr = "127.0.0.1:0"
	return c
}

// start starts the server, at the address it had before.
func (c *crashSite) start(t *testing.T) {
	t.Helper()
	c.cmd = exec.CommandContext(t.Context(), c.binary, "dev", "--auto-approve", "--listen", c.addr, "--data", c.data,
		"--config", filepath.Join(filepath.Dir(c.data), "dev.yaml"))
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stderr = t.Output()
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "ready http://"); ok {
			c.addr = addr
			return
		}
	}
	t.Fatalf("the server ended before it was ready: %v", lines.Err())
}

func (c *crashSite) kill() {
	if c.cmd != nil {
		c.cmd.Process.Kill() // SIGKILL
		c.cmd.Wait()
		c.cmd = nil
	}
}

// load logs in from many goroutines until the server, which is killed meanwhile, is gone.
func (c *crashSite) load(t *testing.T) ([]login, []*crashAgent) {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(400))
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(100*time.Millisecond+time.Duration(n.Int64())*time.Millisecond, func() { c.cmd.Process.Kill() })
	defer timer.Stop()
	var mu sync.Mutex
	var all []login
	var agents []*crashAgent
	var wg sync.WaitGroup
	wg.Go(func() { agents = c.loadAgents() })
	for range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				l, err := c.authorize()
				if err != nil {
					return
				}
				status, refresh, err := c.redeem(l)
				if err == nil && status != http.StatusOK {
					t.Errorf("first redemption = %d", status)
				}
				l.refresh = refresh
				if err == nil && i%8 == 7 {
					l.replayed = true
					status, _, err = c.redeem(l)
					l.revoked = err == nil && status == http.StatusBadRequest
				}
				mu.Lock()
				all = append(all, l)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	c.kill()
	if len(all) == 0 {
		t.Fatal("the server was killed before any login")
	}
	return all, agents
}

// check holds the server to what it answered before it was killed.
func (c *crashSite) check(t *testing.T, logins []login) {
	t.Helper()
	for _, l := range logins {
		switch {
		case l.revoked:
			if status, _, err := c.refreshOf(l); err != nil || status != http.StatusUnauthorized {
				t.Errorf("refresh of a session that was revoked before the crash = %d, %v, want 401", status, err)
			}
			continue
		case l.refresh != "":
			status, _, err := c.refreshOf(l)
			if cutOff := l.replayed && status == http.StatusUnauthorized; err != nil || status != http.StatusOK && !cutOff {
				t.Errorf("refresh of a login that was answered before the crash = %d, %v, want 200", status, err)
			}
			if status, _, err := c.redeem(l); err != nil || status != http.StatusBadRequest {
				t.Errorf("second redemption after the crash = %d, %v, want 400", status, err)
			}
			continue
		}
		// No answer came, so it may have been redeemed or not; but not twice.
		first, _, err := c.redeem(l)
		if err != nil || (first != http.StatusOK && first != http.StatusBadRequest) {
			t.Errorf("redemption of a code that was cut off = %d, %v, want 200 or 400", first, err)
		}
		if second, _, err := c.redeem(l); err != nil || second != http.StatusBadRequest {
			t.Errorf("its second redemption = %d, %v, want 400", second, err)
		}
	}
}

const crashRedirect = "http://127.0.0.1:1/callback"

func (c *crashSite) authorize() (login, error) {
	l := login{key: testkit.NewKey(), verifier: rand.Text() + rand.Text()}
	sum := sha256.Sum256([]byte(l.verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {signin.SameDevice}, "redirect_uri": {crashRedirect},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"SHA-256"},
	}
	r, err := c.client.Get("http://" + c.addr + "/v1/authorize?" + q.Encode())
	if err != nil {
		return l, err
	}
	defer r.Body.Close()
	to, err := r.Location()
	if err != nil {
		return l, fmt.Errorf("authorize answered %s: %w", r.Status, err)
	}
	l.code = to.Query().Get("code")
	return l, nil
}

func (c *crashSite) redeem(l login) (status int, refresh string, err error) {
	return c.post(l, map[string]string{
		"clientId": signin.SameDevice, "grantType": "authorization_code", "code": l.code, "codeVerifier": l.verifier, "redirectUri": crashRedirect,
	})
}

func (c *crashSite) refreshOf(l login) (status int, refresh string, err error) {
	return c.post(l, map[string]string{"clientId": signin.SameDevice, "grantType": "refresh_token", "refreshToken": l.refresh})
}

func (c *crashSite) post(l login, body map[string]string) (status int, refresh string, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, "", err
	}
	target := "http://" + c.addr + "/v1/token"
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(string(b)))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("DPoP", testkit.Proof(l.key, http.MethodPost, target, time.Now().Add(c.ahead), rand.Text()))
	answer, err := c.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	var out struct{ RefreshToken string }
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return 0, "", err
	}
	return answer.StatusCode, out.RefreshToken, nil
}
