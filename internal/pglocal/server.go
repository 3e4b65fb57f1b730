package pglocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Options are what a server may be told; the zero value is good.
type Options struct {
	// Address is the loopback address to listen on; empty: 127.0.0.1. The port is a free one.
	Address string
	// Settings are parameters of postgresql.conf by name. They hold for the whole life of the server, and go before what
	// Configure sets.
	Settings map[string]string
}

// Server is a PostgreSQL server of this machine. Its methods may be called from many goroutines, except those that start
// and end it.
type Server struct {
	folder   string // the data are in its folder data, the log beside it
	binaries string
	address  string
	port     int
	settings map[string]string

	mu  sync.Mutex
	run *run // nil: not running
	// standbys counts how many were made of this server, for the names of their slots.
	standbys int
}

// Start makes a database cluster in the folder dir, which it creates where there is none, and starts a server on it. A
// cluster that is in dir already is used as it is. ctx bounds the start alone; the server lives until Stop or Kill, or
// until this program ends.
//
// The cluster has checksums, UTF-8 and the locale C, and its superuser is postgres, who needs no password. dir is best on
// a disk; on a file system in memory nothing is durable, but faster.
func Start(ctx context.Context, dir string, o Options) (*Server, error) {
	s, err := newServer(dir, o)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL in %s: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		if err := s.initialize(ctx); err != nil {
			return nil, fmt.Errorf("PostgreSQL in %s: %w", dir, err)
		}
	}
	if err := s.startOnFreePort(ctx); err != nil {
		return nil, fmt.Errorf("PostgreSQL in %s: %w", dir, err)
	}
	return s, nil
}

// newServer checks o and prepares the folder.
func newServer(dir string, o Options) (*Server, error) {
	folder, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, address: o.Address, settings: o.Settings}
	if s.address == "" {
		s.address = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(s.address); err != nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%q is not a loopback address; whoever reaches the server is let in", s.address)
	}
	if s.binaries, err = binaries(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	return s, own(folder)
}

// initialize makes the cluster. It need not survive a loss of power before the server has started, so nothing is flushed.
func (s *Server) initialize(ctx context.Context) error {
	err := s.program(ctx, "initdb", "--pgdata", s.data(), "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--data-checksums", "--no-sync", "--no-instructions")
	if err != nil {
		return err
	}
	return s.writeAccess()
}

// writeAccess lets in whoever comes from a loopback address, and nobody else.
func (s *Server) writeAccess() error {
	const rules = `# type  database     user  address       method
host    all          all   127.0.0.0/8   trust
host    replication  all   127.0.0.0/8   trust
host    all          all   ::1/128       trust
host    replication  all   ::1/128       trust
`
	return os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(rules), 0o600)
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// startOnFreePort tries again with another port when somebody else takes the one that was free.
func (s *Server) startOnFreePort(ctx context.Context) error {
	var err error
	for range 5 {
		if s.port, err = freePort(s.address); err != nil {
			return err
		}
		if err = s.start(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

func freePort(address string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Address returns the address and port that the server listens on, as 127.0.0.1:5432. It stays the same over a Restart.
func (s *Server) Address() string { return net.JoinHostPort(s.address, strconv.Itoa(s.port)) }

// URL returns the connection string of a database of the server for its superuser. There is a database postgres from the
// beginning.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: s.Address(), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// CreateDatabase makes an empty database.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return s.Run(ctx, "postgres", "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
}

// Run runs statements one after the other in a database of the server, as its superuser. It returns the first error.
func (s *Server) Run(ctx context.Context, database string, statements ...string) error {
	c, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, statement := range statements {
		if _, err := c.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// Configure changes parameters of postgresql.conf that need no restart; an empty value takes a parameter back to its
// default. They last over a Restart.
func (s *Server) Configure(ctx context.Context, settings map[string]string) error {
	var statements []string
	for name, value := range settings {
		statement := "ALTER SYSTEM RESET " + pgx.Identifier{name}.Sanitize()
		if value != "" {
			statement = "ALTER SYSTEM SET " + pgx.Identifier{name}.Sanitize() + " = " + quote(value)
		}
		statements = append(statements, statement)
	}
	return s.Run(ctx, "postgres", append(statements, "SELECT pg_reload_conf()")...)
}
