package pglocal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// ask returns the only value of a query.
func ask[T any](t *testing.T, url, query string) (answer T) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	if err := c.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func must(t *testing.T, call string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v", call, err)
	}
}

func TestServerIsDurableAndPrivate(t *testing.T) {
	s := pgtest.Start(t, pglocal.Options{Address: "127.0.0.2", Settings: map[string]string{"work_mem": "5MB"}})
	if got := s.Address(); !strings.HasPrefix(got, "127.0.0.2:") {
		t.Errorf("Address() = %s, want 127.0.0.2", got)
	}
	for parameter, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on", "server_encoding": "UTF8",
		"lc_collate": "C", "listen_addresses": "127.0.0.2", "unix_socket_directories": "", "work_mem": "5MB",
	} {
		if got := ask[string](t, s.URL("postgres"), "SHOW "+parameter); got != want {
			t.Errorf("%s = %q, want %q", parameter, got, want)
		}
	}
}

// What was committed is there after Kill, what was not is not; the address stays.
func TestKilledServerComesBack(t *testing.T) {
	s := pgtest.Start(t, pglocal.Options{})
	must(t, "CreateDatabase", s.CreateDatabase(t.Context(), `odd "name"`))
	url, pid := s.URL(`odd "name"`), s.PID()
	must(t, "Run", s.Run(t.Context(), `odd "name"`, "CREATE TABLE x (i int)", "INSERT INTO x VALUES (1), (2)"))
	c, err := pgx.Connect(t.Context(), url)
	must(t, "Connect", err)
	defer c.Close(context.WithoutCancel(t.Context()))
	if _, err := c.Exec(t.Context(), "BEGIN; INSERT INTO x VALUES (3)"); err != nil {
		t.Fatal(err)
	}
	must(t, "Kill", s.Kill())
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("process %d is there after Kill: %v", pid, err)
	}
	if _, err := c.Exec(t.Context(), "COMMIT"); err == nil {
		t.Error("COMMIT after Kill = nil, want an error")
	}
	must(t, "Kill again", s.Kill())
	must(t, "Restart", s.Restart(t.Context()))
	if !strings.Contains(s.Log(), "was not properly shut down") {
		t.Errorf("the server that was killed did not recover: %s", s.Log())
	}
	if got := ask[int](t, url, "SELECT sum(i) FROM x"); got != 3 {
		t.Errorf("sum after Kill = %d, want 3", got)
	}
	must(t, "Restart of a running server", s.Restart(t.Context()))
	if strings.Contains(s.Log(), "was not properly shut down") {
		t.Errorf("the server that was stopped had to recover: %s", s.Log())
	}
	must(t, "Stop", s.Stop())
	must(t, "Stop again", s.Stop())
	if got := s.PID(); got != 0 {
		t.Errorf("PID() of a stopped server = %d, want 0", got)
	}
}

func TestNothingAnsweredIsLostWhenTheStandbyIsPromoted(t *testing.T) {
	s := pgtest.Start(t, pglocal.Options{})
	must(t, "Run", s.Run(t.Context(), "postgres", "CREATE TABLE x (i int)"))
	standby := pgtest.Standby(t, s, pglocal.Options{Address: "127.0.0.3"})
	if got := ask[bool](t, standby.URL("postgres"), "SELECT pg_is_in_recovery()"); !got {
		t.Error("the standby takes writes before it is promoted")
	}
	for i := range 20 {
		must(t, "INSERT", s.Run(t.Context(), "postgres", fmt.Sprintf("INSERT INTO x VALUES (%d)", i)))
	}
	must(t, "Kill", s.Kill())
	must(t, "Promote", standby.Promote(t.Context()))
	must(t, "INSERT into the promoted one", standby.Run(t.Context(), "postgres", "INSERT INTO x VALUES (100)"))
	if got := ask[int](t, standby.URL("postgres"), "SELECT count(*) FROM x"); got != 21 {
		t.Errorf("the promoted standby has %d rows, want the 20 that were answered and one more", got)
	}
}

func TestCommitsWaitForTheStandby(t *testing.T) {
	s := pgtest.Start(t, pglocal.Options{})
	must(t, "Run", s.Run(t.Context(), "postgres", "CREATE TABLE x (i int)"))
	standby := pgtest.Standby(t, s, pglocal.Options{})
	must(t, "Kill", standby.Kill())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Run(ctx, "postgres", "INSERT INTO x VALUES (1)"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("INSERT without the standby = %v, want it to wait", err)
	}
	must(t, "StandAlone", s.StandAlone(t.Context()))
	must(t, "INSERT after StandAlone", s.Run(t.Context(), "postgres", "INSERT INTO x VALUES (2)"))
}

func TestFailuresSayWhatIsWrong(t *testing.T) {
	pgtest.Need(t)
	for _, c := range []struct {
		options pglocal.Options
		want    string
	}{
		{pglocal.Options{Address: "10.0.0.1"}, "not a loopback address"},
		{pglocal.Options{Settings: map[string]string{"no_such_parameter": "1"}}, "no_such_parameter"},
	} {
		s, err := pglocal.Start(t.Context(), filepath.Join(t.TempDir(), "pg"), c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Start(%+v) = %v, %v, want an error with %q", c.options, s, err, c.want)
		}
	}
}

func TestSharedDatabasesAreApart(t *testing.T) {
	one, other := pgtest.Shared(t), pgtest.Shared(t)
	c, err := pgx.Connect(t.Context(), one)
	must(t, "Connect", err)
	defer c.Close(context.WithoutCancel(t.Context()))
	if _, err := c.Exec(t.Context(), "CREATE TABLE mine (i int)"); err != nil {
		t.Fatal(err)
	}
	if got := ask[int](t, other, "SELECT count(*) FROM pg_class WHERE relname = 'mine'"); got != 0 {
		t.Error("a table of one database is in the other")
	}
}
