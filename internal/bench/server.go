package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/bench/proc"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// serverConfig is the configuration of servers under test: the defaults, but for limits that all clients on one machine
// would meet.
const serverConfig = `listen: %q
base_urls: [%q]
%s
root_key: {file: %q}
id_token: {algorithm: %s}
limits:
  client: {per_second: 1000000, burst: 1000000}
  address: {per_second: 1000000, burst: 1000000}
`

// setup tells one way to run the server from another.
type setup struct {
	algorithm floor.Algorithm // of id tokens
	sessions  int             // in its store before it starts
	oneCore   bool            // all its threads run on one core
	postgres  bool            // its store is PostgreSQL, and else SQLite
	// nodes is how many there are, 0: one. With SQLite each has a copy of the store, so that they take each other's
	// refresh tokens and otherwise know nothing of each other.
	nodes int
}

// serve starts `latchkey serve` on d and waits until it is ready. It returns the process, its address, and the time
// from start to ready.
func (l *lab) serve(ctx context.Context, d *dataDir, how setup) (*proc.Process, string, time.Duration, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, "", 0, err
	}
	p, ready, err := l.serveNode(ctx, d, how, address, address)
	return p, address, ready, err
}

// serveNode starts a node that listens on address, one of several that clients all know as host.
func (l *lab) serveNode(ctx context.Context, d *dataDir, how setup, address, host string) (*proc.Process, time.Duration, error) {
	program, err := l.program(ctx)
	if err != nil {
		return nil, 0, err
	}
	config := filepath.Join(filepath.Dir(d.path), "latchkey-"+strings.ReplaceAll(address, ":", "-")+".yaml")
	text := fmt.Sprintf(serverConfig, address, "http://"+host, d.where(), d.rootKeyFile, how.algorithm)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, 0, fmt.Errorf("write the configuration: %w", err)
	}
	p, err := l.launcher.Run(ctx, proc.Command{
		Name: "latchkey", Program: program, Args: []string{"serve", "--config", config}, OneCore: how.oneCore,
	})
	if err != nil {
		return nil, 0, err
	}
	ready, err := p.Ready(ctx, "http://"+address+"/healthz", readyLimit)
	if err != nil {
		p.Stop()
		return nil, 0, err
	}
	return p, ready, nil
}

// redeemServer starts a server whose work are redemptions.
func redeemServer(how setup) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, _ *subject) (*subject, error) {
		s, codes, err := l.startSubject(ctx, how)
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
func refreshServer(how setup) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, _ *subject) (*subject, error) {
		s, codes, err := l.startSubject(ctx, how)
		if err != nil {
			return nil, err
		}
		logins, err := signIn(ctx, s.addresses[0], codes)
		if err != nil {
			return nil, err
		}
		work := newRefreshes(s.addresses[0], tokenURL(s.addresses[0]), logins)
		s.work = work
		s.sample, err = exchange(ctx, s.addresses[0], work.request(0, time.Now()))
		return s, err
	}
}

// startSubject starts the nodes of a server, which clients know by the address of the first, and returns what makes codes
// for it. When it fails later, the processes end with the lab.
func (l *lab) startSubject(ctx context.Context, how setup) (*subject, *codes, error) {
	d, err := l.store(ctx, how)
	if err != nil {
		return nil, nil, err
	}
	s := &subject{}
	if how.postgres {
		s.database = l.postgres
	}
	for i := range max(1, how.nodes) {
		address, err := freeAddress()
		if err != nil {
			return nil, nil, err
		}
		s.addresses = append(s.addresses, address)
		p, _, err := l.serveNode(ctx, d.of(i), how, address, s.addresses[0])
		if err != nil {
			return nil, nil, err
		}
		s.processes = append(s.processes, p)
	}
	ring, err := d.ring(ctx, "http://"+s.addresses[0], how.algorithm)
	if err != nil {
		return nil, nil, fmt.Errorf("open the key ring of the server: %w", err)
	}
	return s, &codes{ring}, nil
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
		var err error
		if logins[i], err = work.redeem(ctx, address); err != nil {
			return nil, err
		}
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
