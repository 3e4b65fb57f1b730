package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/bench/proc"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// serverConfig is the configuration of servers under test: the defaults, but for limits that all clients on one machine
// would meet.
const serverConfig = `listen: %q
base_urls: [%q]
data: %q
root_key: {file: %q}
id_token: {algorithm: %s}
limits:
  client: {per_second: 1000000, burst: 1000000}
  address: {per_second: 1000000, burst: 1000000}
`

// serve starts `latchkey serve` on d and waits until it is ready. It returns the process, its address, and the time
// from start to ready.
func (l *lab) serve(ctx context.Context, d *dataDir, a floor.Algorithm) (*proc.Process, string, time.Duration, error) {
	program, err := l.program(ctx)
	if err != nil {
		return nil, "", 0, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", 0, err
	}
	config := filepath.Join(filepath.Dir(d.path), "latchkey.yaml")
	text := fmt.Sprintf(serverConfig, address, "http://"+address, d.path, d.rootKeyFile, a)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, "", 0, fmt.Errorf("write the configuration: %w", err)
	}
	p, err := l.launcher.Start(ctx, "latchkey", program, "serve", "--config", config)
	if err != nil {
		return nil, "", 0, err
	}
	ready, err := p.Ready(ctx, "http://"+address+"/healthz", readyLimit)
	if err != nil {
		p.Stop()
		return nil, "", 0, err
	}
	return p, address, ready, nil
}

// redeemServer starts a server whose work are redemptions.
func redeemServer(a floor.Algorithm, sessions int) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, _ *subject) (*subject, error) {
		s, codes, err := l.startSubject(ctx, a, sessions)
		if err != nil {
			return nil, err
		}
		work := newRedemptions(s.addresses[0], tokenURL(s.addresses[0]), codes.mint)
		s.work = work
		s.sample, err = exchange(ctx, s.addresses[0], work.request(work.keys[0], time.Now()))
		return s, err
	}
}

// refreshServer starts a server whose work are refreshes, and signs in to it.
func refreshServer(a floor.Algorithm, sessions int) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, _ *subject) (*subject, error) {
		s, codes, err := l.startSubject(ctx, a, sessions)
		if err != nil {
			return nil, err
		}
		logins, err := signIn(ctx, s.addresses[0], codes)
		if err != nil {
			return nil, err
		}
		work := newRefreshes(s.addresses[0], tokenURL(s.addresses[0]), logins)
		s.work = work
		s.sample, err = exchange(ctx, s.addresses[0], work.requests(1, time.Now())[0])
		return s, err
	}
}

// startSubject starts a server on the store with that many sessions, and returns what makes codes for it. When it
// fails later, the process ends with the lab.
func (l *lab) startSubject(ctx context.Context, a floor.Algorithm, sessions int) (*subject, *codes, error) {
	d, err := l.store(ctx, sessions, a)
	if err != nil {
		return nil, nil, err
	}
	p, address, _, err := l.serve(ctx, d, a)
	if err != nil {
		return nil, nil, err
	}
	ring, err := d.ring(ctx, "http://"+address, a)
	if err != nil {
		return nil, nil, fmt.Errorf("open the key ring of the server: %w", err)
	}
	return &subject{processes: []*proc.Process{p}, addresses: []string{address}}, &codes{ring}, nil
}

// codes makes authorization codes, as the pages of the server do once a person has approved.
type codes struct{ ring *keyring.Ring }

func (c *codes) mint(now time.Time) string {
	a := signin.Authorization{
		ID: signin.NewSessionID(now), ClientID: signin.SameDevice, Redirect: signin.HashRedirect(redirectURI),
		Challenge: sha256.Sum256([]byte(verifier)), Principal: testPrincipal, AuthTime: now, Issued: now,
		Expires: now.Add(signin.DefaultLifetimes().CodeSameDevice), Methods: "pwd",
	}
	rand.Read(a.Salt[:])
	return seal.SealCode(c.ring.SealingKey(now), a)
}

// signIn redeems codes for as many sessions as refreshes need.
func signIn(ctx context.Context, address string, c *codes) ([]login, error) {
	work := redemptions{host: address, url: tokenURL(address), mint: c.mint}
	logins := make([]login, loginCount)
	for i := range logins {
		logins[i].key = testkit.NewKey()
		answer, err := exchange(ctx, address, work.request(logins[i].key, time.Now()))
		if err != nil {
			return nil, fmt.Errorf("sign in: %w", err)
		}
		var body struct {
			RefreshToken string `json:"refreshToken"`
		}
		if err := json.Unmarshal(answer.Body, &body); err != nil {
			return nil, fmt.Errorf("sign in: answer: %w", err)
		}
		if body.RefreshToken == "" {
			return nil, errors.New("sign in: the answer has no refresh token")
		}
		logins[i].refreshToken = body.RefreshToken
	}
	return logins, nil
}

// exchange sends one request and returns its answer, which must be 200.
func exchange(ctx context.Context, address string, request []byte) (load.Answer, error) {
	fleet, err := load.Dial(ctx, []string{address}, 1)
	if err != nil {
		return load.Answer{}, err
	}
	defer fleet.Close()
	answer, err := fleet.Exchange(ctx, request)
	if err != nil {
		return load.Answer{}, err
	}
	if answer.Status != 200 {
		return load.Answer{}, fmt.Errorf("the first answer has status %d: %.300s", answer.Status, answer.Body)
	}
	return answer, nil
}
