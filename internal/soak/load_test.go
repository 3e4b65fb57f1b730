package soak

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	// clients is how many refresh at a time.
	clients = 8
	// loginEvery is the pace of sign-ins; each replayNth of them brings its code a second time.
	loginEvery = 20 * time.Millisecond
	replayNth  = 25
	redirect   = "http://127.0.0.1:1/callback"
)

// person signs in and refreshes.
type person struct {
	key     *ecdsa.PrivateKey
	refresh string
	until   time.Time // in the time of the world
}

// traffic is the work of a run. Answers that should not be are counted with an example.
type traffic struct {
	*site
	keys []*ecdsa.PrivateKey

	mu       sync.Mutex
	sessions []person // who refresh; the newest last
	wrong    map[string]int

	logins, refreshes, replays atomic.Int64

	directory
	asked, rotations, ended atomic.Int64 // of agents and callers, of refreshes by agents, of their sessions that were ended
}

func newTraffic(s *site, d directory) *traffic {
	tr := &traffic{site: s, directory: d, wrong: map[string]int{}}
	for range 64 {
		tr.keys = append(tr.keys, testkit.NewKey())
	}
	return tr
}

// start lets people come until ctx ends.
func (tr *traffic) start(ctx context.Context, running *sync.WaitGroup) {
	// Two take turns, so that one slow answer does not change the pace.
	due := make(chan int)
	running.Go(func() {
		defer close(due)
		tick := time.NewTicker(loginEvery)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case due <- n:
			case <-ctx.Done():
				return
			}
		}
	})
	for range 2 {
		running.Go(func() {
			for n := range due {
				tr.signIn(n)
			}
		})
	}
	for i := range clients {
		running.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				began := time.Now()
				tr.refreshOne(n)
				time.Sleep(max(time.Since(began), time.Millisecond)) // as long as it waited: half of the load
			}
		})
	}
}

// signIn redeems a code, and some codes a second time.
func (tr *traffic) signIn(n int) {
	key, verifier, now := tr.keys[n%len(tr.keys)], rand.Text()+rand.Text(), tr.now()
	a := approved(now, verifier, signin.Authorization{
		ClientID:  signin.SameDevice,
		Principal: signin.Principal{Account: account, Role: "Developer", RoleID: "AROA234567ABCDEFGHIJ", Person: "alice", PersonID: "AIDA234567ABCDEFGHIJ"},
	})
	code := seal.SealCode(tr.ring.SealingKey(now), a)
	body := map[string]string{
		"clientId": signin.SameDevice, "grantType": "authorization_code", "code": code, "codeVerifier": verifier, "redirectUri": redirect,
	}
	refresh := tr.post("redemption", key, body, http.StatusOK)
	if refresh == "" {
		return
	}
	tr.logins.Add(1)
	if n%replayNth == 0 {
		tr.replays.Add(1)
		tr.post("second redemption", key, body, http.StatusBadRequest)
		tr.post("refresh after that", key, refreshBody(refresh), http.StatusUnauthorized)
		return
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.sessions = append(tr.sessions, person{key, refresh, now.Add(20 * time.Minute)})
	if len(tr.sessions) > 500 {
		tr.sessions = append(tr.sessions[:0:0], tr.sessions[250:]...)
	}
}

// approved completes what somebody approved for whom.
func approved(now time.Time, verifier string, a signin.Authorization) signin.Authorization {
	a.ID, a.Redirect, a.Challenge = signin.NewSessionID(now), signin.HashRedirect(redirect), sha256.Sum256([]byte(verifier))
	a.AuthTime, a.Issued, a.Expires, a.Methods = now, now, now.Add(5*time.Minute), "pwd"
	a.AsOf = 1 << 40 // no notice about the person counts
	rand.Read(a.Salt[:])
	return a
}

func refreshBody(token string) map[string]string {
	return map[string]string{"clientId": signin.SameDevice, "grantType": "refresh_token", "refreshToken": token}
}

// refreshOne refreshes a session of those that last for some time yet.
func (tr *traffic) refreshOne(n int) {
	tr.mu.Lock()
	var p person
	if len(tr.sessions) > 0 {
		newest := min(len(tr.sessions), 100)
		p = tr.sessions[len(tr.sessions)-1-n%newest]
	}
	tr.mu.Unlock()
	if p.refresh == "" || p.until.Before(tr.now()) {
		return
	}
	if tr.post("refresh", p.key, refreshBody(p.refresh), http.StatusOK) != "" {
		tr.refreshes.Add(1)
	}
}

// post sends a token request, and returns the refresh token of an answer 200. Any answer but want is noted.
func (tr *traffic) post(what string, key *ecdsa.PrivateKey, body map[string]string, want int) (refresh string) {
	b, _ := json.Marshal(body) // strings always marshal
	target := "http://" + tr.addr + "/v1/token"
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(string(b)))
	if err != nil {
		panic(err) // the target is an address
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("DPoP", testkit.Proof(key, http.MethodPost, target, tr.now(), rand.Text()))
	answer, err := tr.client.Do(r)
	if err != nil {
		tr.note(what + ": no answer")
		return ""
	}
	defer answer.Body.Close()
	var out struct{ RefreshToken, Error, Message string }
	err = json.NewDecoder(answer.Body).Decode(&out)
	if err != nil || answer.StatusCode != want {
		tr.note(fmt.Sprintf("%s: %d, want %d: %s %s", what, answer.StatusCode, want, out.Error, out.Message))
	}
	return out.RefreshToken
}

func (tr *traffic) note(what string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.wrong[what]++
}

// check fails the test when the work was not done, or answers were wrong. Under other work the server may refuse some
// for the moment.
func (tr *traffic) check(t *testing.T, took time.Duration) {
	t.Helper()
	t.Logf("%d logins, %d refreshes, %d codes brought twice in %v, %v of the world", tr.logins.Load(), tr.refreshes.Load(), tr.replays.Load(),
		took.Round(time.Second), (took * speed).Round(time.Minute))
	if tr.logins.Load() < int64(took.Seconds()) || tr.refreshes.Load() < tr.logins.Load() || tr.replays.Load() == 0 {
		t.Error("that is too little work to say anything")
	}
	t.Logf("agents refreshed %d times, and %d of their sessions were ended; %d requests of them and of signed callers", tr.rotations.Load(), tr.ended.Load(), tr.asked.Load())
	if tr.rotations.Load() < int64(3*took.Seconds()) || tr.ended.Load() == 0 {
		t.Error("agents did too little to say anything")
	}
	bad := 0
	for what, n := range tr.wrong {
		bad += n
		t.Logf("%d times: %s", n, what)
	}
	if all := int(tr.logins.Load() + tr.refreshes.Load() + tr.asked.Load()); bad*500 > all {
		t.Errorf("%d of %d answers were not what they should be", bad, all)
	}
}
