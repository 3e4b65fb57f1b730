package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// heardWithin is how soon a notice must be heard, whatever else is stuck.
const heardWithin = 2 * time.Second

// wantHeard fails the test when s does not hear of n notices in time.
func wantHeard(t *testing.T, s *Store, n int, while string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), heardWithin)
	defer cancel()
	if got, err := s.NoticesAfter(ctx, 0, 10); err != nil || len(got) != n {
		t.Errorf("NoticesAfter while %s = %v, %v, want %d notices", while, got, err, n)
	}
	if last, err := s.LastNotice(ctx); err != nil || last != int64(n) {
		t.Errorf("LastNotice while %s = %d, %v, want %d", while, last, err, n)
	}
}

func TestNoticesAreHeardWhileATableIsStuck(t *testing.T) {
	url := pgtest.Shared(t)
	s, c := openOptions(t, Options{URL: url, Connections: 2}), beside(t, url)
	must(t, "Announce", open(t, url).Announce(t.Context(), signin.Notice{Subject: "x"}))
	run(t, c, `BEGIN`, `LOCK TABLE person IN ACCESS EXCLUSIVE MODE`)
	ctx, leave := context.WithCancel(t.Context())
	var stuck sync.WaitGroup
	for range 8 {
		stuck.Go(func() { _, _ = s.PersonByID(ctx, alice.ID) })
	}
	awaitWaiting(t, c, 2) // the whole pool
	wantHeard(t, s, 1, "the pool waits for a table")
	wantHeard(t, s, 1, "the pool waits for a table, again")
	leave()
	stuck.Wait()
	run(t, c, `ROLLBACK`)
}

// way is a path to a server on which connections can die without a word, while new ones work.
type way struct {
	net.Listener
	to   string
	cut  atomic.Int64 // of the connections that were made, those up to this one are dead
	made atomic.Int64
}

// newWay returns one to the server of url, and the URL that goes over it.
func newWay(t *testing.T, url string) (*way, string) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	must(t, "ParseConfig", err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "Listen", err)
	w := &way{Listener: l, to: net.JoinHostPort(config.Host, port(config))}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.carry(t.Context(), c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return w, strings.Replace(url, w.to, l.Addr().String(), 1)
}

// carry takes bytes there and back until either end leaves, and drops them once the connection is dead.
func (w *way) carry(ctx context.Context, from net.Conn) {
	mine := w.made.Add(1)
	to, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = from.Close()
		return
	}
	defer context.AfterFunc(ctx, func() { _, _ = from.Close(), to.Close() })()
	var both sync.WaitGroup
	for _, ends := range [2][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(living{w, mine, ends[1]}, ends[0])
			_, _ = from.Close(), to.Close()
		})
	}
	both.Wait()
}

// living writes to a connection that has not died.
type living struct {
	way    *way
	number int64
	net.Conn
}

func (l living) Write(b []byte) (int, error) {
	if l.number <= l.way.cut.Load() {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

func TestConnectionThatDiedSilentlyIsReplacedAtOnce(t *testing.T) {
	url := pgtest.Shared(t)
	w, over := newWay(t, url)
	s, other := open(t, over), open(t, url)
	for n := 1; n <= 2; n++ {
		must(t, "Announce", other.Announce(t.Context(), signin.Notice{Subject: "x"}))
		began := time.Now()
		wantHeard(t, s, n, "the way is new")
		w.cut.Store(w.made.Load())
		wantHeard(t, s, n, "all connections died")
		if took := time.Since(began); took < pollLimit {
			t.Errorf("the connection that died was found out after %v, so it had not died", took)
		}
	}
}

// A caller that leaves while the connection is made does not stop it, so that who polls often gets there at last.
func TestConnectionIsMadeOverSeveralPolls(t *testing.T) {
	s := open(t, pgtest.Shared(t))
	release := make(chan struct{})
	var dials atomic.Int64
	dial := s.polls.config.DialFunc
	s.polls.config = s.polls.config.Copy()
	s.polls.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return nil, errors.New("whoever connects anew fails")
		}
		<-release
		return dial(ctx, network, address)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.LastNotice(ctx); err == nil {
		t.Error("LastNotice without a connection = nil, want an error")
	}
	close(release)
	wantHeard(t, s, 0, "the connection of an earlier poll arrives")
}

func TestClosedStoreHasNoConnectionLeft(t *testing.T) {
	url := pgtest.Shared(t)
	s, c := open(t, url), beside(t, url)
	wantHeard(t, s, 0, "nothing is wrong")
	must(t, "Close", s.Close())
	left := func() int64 {
		return number(t, c, `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'latchkey' AND datname = current_database()`)
	}
	for end := time.Now().Add(10 * time.Second); left() > 0; {
		if time.Now().After(end) {
			t.Fatalf("%d connections are left of a closed store", left())
		}
	}
	if err := s.polls.ask(t.Context(), `SELECT 1`, nil, nil); err == nil {
		t.Error("a poll of a closed store = nil, want an error")
	}
}
