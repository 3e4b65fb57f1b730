package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// cutOff ends all sessions of stores with the database, as a restart of the server or a failover does.
const cutOff = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'latchkey' AND datname = current_database()`

func TestLostConnectionsAreMadeAgainUnseen(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	s, c := open(t, url), beside(t, url)
	must(t, "AddAccount", s.AddAccount(ctx, acme))
	must(t, "AddRole", s.AddRole(ctx, admin))
	must(t, "RedeemCode", s.RedeemCode(ctx, session(noon)))
	for name, call := range map[string]func() error{
		"RedeemCode": func() error { return s.RedeemCode(ctx, session(noon)) },
		"SetRolePolicy": func() error {
			return s.SetRolePolicy(ctx, admin.ID, "new", false, noon, later)
		},
		"Announce":     func() error { return s.Announce(ctx, signin.Notice{Subject: "x"}) },
		"AccountByID":  func() error { _, err := s.AccountByID(ctx, acme.ID); return err },
		"NoticesAfter": func() error { _, err := s.NoticesAfter(ctx, 0, 10); return err },
		"Ping":         func() error { return s.Ping(ctx) },
		"Sweep":        func() error { _, err := s.Sweep(ctx, noon, 10); return err },
	} {
		for range 3 {
			if number(t, c, cutOff) == 0 {
				t.Fatal("there was no connection to cut off")
			}
			if err := call(); err != nil {
				t.Errorf("%s after the connections were cut off = %v", name, err)
			}
		}
	}
}

// Nothing of a transaction stays whose connection is lost, so it may run again, and it happens once.
func TestWriteIsRunAgainWhenItWasLostBeforeItsCommit(t *testing.T) {
	url := pgtest.Shared(t)
	s, c := open(t, url), beside(t, url)
	ran := 0
	err := s.write(t.Context(), func(tx tx) error {
		ran++
		if err := tx.announce(signin.Notice{Subject: "once"}); err != nil {
			return err
		}
		if ran <= 3 {
			number(t, c, cutOff)
		}
		_, err := tx.exec(`SELECT 1`)
		return err
	})
	got, readErr := s.NoticesAfter(t.Context(), 0, 10)
	if err != nil || ran != 4 || readErr != nil || len(got) != 1 {
		t.Errorf("write = %v, ran %d times and left %v, %v, want four times and one notice", err, ran, got, readErr)
	}
}

// Nobody is told that a change was not made when that is not known.
func TestLostAtTheCommitIsNotKnown(t *testing.T) {
	url := pgtest.Shared(t)
	s := open(t, url)
	run(t, beside(t, url),
		`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'`,
		`CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()`,
		`CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON session DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()`)
	for call, err := range map[string]error{"AddAccount": s.AddAccount(t.Context(), acme), "RedeemCode": s.RedeemCode(t.Context(), session(noon))} {
		if !errors.Is(err, errUnknown) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrSpent) {
			t.Errorf("%s that was lost at its commit = %v, want one that says that it is not known", call, err)
		}
	}
}

// Two transactions that wait for each other: the server ends one of them, and it runs again.
func TestLoserOfADeadlockRunsAgain(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	s := open(t, url+"&deadlock_timeout=20")
	must(t, "AddAccount", s.AddAccount(ctx, acme))
	must(t, "AddRole", s.AddRole(ctx, admin))
	must(t, "AddRole", s.AddRole(ctx, store.Role{ID: "other", Account: acme.ID}))
	var met, done sync.WaitGroup
	met.Add(2)
	ran := [2]int{}
	for i, order := range [2][2]string{{admin.ID, "other"}, {"other", admin.ID}} {
		done.Go(func() {
			err := s.write(ctx, func(t tx) error {
				if err := t.change("role", `UPDATE role SET policy = $1 WHERE id = $2`, "x", order[0]); err != nil {
					return err
				}
				if ran[i]++; ran[i] == 1 {
					met.Done()
					met.Wait()
				}
				return t.change("role", `UPDATE role SET policy = $1 WHERE id = $2`, "x", order[1])
			})
			if err != nil {
				t.Errorf("write %d = %v", i, err)
			}
		})
	}
	done.Wait()
	if ran[0]+ran[1] < 3 { // four, when the server ends both
		t.Errorf("the writes ran %v times, want at least one of them twice", ran)
	}
}

func TestTryingAgainHasAnEnd(t *testing.T) {
	ran, mine := 0, errors.New("mine")
	if err := again(t.Context(), func() error { ran++; return undone{mine} }); err != mine || ran != tries {
		t.Errorf("again = %v after %d tries, want the error itself after %d", err, ran, tries)
	}
	ran = 0
	if err := again(t.Context(), func() error { ran++; return mine }); err != mine || ran != 1 {
		t.Errorf("again with another error = %v after %d tries, want 1", err, ran)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran = 0
	if err := again(ctx, func() error { ran++; cancel(); return undone{mine} }); err != mine || ran != 1 {
		t.Errorf("again under a context that ended = %v after %d tries, want 1", err, ran)
	}
}

// An outage is an error after a short while, and over when it is over.
func TestServerThatIsAwayIsAnErrorWithAHint(t *testing.T) {
	server := pgtest.Start(t, pglocal.Options{})
	s := open(t, server.URL("postgres"))
	must(t, "RedeemCode", s.RedeemCode(t.Context(), session(noon)))
	must(t, "Kill", server.Kill())
	for call, err := range map[string]error{
		"RedeemCode": s.RedeemCode(t.Context(), session(noon)), "AddAccount": s.AddAccount(t.Context(), acme), "Ping": s.Ping(t.Context()),
	} {
		if err == nil || !strings.Contains(err.Error(), "that the server runs and listens there") {
			t.Errorf("%s while the server is away = %v, want an error with a hint", call, err)
		}
	}
	must(t, "Restart", server.Restart(t.Context()))
	must(t, "RedeemCode", s.RedeemCode(t.Context(), session(noon)))
	must(t, "AddAccount", s.AddAccount(t.Context(), acme))
	must(t, "Announce", s.Announce(t.Context(), signin.Notice{Subject: "x"}))
	for range s.Wake() { // listens again by itself
		break
	}
}
