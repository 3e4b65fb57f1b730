package postgres

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/schema"
	"github.com/latchkey-id/latchkey/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestContract(t *testing.T) {
	urls := newDatabases(t)
	storetest.Run(t, storetest.Engine{Open: func(t *testing.T, name string) store.Store { return open(t, urls.of(t, name)) }})
}

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// databases gives every name a database.
type databases struct {
	mu  sync.Mutex
	url map[string]string
}

func newDatabases(t *testing.T) *databases {
	pgtest.Need(t)
	return &databases{url: make(map[string]string)}
}

func (d *databases) of(t *testing.T, name string) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.url[name] == "" {
		d.url[name] = pgtest.Shared(t)
	}
	return d.url[name]
}

// open opens the database until the test ends.
func open(t testing.TB, url string) *Store {
	t.Helper()
	return openOptions(t, Options{URL: url})
}

func openOptions(t testing.TB, o Options) *Store {
	t.Helper()
	o.Now = noon
	heardStatements.watch(t)
	s, err := openWith(t.Context(), shipped(t), traced(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// shipped is what this binary knows.
func shipped(t testing.TB) []schema.Migration {
	t.Helper()
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// session returns one of the size that a login leaves, with an id of its own.
func session(at time.Time) signin.Session {
	return signin.Session{
		ID:        signin.NewSessionID(at),
		ClientID:  signin.SameDevice,
		Principal: signin.Principal{Account: "111122223333", Role: "Developer", RoleID: "AROADEVELOPER0000000", Person: "alice@example.com", PersonID: "AIDAALICE00000000000"},
		Key:       signin.Thumbprint{1, 2, 3},
		AuthTime:  at, Issued: at, Start: at, End: at.Add(12 * time.Hour),
		Methods: "pwd",
	}
}

func codes(n int) []signin.Session {
	list := make([]signin.Session, n)
	for i := range list {
		list[i] = session(noon)
	}
	return list
}

// beside connects the way another program would.
func beside(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

// run runs statements on c.
func run(t testing.TB, c *pgx.Conn, list ...string) {
	t.Helper()
	for _, s := range list {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// number returns the only value of a query.
func number(t testing.TB, c *pgx.Conn, query string, args ...any) (n int64) {
	t.Helper()
	if err := c.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// traced returns the tracer that looks at all statements, or none where time is measured.
func traced(t testing.TB) pgx.QueryTracer {
	if _, measured := t.(*testing.B); measured {
		return nil
	}
	return heardStatements
}
