package postgres

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

// marker is a password that must appear nowhere.
const marker = "pAssw0rd"

func TestOpenSaysWhatIsWrong(t *testing.T) {
	server := pgtest.Start(t, pglocal.Options{})
	must(t, "Run", server.Run(t.Context(), "postgres",
		`CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0`, `CREATE DATABASE foreigner`, `CREATE DATABASE rails`,
		`CREATE ROLE guest LOGIN PASSWORD 'right'`, `CREATE ROLE locked LOGIN PASSWORD 'right'`))
	must(t, "Run", server.Run(t.Context(), "foreigner", `CREATE TABLE bookmarks (url TEXT)`))
	must(t, "Run", server.Run(t.Context(), "rails", `CREATE TABLE schema_migrations (version TEXT)`))
	var rules string
	c := beside(t, server.URL("postgres"))
	if err := c.QueryRow(t.Context(), `SHOW hba_file`).Scan(&rules); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(rules)
	must(t, "ReadFile", err)
	must(t, "WriteFile", os.WriteFile(rules, append([]byte("host all locked 127.0.0.0/8 scram-sha-256\n"), before...), 0o600))
	run(t, c, `SELECT pg_reload_conf()`)

	at := "@" + server.Address() + "/"
	for name, tt := range map[string]struct{ url, want string }{
		"nobody listens":  {"postgres://postgres:" + marker + "@127.0.0.1:1/x", "that the server runs and listens there"},
		"unknown host":    {"postgres://postgres:" + marker + "@host.invalid/x", "check host and port"},
		"wrong password":  {"postgres://locked:" + marker + at + "postgres", "check user and password"},
		"no database":     {"postgres://postgres:" + marker + at + "nowhere", "there is no database of that name"},
		"no rights":       {"postgres://guest:" + marker + at + "postgres", "may not do that"},
		"encoding":        {"postgres://postgres:" + marker + at + "ascii", "create the database with ENCODING 'UTF8'"},
		"other tables":    {"postgres://postgres:" + marker + at + "foreigner", "the tables of another program"},
		"other records":   {"postgres://postgres:" + marker + at + "rails", "the tables of another program"},
		"open slash":      {"postgres://postgres:" + marker + "/x" + at + "postgres", "percent-encoded"},
		"not a URL":       {"postgres:" + marker, "percent-encoded"},
		"not even a text": {"postgres://postgres:" + marker + "%zz@127.0.0.1/x", "percent-encoded"},
		"simple protocol": {"postgres://postgres:" + marker + at + "postgres?default_query_exec_mode=simple_protocol", "take default_query_exec_mode out"},
	} {
		s, err := Open(t.Context(), Options{URL: tt.url, Now: noon})
		if err == nil {
			t.Errorf("%s: Open = nil, want an error", name)
			_ = s.Close()
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), marker) {
			t.Errorf("%s: Open = %v, want %q and no password", name, err, tt.want)
		}
	}
	s, err := Open(t.Context(), Options{URL: server.URL("postgres"), Replica: "postgres://x:" + marker + "%zz@h/x", Now: noon})
	if err == nil || strings.Contains(err.Error(), marker) || s != nil {
		t.Errorf("Open with a replica that is no URL = %v, %v, want an error without the password", s, err)
	}
}

// Whoever names a standby learns that at once, and not by the first write.
func TestStandbyIsRefusedAsPrimary(t *testing.T) {
	primary := pgtest.Start(t, pglocal.Options{})
	standby := pgtest.Standby(t, primary, pglocal.Options{})
	if _, err := Open(t.Context(), Options{URL: standby.URL("postgres"), Now: noon}); err == nil || !strings.Contains(err.Error(), "must name the primary") {
		t.Errorf("Open of a standby = %v, want an error that says so", err)
	}
}

// An administrator may have made the server, the database or the user forgetful, for other programs' sake.
func TestWritesAreDurableWhateverTheDatabaseIsSetTo(t *testing.T) {
	for setting, want := range map[string]string{"off": "on", "local": "local", "remote_apply": "remote_apply", "on": "on"} {
		url := pgtest.Shared(t)
		c := beside(t, url)
		run(t, c, fmt.Sprintf(`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = %s'; END $$`, setting))
		s := open(t, url)
		must(t, "RedeemCode", s.RedeemCode(t.Context(), session(noon)))
		config, err := configure(url, 1, nil)
		must(t, "configure", err)
		ours, err := connect(t.Context(), config.ConnConfig) // as the writers do
		must(t, "connect", err)
		pooled, err := s.pool.Acquire(t.Context())
		must(t, "Acquire", err)
		var encoding, atWriter, inPool string
		const ask = `SELECT current_setting('server_encoding', true), current_setting('synchronous_commit', true)`
		must(t, "SELECT", ours.QueryRow(t.Context(), ask).Scan(&encoding, &atWriter))
		must(t, "SELECT", pooled.QueryRow(t.Context(), ask).Scan(&encoding, &inPool))
		pooled.Release()
		must(t, "Close", ours.Close(t.Context()))
		if atWriter != want || inPool != want {
			t.Errorf("synchronous_commit = %s of the database becomes %s and %s, want %s", setting, atWriter, inPool, want)
		}
	}
}

func TestSessionsOfTheServerAreNamedAndBounded(t *testing.T) {
	url := pgtest.Shared(t)
	open(t, url)
	for options, want := range map[string][3]string{
		"": {"latchkey", "10s", "3s"},
		"&application_name=mine&statement_timeout=7000&idle_in_transaction_session_timeout=8000": {"mine", "7s", "8s"},
	} {
		config, err := configure(url+options, 1, nil)
		must(t, "configure", err)
		c, err := connect(t.Context(), config.ConnConfig)
		must(t, "connect", err)
		var got [3]string
		must(t, "SELECT", c.QueryRow(t.Context(), `SELECT current_setting('application_name'), current_setting('statement_timeout'),
			current_setting('idle_in_transaction_session_timeout')`).Scan(&got[0], &got[1], &got[2]))
		must(t, "Close", c.Close(t.Context()))
		if got != want {
			t.Errorf("with %q sessions are %q, want %q", options, got, want)
		}
	}
}

func TestPoolHasTheSizeThatWasAsked(t *testing.T) {
	for connections, want := range map[int]int32{0: 16, 3: 3, -1: 16} {
		config, err := configure("postgres://h/d?pool_max_conns=99", connections, nil)
		if err != nil || config.MaxConns != want {
			t.Errorf("configure for %d connections gives %d, %v, want %d", connections, config.MaxConns, err, want)
		}
	}
}

func TestObserverHearsOfEveryOperation(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	observe := func(ctx context.Context, operation string, took time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprintf("%s %t %t %t", operation, took > 0, err != nil, ctx.Value(key{}) != nil))
	}
	s := openOptions(t, Options{URL: pgtest.Shared(t), Observe: observe})
	code := session(noon)
	_ = s.RedeemCode(ctx, code)
	_, _ = s.SessionByID(ctx, code.ID)
	_ = s.RedeemCode(ctx, code)
	_, _ = s.PersonByName(ctx, "nobody")
	must(t, "Close", s.Close())
	// A commit is told after its callers were answered, so at any place after that.
	got, commits := []string{}, 0
	for _, h := range heard {
		if h == "commit true false false" {
			commits++
		} else {
			got = append(got, h)
		}
	}
	want := []string{"redeem_code true false true", "session_by_id true false true", "redeem_code true true true", "person_by_name true true true"}
	if fmt.Sprint(got) != fmt.Sprint(want) || commits != 2 {
		t.Errorf("observed %q and %d commits, want %q and 2", got, commits, want)
	}
}
