package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/store"
)

// TestBackupsRestore does what docs/operations.md says under "Back up and restore", for each way there is: a backup while
// people sign in, then more work, then a server that starts on the backup.
func TestBackupsRestore(t *testing.T) {
	t.Parallel()
	binary := buildRehearsal(t)
	t.Run("file", func(t *testing.T) {
		h := newHouse(t, binary)
		h.configure(t, "latchkey.yaml", "data: data")
		h.backupAndRestore(t, func() {
			h.mustRun(t, "store", "backup", "copy.db")
			if out, err := h.run("store", "backup", "copy.db"); err == nil || !strings.Contains(out, "exists already") {
				t.Errorf("store backup to a file that is there = %v, want a refusal:\n%s", err, out)
			}
			info, err := os.Stat(filepath.Join(h.dir, "copy.db"))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the backup has mode %v, %v, want 0600", info.Mode(), err)
			}
		}, func() {
			for _, name := range []string{"latchkey.db-wal", "latchkey.db-shm"} {
				_ = os.Remove(filepath.Join(h.dir, "data", name))
			}
			if err := os.Rename(filepath.Join(h.dir, "copy.db"), filepath.Join(h.dir, "data", "latchkey.db")); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("sqlite3", func(t *testing.T) {
		need(t, "sqlite3")
		h := newHouse(t, binary)
		h.configure(t, "latchkey.yaml", "data: data")
		database, copied := filepath.Join(h.dir, "data", "latchkey.db"), filepath.Join(h.dir, "copy.db")
		h.backupAndRestore(t, func() { tool(t, "sqlite3", database, ".timeout 10000", ".backup '"+copied+"'") }, func() {
			_, _ = os.Remove(database+"-wal"), os.Remove(database+"-shm")
			if err := os.Rename(copied, database); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("pg_dump", func(t *testing.T) {
		pg := pgtest.Start(t, pglocal.Options{})
		h := newHouse(t, binary)
		create(t, pg, "latchkey")
		h.configure(t, "latchkey.yaml", fmt.Sprintf("database: {url: %q}", pg.URL("latchkey")))
		dump := filepath.Join(h.dir, "latchkey.dump")
		h.backupAndRestore(t, func() { tool(t, "pg_dump", "--format=custom", "--file="+dump, pg.URL("latchkey")) }, func() {
			create(t, pg, "restored")
			tool(t, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+pg.URL("restored"), dump)
			h.configure(t, "latchkey.yaml", fmt.Sprintf("database: {url: %q}", pg.URL("restored")))
		})
	})
	t.Run("pg_basebackup", func(t *testing.T) {
		pg := pgtest.Start(t, pglocal.Options{})
		h := newHouse(t, binary)
		create(t, pg, "latchkey")
		h.configure(t, "latchkey.yaml", fmt.Sprintf("database: {url: %q}", pg.URL("latchkey")))
		folder := filepath.Join(t.TempDir(), "pg")
		h.backupAndRestore(t, func() {
			tool(t, "pg_basebackup", "--pgdata="+filepath.Join(folder, "data"), "--wal-method=stream", "--checkpoint=fast", "--dbname="+pg.URL("postgres"))
		}, func() {
			if os.Geteuid() == 0 { // a server does not run as root
				tool(t, "chown", "-R", "postgres:", folder)
			}
			again, err := pglocal.Start(t.Context(), folder, pglocal.Options{})
			if err != nil {
				t.Fatal(err)
			}
			pgtest.KillAfter(t, again)
			h.configure(t, "latchkey.yaml", fmt.Sprintf("database: {url: %q}", again.URL("latchkey")))
		})
	})
}

func create(t *testing.T, pg *pglocal.Server, name string) {
	t.Helper()
	if err := pg.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// need skips the test where a program is not installed, or fails it when nothing may be skipped.
func need(t *testing.T, program string) {
	t.Helper()
	switch _, err := exec.LookPath(program); {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// tool runs a program of the system, also of those that PATH does not have because there can be several versions.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		if len(found) == 0 {
			t.Fatal(err)
		}
		path = slices.Max(found)
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// backupAndRestore holds a backup to what is promised of it.
func (h *house) backupAndRestore(t *testing.T, backup, restore func()) {
	h.serve(t, "latchkey.yaml")
	st := h.open(t, "latchkey.yaml")
	alice := store.Person{ID: "AIDA234567ABCDEFGHIJ", Name: "alice", Created: time.Now(), PasswordChanged: time.Now().Add(-time.Hour)}
	if err := st.AddPerson(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	before, revoked, once := h.approve(), h.approve(), h.approve()
	h.wantRedeem(t, "a code", &before, http.StatusOK)
	h.wantRedeem(t, "a code", &once, http.StatusOK)
	h.wantRedeem(t, "a code", &revoked, http.StatusOK)
	h.wantRedeem(t, "a code the second time", new(revoked), http.StatusBadRequest)

	stop := h.loginsUnderWay()
	time.Sleep(100 * time.Millisecond)
	backup()
	during := stop()
	since, unused := h.approve(), h.approve()
	h.wantRedeem(t, "a code after the backup", &since, http.StatusOK)
	h.mustRun(t, "user", "disable", "alice", "--config", "latchkey.yaml")
	h.awaitRefresh(t, "a session of a person who is disabled", before, http.StatusForbidden)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	h.stop(t)
	restore()

	h.serve(t, "latchkey.yaml")
	h.wantRedeem(t, "a code that was redeemed before the backup", &once, http.StatusBadRequest)
	h.stop(t)
	// Those that were redeemed after the backup could be redeemed again, so nothing is served while they live.
	h.later(t, 10*time.Minute)
	h.serve(t, "latchkey.yaml")
	h.wantRefresh(t, "a session from before the backup", before, http.StatusOK)
	h.wantRefresh(t, "a session that was revoked before the backup", revoked, http.StatusUnauthorized)
	h.wantRefresh(t, "a session from after the backup", since, http.StatusOK) // its token says all
	answered := 0
	for i := range during {
		l := &during[i].login
		if l.refresh == "" {
			continue
		}
		answered++
		h.wantRefresh(t, "a login during the backup", *l, http.StatusOK)
		h.wantRedeem(t, "a code that was redeemed during the backup", l, http.StatusUnauthorized)
	}
	if answered == 0 {
		t.Error("nobody signed in during the backup")
	}
	for what, l := range map[string]login{"before": before, "after": since} {
		h.wantRedeem(t, "a code that was redeemed "+what+" the backup", &l, http.StatusUnauthorized)
	}
	h.wantRedeem(t, "a code that is too old by now", &unused, http.StatusUnauthorized)
	// What was taken away after the backup must be taken away again.
	h.mustRun(t, "user", "disable", "alice", "--config", "latchkey.yaml")
	h.awaitRefresh(t, "a session of a person who is disabled again", before, http.StatusForbidden)
	fresh := h.approve()
	h.wantRedeem(t, "a code after the restore", &fresh, http.StatusForbidden)
	h.stop(t)
}

// awaitRefresh waits until a refresh is answered so, at most as long as a server may take to hear a notice.
func (h *house) awaitRefresh(t *testing.T, what string, l login, want int) {
	t.Helper()
	var status int
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, _, err = h.refreshOf(l); err == nil && status == want {
			return
		}
	}
	t.Errorf("refresh of %s = %d, %v, want %d within seconds", what, status, err, want)
}
