package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// A node that stands still in the middle of a transaction must not hold what others need to give notice.
func TestNodeThatStandsStillKeepsNobodyFromGivingNotice(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	s, other := open(t, url), open(t, url)
	for call, first := range map[string]func(t tx) error{
		"announcement": func(t tx) error { return t.announce(signin.Notice{Subject: "x"}) },
		"ring keys": func(t tx) error {
			_, err := t.exec(`SELECT version FROM schema_migrations WHERE version = 1 FOR UPDATE`)
			return err
		},
	} {
		err := s.write(ctx, func(held tx) error {
			if err := first(held); err != nil {
				return err
			}
			quick, cancel := context.WithTimeout(ctx, time.Second) // the node stands still here
			defer cancel()
			if err := other.Announce(quick, signin.Notice{Subject: "y"}); err != nil {
				t.Errorf("Announce beside a node that stands still in its %s = %v", call, err)
			}
			return nil
		})
		must(t, "write", err)
	}
	must(t, "AddRingKeys", s.AddRingKeys(ctx, 0, []store.RingKey{{ID: 1, Created: noon, UseFrom: noon, Wrapped: []byte("w")}}))
	wantHeard(t, s, 3, "all is well")
}

// Adding ring keys and giving notice do not wait for each other.
func TestNoticesDoNotWaitForRingKeys(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	s, c := open(t, url), beside(t, url)
	run(t, c, `BEGIN`, `SELECT last FROM notice_counter FOR UPDATE`)
	quick, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	must(t, "AddRingKeys", s.AddRingKeys(quick, 0, []store.RingKey{{ID: 1, Created: noon, UseFrom: noon, Wrapped: []byte("w")}}))
	run(t, c, `ROLLBACK`)
}

// The server gives up a wait that is long; the call has more time than that.
func TestAnnounceGoesOnWhenTheServerGaveUpItsWait(t *testing.T) {
	for _, limit := range []string{"statement_timeout", "lock_timeout"} {
		ctx, url := t.Context(), pgtest.Shared(t)
		s, c := open(t, url+"&"+limit+"=200"), beside(t, url)
		must(t, "AddPerson", s.AddPerson(ctx, alice))
		must(t, "Announce", s.Announce(ctx, signin.Notice{Subject: "x"}))
		run(t, c, `BEGIN`, `SELECT last FROM notice_counter FOR UPDATE`)
		done := make(chan error, 1)
		go func() { done <- s.DisablePerson(ctx, alice.ID, noon, later) }()
		run(t, c, `SELECT pg_sleep(0.7)`, `ROLLBACK`) // it was given up at least once
		must(t, "DisablePerson", <-done)
		wantHeard(t, s, 2, "the lock is gone")
		if p, err := s.PersonByID(ctx, alice.ID); err != nil || !p.Disabled {
			t.Errorf("PersonByID = %+v, %v, want one who is disabled", p, err)
		}
	}
}

// Of a change whose notice cannot be given, nothing stays; and the connection is good for more.
func TestChangeWithoutItsNoticeIsNone(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	s := openOptions(t, Options{URL: url, Connections: 1})
	must(t, "AddPerson", s.AddPerson(ctx, alice))
	run(t, beside(t, url), `ALTER TABLE notice ADD CONSTRAINT none CHECK (seq > 1)`)
	if err := s.DisablePerson(ctx, alice.ID, noon, later); err == nil {
		t.Error("DisablePerson = nil, want an error")
	}
	if p, err := s.PersonByID(ctx, alice.ID); err != nil || p.Disabled {
		t.Errorf("PersonByID = %+v, %v, want one who is not disabled", p, err)
	}
	wantHeard(t, s, 0, "the notice was refused")
}

// Nobody is told that notice was not given when that is not known.
func TestNoticeLostAtItsCommitIsNotKnown(t *testing.T) {
	url := pgtest.Shared(t)
	s := open(t, url)
	must(t, "Announce", s.Announce(t.Context(), signin.Notice{Subject: "x"}))
	run(t, beside(t, url),
		`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'`,
		`CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON notice DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()`)
	if err := s.Announce(t.Context(), signin.Notice{Subject: "y"}); !errors.Is(err, errUnknown) {
		t.Errorf("Announce that was lost at its commit = %v, want one that says that it is not known", err)
	}
}
