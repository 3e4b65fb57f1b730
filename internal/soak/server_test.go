package soak

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/postgres"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// site is a server process in a world whose time runs faster.
type site struct {
	dir, addr, metrics string
	database           string // URL; empty: a file in data
	ring               *keyring.Ring
	began              time.Time
	ahead              atomic.Int64 // nanoseconds that the world's clock is ahead
	log                bytes.Buffer // read after the process has ended
	cmd                *exec.Cmd
	client             *http.Client
}

// speed is how much faster the time of the world runs.
const speed = 120

// startSite starts the program at binary.
func startSite(t *testing.T, binary, database string) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), database: database, addr: freeAddress(t), metrics: freeAddress(t), began: time.Now(), client: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients},
	}}
	root := keyring.NewRootKey()
	s.write(t, "root.key", root+"\n")
	s.write(t, "clock", "0s")
	where := "data: data"
	if database != "" {
		where = fmt.Sprintf("database: {url: %q}", database)
	}
	s.write(t, "latchkey.yaml", fmt.Sprintf("listen: %q\nmetrics_listen: %q\n%s\nroot_key: {file: root.key}\nlog: {level: warn}\n"+
		"lifetimes: {session: 30m}\naudit: {keep: 1h}\nregistration: {lifetime: 1h, address: {per_second: 0}}\nlimits: {client: {per_second: 0}, address: {per_second: 0}}\n", s.addr, s.metrics, where))
	s.cmd = exec.Command(binary, "serve", "--config", filepath.Join(s.dir, "latchkey.yaml"))
	s.cmd.Env = append(os.Environ(), "REHEARSAL_CLOCK_FILE="+filepath.Join(s.dir, "clock"))
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	// Others on this computer come first; where this is not allowed, it is not needed either.
	_ = unix.Setpriority(unix.PRIO_PROCESS, s.cmd.Process.Pid, 10)
	s.awaitReady(t)
	s.openRing(t, root)
	return s
}

func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *site) awaitReady(t *testing.T) {
	t.Helper()
	for range 1200 {
		if r, err := s.client.Get("http://" + s.addr + "/healthz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the server is not ready after a minute")
}

// open opens the database beside the server.
func (s *site) open(ctx context.Context) (store.Store, error) {
	if s.database != "" {
		return postgres.Open(ctx, postgres.Options{URL: s.database, Now: time.Now()})
	}
	return sqlite.Open(ctx, s.file(), time.Now(), sqlite.Options{})
}

func (s *site) file() string { return filepath.Join(s.dir, "data", "latchkey.db") }

// openRing opens the ring of the server, so that codes can be made without a browser.
func (s *site) openRing(t *testing.T, root string) {
	t.Helper()
	st, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	key, err := keyring.ParseRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	const aMonth = 30 * 24 * time.Hour
	s.ring, err = keyring.Open(t.Context(), st, key, keyring.Options{
		Issuer: "http://" + s.addr, Algorithm: "ES384", Rotate: aMonth, Publish: time.Hour, Longest: aMonth,
	}, s.now())
	if err != nil {
		t.Fatal(err)
	}
}

// now is the time of the world.
func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// turn lets the time of the world run until ctx ends. The file is replaced, so that no half of it is ever read.
func (s *site) turn(ctx context.Context, running *sync.WaitGroup) {
	running.Go(func() {
		next := filepath.Join(s.dir, "clock.next")
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			ahead := time.Since(s.began) * (speed - 1)
			if os.WriteFile(next, []byte(ahead.String()), 0o600) == nil && os.Rename(next, filepath.Join(s.dir, "clock")) == nil {
				s.ahead.Store(int64(ahead))
			}
		}
	})
}

// tellOfRing gives notice every second that the ring was changed, which makes the server look after it. By itself it does
// so once a minute, which is too seldom in this world.
func (s *site) tellOfRing(ctx context.Context, t *testing.T, running *sync.WaitGroup) {
	t.Helper()
	st, err := s.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		defer st.Close()
		for tick := time.NewTicker(time.Second); ; {
			now := s.now()
			err := st.Announce(ctx, signin.Notice{Reason: signin.ChangedRing, At: now, Expires: now.Add(time.Hour)})
			if err != nil && ctx.Err() == nil {
				t.Errorf("Announce = %v", err)
			}
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
}

// size is how many bytes the database takes on the disk.
func (s *site) size(ctx context.Context) (float64, error) {
	if s.database == "" {
		var bytes int64
		for _, name := range []string{s.file(), s.file() + "-wal"} {
			info, err := os.Stat(name)
			if err != nil {
				return 0, err
			}
			bytes += info.Size()
		}
		return float64(bytes), nil
	}
	c, err := pgx.Connect(ctx, s.database)
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	var bytes int64
	err = c.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&bytes)
	return float64(bytes), err
}

// stop ends the server the usual way, which must succeed.
func (s *site) stop(t *testing.T) {
	t.Helper()
	s.client.CloseIdleConnections()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, s.log.Bytes())
	}
}
