package postgres

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// wantWake fails the test when no word comes.
func wantWake(t *testing.T, s *Store, after string) {
	t.Helper()
	select {
	case <-s.Wake():
	case <-time.After(10 * time.Second):
		t.Fatalf("nobody was woken after %s", after)
	}
}

func TestNoticesWakeOtherNodes(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	one := open(t, url)
	must(t, "AddPerson", one.AddPerson(ctx, alice))
	other := open(t, url)
	wantWake(t, one, "the other node tried whether it can listen")
	for call, give := range map[string]func() error{
		"Announce":      func() error { return other.Announce(ctx, signin.Notice{Subject: "x"}) },
		"DisablePerson": func() error { return other.DisablePerson(ctx, alice.ID, noon, later) },
	} {
		before, err := one.NoticesAfter(ctx, 0, 10)
		must(t, "NoticesAfter", err)
		must(t, call, give())
		wantWake(t, one, call)
		if got, err := one.NoticesAfter(ctx, 0, 10); err != nil || len(got) != len(before)+1 {
			t.Errorf("after the word of %s, NoticesAfter = %v, %v, want one more than %v", call, got, err, before)
		}
	}
	for range 5 { // words that nobody takes do not pile up
		must(t, "Announce", other.Announce(ctx, signin.Notice{Subject: "x"}))
	}
	if n := cap(one.Wake()); n != 1 {
		t.Errorf("Wake holds %d words, want 1", n)
	}
}

func TestListenerComesBack(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	one, other := open(t, url), open(t, url)
	wantWake(t, one, "the other node tried whether it can listen")
	number(t, beside(t, url), cutOff)
	wantWake(t, one, "the connection was made again, because something may have been missed")
	must(t, "Announce", other.Announce(ctx, signin.Notice{Subject: "x"}))
	wantWake(t, one, "Announce")
}

// A server without LISTEN, as CockroachDB, is not sent what it does not know; callers poll.
func TestServerThatCannotListenIsPolled(t *testing.T) {
	ctx, url := t.Context(), pgtest.Shared(t)
	s := open(t, url)
	s.wake.works = false // as if the server had refused
	other := open(t, url)
	must(t, "Announce", s.Announce(ctx, signin.Notice{Subject: "x"}))
	if got, err := other.NoticesAfter(ctx, 0, 10); err != nil || len(got) != 1 {
		t.Errorf("NoticesAfter = %v, %v, want the notice", got, err)
	}
	for len(other.Wake()) > 0 {
		<-other.Wake()
	}
	must(t, "Announce", s.Announce(ctx, signin.Notice{Subject: "y"}))
	if number(t, beside(t, url), `SELECT count(*) FROM notice`) != 2 || len(other.Wake()) != 0 {
		t.Error("a store that may not notify did")
	}
}
