package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/authorize"
	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/discovery"
	"github.com/latchkey-id/latchkey/internal/dpop"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/sts"
	"github.com/latchkey-id/latchkey/internal/token"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Development makes the server one for development: it says so on its pages, and may sign a person in unasked.
type Development struct {
	// AutoApprove is the name of the person that GET /v1/authorize signs in without pages; empty for pages.
	AutoApprove string
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	routes  routes
	hosts   map[string]bool // the hosts of the base URLs
	base    string          // the first base URL
	proxies []netip.Prefix
	log     *slog.Logger
	metrics *Metrics

	store store.Store
	ring  *keyring.Ring
	board *notice.Board
	stop  context.CancelFunc
	work  sync.WaitGroup
}

const (
	// pollNotices is how often notices are read; the promise is to hear of one within two seconds.
	pollNotices = 500 * time.Millisecond
	// deafFor is how long the server may hear no notices before it refuses sessions.
	deafFor = 10 * time.Minute
	// maintainRing is how often the key ring is looked after.
	maintainRing = time.Minute
	// publishKeys is how long a new key waits in the database before it is used.
	publishKeys = 10 * time.Minute
	// sweepEvery is how often expired rows are deleted, sweepRows how many at a time.
	sweepEvery = time.Minute
	sweepRows  = 500
	// gateWait is how long a token request waits for its turn before it is refused with 503.
	gateWait = time.Second
	// gateQueue is how many token requests may wait for each that is served.
	gateQueue = 16
	// longBodies is how many bodies of unusual length are read at once.
	longBodies = 64

	// slowestRequest is more than what lies between the time of a request, which is when its head was there, and its end.
	slowestRequest = 2 * time.Minute

	busy = "The server has more requests than it can serve. Try again shortly."
)

// RingOptions returns how the key ring of this configuration is kept. The administration commands open it alike.
func RingOptions(cfg config.Config) keyring.Options {
	l := cfg.Lifetimes
	return keyring.Options{
		Issuer: cfg.BaseURLs[0], Algorithm: cfg.IDToken.Algorithm, Rotate: cfg.Keys.Rotate, Publish: publishKeys,
		// A session is sealed again at every step under the key of that step; the longest envelope is a refresh token.
		Longest: l.Session + l.Credentials + l.CodeCrossDevice + l.Browser,
	}
}

// New returns a server on st, and starts what it does in the background. Close ends that. It fails when root is not the
// key that the ring of st was wrapped with.
func New(ctx context.Context, cfg config.Config, st store.Store, root *keyring.Root, m *Metrics, dev *Development, log *slog.Logger, now time.Time) (*Server, error) {
	proxies, err := cfg.Proxies()
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(ctx, st, root, RingOptions(cfg), now)
	if err != nil {
		return nil, err
	}
	board, err := notice.Open(ctx, st, deafFor, now)
	if err != nil {
		return nil, err
	}
	lifetimes := cfg.Lifetimes.Signin()
	proofs, err := dpop.New(cfg.BaseURLs, lifetimes.Proof)
	if err != nil {
		return nil, err
	}
	answered := dpop.NewMemory(lifetimes.Proof)
	hosts, err := hostsOf(cfg.BaseURLs)
	if err != nil {
		return nil, err
	}
	callers := &caller.Resolver{Ring: ring, Board: board, Directory: st, Lifetimes: lifetimes, Hosts: hosts}

	s := &Server{
		routes: routes{}, hosts: hosts, base: cfg.BaseURLs[0], proxies: proxies, store: st, ring: ring,
		board: board, log: log, metrics: m,
	}
	m.watch(ring, board, answered)
	tokens := &token.Endpoint{
		Issuer: cfg.BaseURLs[0], Region: cfg.Region, Lifetimes: lifetimes,
		Sessions: st, Directory: st, Ring: ring, Board: board, Proofs: proofs, Answered: answered, Callers: callers,
		AnsweredSigned: dpop.NewMemory(caller.Skew),
		ByClient:       limit.New(cfg.Limits.Client.Rule(cfg.Limits.Wait), "client"),
		ByAddress:      limit.New(cfg.Limits.Address.Rule(cfg.Limits.Wait), "address"),
		Gate:           limit.NewGate(cfg.Limits.InFlight, gateQueue*cfg.Limits.InFlight, gateWait, busy),
		LongBodies:     limit.NewGate(longBodies, longBodies, gateWait, busy),
	}
	s.routes.add("POST "+wire.TokenPath, tokens.ServeCall)

	documents := discovery.New(cfg.BaseURLs[0], cfg.IDToken.Algorithm, ring)
	for pattern, h := range documents.Routes() {
		s.routes.add(pattern, h)
	}
	s.routes.add("GET /healthz", s.health)

	pages, err := authorize.New(authorize.Deps{
		Base: cfg.BaseURLs, Region: cfg.Region, Lifetimes: lifetimes, Development: dev != nil, AutoApprove: autoApprove(dev),
		Directory: st, Board: board, Keys: ring,
	})
	if err != nil {
		return nil, err
	}
	for pattern, h := range pages.Routes() {
		s.routes.add(pattern, s.ownHost(h))
	}
	// STS has the query protocol: everything is at the root, and a parameter says what it is.
	s.routes.wrap("/", sts.New(callers).Beside)

	s.start(context.WithoutCancel(ctx), max(lifetimes.CodeSameDevice, lifetimes.CodeCrossDevice)+slowestRequest)
	return s, nil
}

// hostsOf returns what the Host header of a request for one of bases can be: with the port that the scheme implies, and
// without.
func hostsOf(bases []string) (map[string]bool, error) {
	hosts := map[string]bool{}
	for _, base := range bases {
		u, err := url.Parse(base)
		if err != nil {
			return nil, fmt.Errorf("base URL: %w", err)
		}
		hosts[u.Host] = true
		if implied := map[string]string{"http": "80", "https": "443"}[u.Scheme]; u.Port() == "" {
			hosts[u.Host+":"+implied] = true
		}
	}
	return hosts, nil
}

func autoApprove(dev *Development) string {
	if dev == nil {
		return ""
	}
	return dev.AutoApprove
}

// start begins what is done in the background; Close ends it.
//
// A session's row is what makes its code single-use, so it must outlive the code, also where sessions are configured to
// be shorter than codes. A session that ended longer ago than the longest code lives has no code left.
func (s *Server) start(ctx context.Context, longestCode time.Duration) {
	ctx, s.stop = context.WithCancel(ctx)
	s.every(ctx, pollNotices, "poll notices", func(now time.Time) error { return s.board.Poll(ctx, now) })
	s.every(ctx, maintainRing, "maintain key ring", func(now time.Time) error { return s.ring.Maintain(ctx, now) })
	s.every(ctx, sweepEvery, "sweep", func(now time.Time) error {
		s.board.Prune(now)
		for {
			n, err := s.store.Sweep(ctx, now.Add(-longestCode), sweepRows)
			if err != nil || n == 0 {
				return err
			}
		}
	})
}

// every calls do at that pace until ctx ends, and logs what fails.
func (s *Server) every(ctx context.Context, pace time.Duration, what string, do func(now time.Time) error) {
	s.work.Go(func() {
		ticker := time.NewTicker(pace)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := do(time.Now()); err != nil && ctx.Err() == nil {
					s.log.Error("background work failed", "what", what, "error", err)
				}
			}
		}
	})
}

// Close ends the background work. The store is the caller's to close, after this.
func (s *Server) Close() {
	s.stop()
	s.work.Wait()
}
