package authorize

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// A person sees what happened to their sessions that they may not have done, for a week, and nothing of others'.
func TestPersonIsToldWhatHappenedToTheirSessions(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.signInAs(t, "alice", begin())
	if page := b.get("/").want(t, 200, "Sign-in service"); strings.Contains(page.Body.String(), "Is this you?") {
		t.Error("the page warns of nothing")
	}
	note := func(kind, person string, ago time.Duration) {
		at := s.now.Add(-ago)
		must(t, s.store.RecordAudit(t.Context(), []store.AuditEvent{{ID: signin.NewSessionID(at), At: at, Kind: kind, Person: person}}))
	}
	note(audit.SignInRefused, s.people["alice"].ID, time.Hour) // a slip of the fingers
	note(audit.ReuseSuspected, s.people["bob"].ID, time.Hour)
	note(audit.ReuseSuspected, s.people["alice"].ID, 8*24*time.Hour)
	if page := b.get("/").want(t, 200, "Sign-in service"); strings.Contains(page.Body.String(), "Is this you?") {
		t.Error("the page warns of what is no news to this person")
	}
	note(audit.ReuseSuspected, s.people["alice"].ID, time.Hour)
	for range 100 { // an attack that wants to hide the rest
		note(audit.SignInRefused, s.people["alice"].ID, time.Minute)
	}
	for range 10 {
		note(audit.ProofKeyRefused, s.people["alice"].ID, 2*time.Hour)
	}
	page := b.get("/").want(t, 200, "Sign-in service").Body.String()
	if n := strings.Count(page, "<li>"); n != mostWarnings || !strings.Contains(page, "21 November, 20:00 UTC</time>: a session of yours was used from two places") {
		t.Errorf("the page has %d warnings, want %d, the first of the reuse:\n%s", n, mostWarnings, page)
	}
	if other := s.browser().get("/").Body.String(); strings.Contains(other, "Is this you?") {
		t.Error("the page warns a browser where nobody is signed in")
	}
}
