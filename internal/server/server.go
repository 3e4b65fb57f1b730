package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/authorize"
	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/control"
	"github.com/latchkey-id/latchkey/internal/discovery"
	"github.com/latchkey-id/latchkey/internal/dpop"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/openapi"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/reuse"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/sts"
	"github.com/latchkey-id/latchkey/internal/telemetry"
	"github.com/latchkey-id/latchkey/internal/token"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Development makes the server one for development: it says so on its pages, and may sign a person in unasked.
type Development struct {
	// AutoApprove is the name of the person that GET /v1/authorize signs in without pages; empty for pages.
	AutoApprove string
}

// Options are what a server is made of. All but Development and Telemetry are needed.
type Options struct {
	Config  config.Config
	Store   store.Store
	Root    *keyring.Root
	Metrics *Metrics
	Log     *slog.Logger
	// Clock tells the time. It is asked once for each request, and by what is done in the background.
	Clock func() time.Time
	// Telemetry sends traces of requests; nil: nobody asked for them.
	Telemetry *telemetry.Exporter
	// Development makes it a server for development.
	Development *Development
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	routes  routes
	hosts   map[string]bool // the hosts of the base URLs
	base    string          // the first base URL
	proxies []netip.Prefix
	// networkKeys are the headers of proxies that tell of VPCs.
	networkKeys config.NetworkKeys

	log     *slog.Logger
	metrics *Metrics
	traces  *telemetry.Exporter
	clock   func() time.Time

	store store.Store
	ring  *keyring.Ring
	board *notice.Board
	wall  *perimeter.Wall
	trail *audit.Trail
	watch *reuse.Watch // nil: reuse is not looked for
	// revoke are the accounts whose sessions end when their tokens are reused.
	revoke []string

	draining atomic.Bool
	stop     context.CancelFunc
	work     sync.WaitGroup
}

const (
	// deafFor is how long the server may hear no notices before it refuses sessions.
	deafFor = 10 * time.Minute
	// publishKeys is how long a new key waits in the database before it is used. It exceeds deafFor, maintainRing and twice
	// keyring.Skew together, which are 17 minutes: so a server that still serves has every key that others use.
	publishKeys = 20 * time.Minute
	// gateWait is how long a token request waits for its turn before it is refused with 503.
	gateWait = time.Second
	// gateQueue is how many token requests may wait for each that is served.
	gateQueue = 16
	// longBodies is how many bodies of unusual length are read at once.
	longBodies = 64

	busy = "The server has more requests than it can serve. Try again shortly."
)

// RingOptions returns how the key ring of this configuration is kept. The administration commands open it alike.
func RingOptions(cfg config.Config) keyring.Options {
	l := cfg.Lifetimes
	return keyring.Options{
		Issuer: cfg.BaseURLs[0], Algorithm: cfg.IDToken.Algorithm, Rotate: cfg.Keys.Rotate, Publish: publishKeys + l.Proof,
		// A refresh is answered for the step of its proof, which may be by a clock that is ahead.
		Ahead: l.Proof,
		// A session is sealed again at every step under the key of that step; the longest envelope is a refresh token.
		// An access token lives apart from any session.
		Longest: max(l.Session+l.Credentials+l.CodeCrossDevice+l.Browser, signin.MaxBearer),
	}
}

// New returns a server, and starts what it does in the background. Close ends that. It fails when the root key is not the
// one that the ring was wrapped with.
func New(ctx context.Context, o Options) (*Server, error) {
	cfg, st, now := o.Config, o.Store, o.Clock()
	proxies, err := cfg.Proxies()
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Open(ctx, st, o.Root, RingOptions(cfg), now)
	if err != nil {
		return nil, err
	}
	board, err := notice.Open(ctx, st, deafFor, now)
	if err != nil {
		return nil, err
	}
	wall, err := perimeter.Open(ctx, st, cfg.Region, deafFor+perimeter.Reload, now) // may be that old when the database goes away
	if err != nil {
		return nil, err
	}
	hosts, err := hostsOf(cfg.BaseURLs)
	if err != nil {
		return nil, err
	}
	s := &Server{
		routes: routes{}, hosts: hosts, base: cfg.BaseURLs[0], proxies: proxies, networkKeys: cfg.NetworkKeys,
		log: o.Log, metrics: o.Metrics, traces: o.Telemetry, clock: o.Clock,
		store: st, ring: ring, board: board, wall: wall, trail: audit.New(st, o.Log), revoke: cfg.Reuse.Revoke,
	}
	if cfg.Reuse.Detect {
		s.watch = reuse.New(st, reuse.Grace(cfg.Lifetimes.Signin()))
	}
	if err := s.open(cfg, o.Development); err != nil {
		return nil, err
	}
	s.start(context.WithoutCancel(ctx), cfg)
	return s, nil
}

// open makes the rooms and adds their routes.
func (s *Server) open(cfg config.Config, dev *Development) error {
	lifetimes := cfg.Lifetimes.Signin()
	proofs, err := dpop.New(cfg.BaseURLs, lifetimes.Proof)
	if err != nil {
		return err
	}
	answered := dpop.NewMemory(lifetimes.Proof)
	s.metrics.watch(s, answered)
	callers := &caller.Resolver{Ring: s.ring, Board: s.board, Directory: s.store, Lifetimes: lifetimes, Hosts: s.hosts}
	finder, err := s.openClients(cfg)
	if err != nil {
		return err
	}
	judge := permit.New(s.store, cfg.Region)
	tokens := &token.Endpoint{
		Issuer: s.base, Region: cfg.Region, Lifetimes: lifetimes,
		Sessions: s.store, Clients: finder, Directory: s.store, Grants: s.store, Resources: s.store, Judge: judge, Ring: s.ring, Board: s.board,
		Wall: s.wall, Proofs: proofs, Answered: answered, Callers: callers,
		AnsweredSigned: dpop.NewMemory(caller.Skew), Watch: s.watch,
		ByClient:   limit.New(cfg.Limits.Client.Rule(cfg.Limits.Wait), "client"),
		ByAddress:  limit.New(cfg.Limits.Address.Rule(cfg.Limits.Wait), "address"),
		Gate:       limit.NewGate(cfg.Limits.InFlight, gateQueue*cfg.Limits.InFlight, gateWait, busy),
		LongBodies: limit.NewGate(longBodies, longBodies, gateWait, busy),
	}
	door := &signed.Door{Callers: callers, Region: cfg.Region, ByAddress: tokens.ByAddress, Gate: tokens.Gate, LongBodies: tokens.LongBodies}
	s.routes.add("POST "+wire.TokenPath, s.tokenOperations(cfg, tokens, door, judge).serve)
	s.addSessionOperations(cfg.Region, lifetimes, door, judge, proofs, answered)

	documents := discovery.New(discovery.Options{
		Issuer: s.base, Registration: cfg.Registration.Enabled, MetadataDocuments: cfg.Registration.MetadataDocuments,
	}, s.ring)
	for pattern, h := range documents.Routes() {
		s.routes.add(pattern, h)
	}
	description, err := openapi.New(s.base)
	if err != nil {
		return err
	}
	s.routes.add("GET "+openapi.Path, description)
	s.routes.crossOrigin(discovery.MetadataPath, discovery.OpenIDPath, discovery.JWKSPath, openapi.Path, wire.TokenPath)
	s.routes.add("GET /livez", s.live)
	s.routes.add("GET /readyz", s.ready)
	s.routes.add("GET /healthz", s.health)

	pages, err := authorize.New(authorize.Deps{
		Base: cfg.BaseURLs, Region: cfg.Region, Lifetimes: lifetimes, Development: dev != nil, AutoApprove: autoApprove(dev),
		Clients: finder, Directory: s.store, Resources: s.store, Judge: judge, Audit: s.store, Board: s.board, Wall: s.wall, Keys: s.ring,
	})
	if err != nil {
		return err
	}
	for pattern, h := range pages.Routes() {
		s.routes.add(pattern, s.ownHost(s.whenReady(h)))
	}
	// Two protocols have everything at the root: STS's, where a parameter says what it is, and AWS JSON, where a header does.
	beside := sts.New(callers).Beside
	s.routes.wrap("/", func(next wire.Handler) wire.Handler { return s.whenReady(beside(next)) })
	administration := &control.Endpoint{
		Region: cfg.Region, Door: door, Judge: judge, Perimeter: s.store, Keys: s.ring, Trail: s.trail,
	}
	for pattern, h := range administration.Routes() {
		s.routes.add(pattern, s.whenReady(h))
	}
	s.routes.wrap("/", func(next wire.Handler) wire.Handler { return s.whenReady(administration.Beside(next)) })
	return nil
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
