package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/bench/proc"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// How contestants of the scenarios with a peer are called. Both run on one core, because the peer answers on one thread.
const (
	oneCore  = "one core"
	peerName = "peer"
)

// peerFolder has the program of the peer, and what installs it, from the module's folder.
const peerFolder = "test/peer"

// What the peer knows too (test/peer/server.js).
const (
	peerTokenPath = "/token"
	peerClient    = "bench"
)

// errNoPeer is the outcome of an installation that failed.
var errNoPeer = errors.New("the peer could not be installed")

// withPeer runs c, which needs the peer, once the peer is installed. Where it cannot be had the scenario is left out,
// unless it was asked for by name, or the run is one that must be whole (CI=true).
func withPeer(c contest) func(context.Context, *lab, string) (outcome, error) {
	return func(ctx context.Context, l *lab, name string) (outcome, error) {
		err := l.installPeer(ctx)
		if errors.Is(err, errNoPeer) && l.mayLeaveOut(name) {
			l.say("%s: left out: %v", name, err)
			return outcome{}, nil
		}
		if err != nil {
			return outcome{}, err
		}
		return c.run(ctx, l, name)
	}
}

// installPeer installs the peer in the folder of its program, unless it is there.
func (l *lab) installPeer(ctx context.Context) error {
	install := exec.CommandContext(ctx, "sh", filepath.Join(peerFolder, "install.sh"))
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%w (this must be started in the module's folder): %w\n%s", errNoPeer, err, out)
	}
	return nil
}

// node returns the program that runs the peer: the version that is installed with it, or else the system's.
func node() (string, error) {
	architecture := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if architecture == "" {
		architecture = runtime.GOARCH
	}
	path, err := filepath.Abs(filepath.Join(peerFolder, "node_modules", "node-linux-"+architecture, "bin", "node"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return exec.LookPath("node")
}

// startPeer starts the peer on one core and returns it without work.
func (l *lab) startPeer(ctx context.Context, a floor.Algorithm) (*subject, error) {
	program, err := node()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	challenge := signin.Challenge(sha256.Sum256([]byte(verifier)))
	p, err := l.launcher.Run(ctx, proc.Command{
		Name: "peer", Program: program, Args: []string{filepath.Join(peerFolder, "server.js"), port, string(a), challenge.String()},
		Env: []string{"NODE_ENV=production"}, OneCore: true,
	})
	if err != nil {
		return nil, err
	}
	if _, err := p.Ready(ctx, "http://"+address+"/healthz", readyLimit); err != nil {
		p.Stop()
		return nil, err
	}
	return &subject{processes: []*proc.Process{p}, addresses: []string{address}}, nil
}

// peerRedeem starts the peer, with redemptions as its work.
func peerRedeem(a floor.Algorithm) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, _ *subject) (*subject, error) {
		s, err := l.startPeer(ctx, a)
		if err != nil {
			return nil, err
		}
		s.work = peerRedemptions{s.addresses[0], newRedemptions("", "", nil)}
		s.sample, err = s.first(ctx)
		return s, err
	}
}

// peerRefresh starts the peer, with refreshes as its work that ask for that scope, and signs in to it. The peer answers
// a scope with openid with an id token, which it signs, and another one without.
func peerRefresh(scope string) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, _ *subject) (*subject, error) {
		s, err := l.startPeer(ctx, floor.ES256)
		if err != nil {
			return nil, err
		}
		logins, err := peerSignIn(ctx, s.addresses[0])
		if err != nil {
			return nil, err
		}
		s.work = peerRefreshes{s.addresses[0], scope, logins}
		s.sample, err = s.first(ctx)
		return s, err
	}
}

// first sends one request of the work and returns its answer.
func (s *subject) first(ctx context.Context) (load.Answer, error) {
	requests, err := s.work.requests(ctx, 1, time.Now())
	if err != nil {
		return load.Answer{}, err
	}
	return exchange(ctx, s.addresses[0], requests[0])
}
