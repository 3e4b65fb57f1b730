package testkit

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/identity"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/server"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
	"github.com/latchkey-id/latchkey/internal/telemetry"
)

// What the directory of a test holds.
const (
	Account  = "111122223333"
	Person   = "alice"
	Password = "correct horse battery" // of a server with pages
	RoleName = "Developer"
	// Redirect is where the same-device client is sent.
	Redirect = "http://127.0.0.1:35587/oauth/callback"
)

// Server is a server under test. Its handler is called directly, without a network, so it works inside a synctest bubble.
type Server struct {
	*server.Server
	Config config.Config
	Store  store.Store
	Ring   *keyring.Ring
	Person store.Person
	Role   store.Role
	Base   string // the base URL

	root     *keyring.Root
	dev      *server.Development
	metrics  *server.Metrics
	traces   *telemetry.Exporter
	log      logText
	logins   chan struct{}
	hidden   *atomic.Bool // statements cannot be read
	address  string       // where requests come from
	headers  []string     // that they have
	gone     bool         // the database was taken away
	outcomes sync.Map     // request id → outcome of its log record
}

// Option changes the configuration of a server under test.
type Option func(*config.Config)

// Start returns a server with a person who has one role. It signs that person in without pages, so that Authorize gives
// codes. It is closed when the test ends; in a synctest bubble, call it inside the bubble.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	return start(t, &server.Development{AutoApprove: Person}, "", options)
}

// StartWithPages is Start for a server that asks the person, as in production. The person's password is Password; it is
// hashed once, which takes a while.
func StartWithPages(t testing.TB, options ...Option) *Server {
	t.Helper()
	return start(t, nil, passwordHash(), options)
}

var passwordHash = sync.OnceValue(func() string {
	hash, err := identity.HashPassword(Password)
	if err != nil {
		panic(err) // the password is long enough
	}
	return hash
})

func start(t testing.TB, dev *server.Development, hash string, options []Option) *Server {
	t.Helper()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.RootKey.Env = "UNUSED"
	cfg.BaseURLs = []string{"http://127.0.0.1:8080"}
	for _, o := range options {
		o(&cfg)
	}
	if err := cfg.Check(); err != nil {
		t.Fatalf("configuration: %v", err)
	}
	s := &Server{Config: cfg, Base: cfg.BaseURLs[0], address: "127.0.0.1", metrics: server.NewMetrics()}
	ctx, now := t.Context(), time.Now()
	var err error
	s.traces, err = telemetry.Start(ctx, telemetry.Options{
		Endpoint: cfg.Telemetry.Endpoint, Sample: cfg.Telemetry.Sample, Interval: cfg.Telemetry.Interval,
		Registry: s.metrics.Registry(), Log: slog.New(records{s}),
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(ctx, filepath.Join(cfg.Data, "latchkey.db"), now, sqlite.Options{Observe: observer(s.metrics, s.traces)})
	if err != nil {
		t.Fatal(err)
	}
	s.logins = make(chan struct{}, 1)
	s.hidden = new(atomic.Bool)
	s.Store = stallable{st, s.logins, s.hidden}
	s.fill(t, hash, now)
	if s.root, err = keyring.ParseRoot(keyring.NewRootKey()); err != nil {
		t.Fatal(err)
	}
	s.dev = dev
	s.serve(t, now)
	t.Cleanup(func() {
		s.Server.Close()
		if s.gone {
			return
		}
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

// serve starts a server on the store.
func (s *Server) serve(t testing.TB, now time.Time) {
	t.Helper()
	var err error
	s.Server, err = server.New(t.Context(), server.Options{
		Config: s.Config, Store: s.Store, Root: s.root, Metrics: s.metrics, Log: slog.New(records{s}), Clock: time.Now,
		Telemetry: s.traces, Development: s.dev,
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Ring, err = keyring.Open(t.Context(), s.Store, s.root, server.RingOptions(s.Config), now); err != nil {
		t.Fatal(err)
	}
}

// Node starts another node on the same database, with the same root key and configuration. It is closed when the test ends,
// before the database is.
func (s *Server) Node(t testing.TB) *Server {
	t.Helper()
	n := &Server{
		Config: s.Config, Base: s.Base, Store: s.Store, Person: s.Person, Role: s.Role,
		address: s.address, headers: s.headers, metrics: server.NewMetrics(), root: s.root, dev: s.dev, logins: s.logins,
	}
	n.serve(t, time.Now())
	t.Cleanup(n.Server.Close)
	return n
}

// ClientOf returns the client c as it talks to this node.
func (s *Server) ClientOf(c *Client) *Client {
	other := *c
	other.server = s
	return &other
}

// Restart stops the server and starts one on the same database with a changed configuration.
func (s *Server) Restart(t testing.TB, options ...Option) {
	t.Helper()
	s.Server.Close()
	for _, o := range options {
		o(&s.Config)
	}
	if err := s.Config.Check(); err != nil {
		t.Fatalf("configuration: %v", err)
	}
	s.metrics = server.NewMetrics()
	s.serve(t, time.Now())
}

// fill makes the directory of a test. Where no page asks for it, the person has no password.
func (s *Server) fill(t testing.TB, hash string, now time.Time) {
	t.Helper()
	s.Person = store.Person{
		ID: signin.NewUniqueID(signin.PrefixPerson), Name: Person, PasswordHash: hash,
		// In the past, so that a sign-in in the same millisecond is after it.
		Created: now, PasswordChanged: now.Add(-time.Second),
	}
	s.Role = store.Role{
		ID: signin.NewUniqueID(signin.PrefixRole), Account: Account, Name: RoleName, Policy: policy.LocalDevelopment, Created: now,
	}
	ctx := t.Context()
	for _, err := range []error{
		s.Store.AddAccount(ctx, store.Account{ID: Account, Name: "Test", Created: now}),
		s.Store.AddPerson(ctx, s.Person),
		s.Store.AddRole(ctx, s.Role),
		s.Store.Assign(ctx, s.Person.ID, s.Role.ID),
	} {
		if err != nil {
			t.Fatalf("fill directory: %v", err)
		}
	}
}

// TakeStoreAway makes every further use of the database fail.
func (s *Server) TakeStoreAway(t testing.TB) {
	t.Helper()
	s.gone = true
	if err := s.Store.Close(); err != nil {
		t.Fatalf("close store: %v", err)
	}
}

// stallable is a store that redeems no code while logins is taken, and reads no statements while they are hidden.
type stallable struct {
	store.Store
	logins chan struct{}
	hidden *atomic.Bool
}

func (s stallable) EffectiveStatements(ctx context.Context) ([]store.PermissionStatement, error) {
	if s.hidden.Load() {
		return nil, errors.New("statements are hidden")
	}
	return s.Store.EffectiveStatements(ctx)
}

func (s stallable) RedeemCode(ctx context.Context, session signin.Session) error {
	s.logins <- struct{}{}
	<-s.logins
	return s.Store.RedeemCode(ctx, session)
}

// StallLogins makes every login wait for the database until resume is called.
func (s *Server) StallLogins() (resume func()) {
	s.logins <- struct{}{}
	return func() { <-s.logins }
}

// HideStatements makes reading permission statements fail, and nothing else, until it is called with false.
func (s *Server) HideStatements(hidden bool) { s.hidden.Store(hidden) }

// observer tells the metrics and the trace, as cmd/latchkey does.
func observer(metrics *server.Metrics, traces *telemetry.Exporter) store.Observer {
	return func(ctx context.Context, operation string, took time.Duration, err error) {
		metrics.ObserveStore(ctx, operation, took, err)
		ended := time.Now()
		traces.Child(ctx, "store "+operation, ended.Add(-took), ended, err)
	}
}

// StopTelemetry sends the traces that wait.
func (s *Server) StopTelemetry(t testing.TB) {
	t.Helper()
	if err := s.traces.Stop(t.Context(), time.Now()); err != nil {
		t.Errorf("stop telemetry: %v", err)
	}
}

// ComeFrom makes all further requests come from that address, with those headers: a name and a value each.
func (s *Server) ComeFrom(address string, headers ...string) {
	s.address, s.headers = address, headers
}

// Do sends one request to the server and returns the answer.
func (s *Server) Do(r *http.Request) *httptest.ResponseRecorder {
	if r.RemoteAddr == "192.0.2.1:1234" { // what httptest sets
		r.RemoteAddr = net.JoinHostPort(s.address, "50000")
		for i := 0; i+1 < len(s.headers); i += 2 {
			r.Header.Add(s.headers[i], s.headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
