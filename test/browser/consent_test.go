package browser

import (
	"strings"
	"testing"
)

// TestConsentNamesClientAndDevice: who says yes must be able to see to whom, where that is, and that the request is theirs.
func TestConsentNamesClientAndDevice(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")

	if got, want := b.part("#client"), "AWS CLI or SDK on this computer"; got != want {
		t.Errorf("client on the consent page = %q, want %q", got, want)
	}
	port := p.redirect[strings.LastIndex(p.redirect, ":")+1 : strings.LastIndex(p.redirect, "/oauth")]
	if got, want := b.part("#target"), "This computer (127.0.0.1, port "+port+")"; got != want {
		t.Errorf("target on the consent page = %q, want %q", got, want)
	}
	b.says("Signed in as alice", "127.0.0.1, Chrome on Linux", "Sample "+account, "12 hours", "Developer", "ReadOnly")
	b.click("#deny")
	p.answer(t)
}

// TestConsentNamesRegisteredClient: of a client that an operator added, the page shows the name.
func TestConsentNamesRegisteredClient(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), plainProgram(t, s, "arn:aws:signin:::confidential-client/sample-app")
	p.listen(t, "/callback")
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	if got, want := b.part("#client"), "sample-app"; got != want {
		t.Errorf("client on the consent page = %q, want %q", got, want)
	}
	b.click("#allow")
	answer := p.answer(t)
	if answer.Get("code") == "" || answer.Get("iss") != s.base {
		t.Errorf("callback with %v, want a code and the iss %s (RFC 9207)", answer, s.base)
	}
}

// TestChosenRoleIsTheOneInTheToken, whichever was checked when the page opened.
func TestChosenRoleIsTheOneInTheToken(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b := newTab(t, s)
	for i, role := range []string{"ReadOnly", "Developer", "ReadOnly"} {
		p := newProgram(t, s)
		b.start(p)
		if i == 0 {
			b.signIn(alice, s.password)
		}
		b.choose(role)
		b.click("#allow")
		p.wantSession(t, p.code(t), role, alice)
	}
}

// TestDenyTellsProgram, so that it need not wait for ten minutes. Nobody has to be signed in to say no.
func TestDenyTellsProgram(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	home := b.another()
	home.open(s.base)
	home.follow(func() { home.click("#sign-out") })

	b.click("#deny")
	b.see(callbackHeading)
	answer := p.answer(t)
	if answer.Get("error") != "access_denied" || answer.Get("error_description") == "" || answer.Has("code") {
		t.Errorf("callback with %v, want error=access_denied, a description and no code", answer)
	}
}

// TestNoRoleTellsPersonAndProgram: the person reads what to ask for, and can end the program's waiting.
func TestNoRoleTellsPersonAndProgram(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	password := s.addPerson(t, "carol")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn("carol", password)
	b.see("No role to choose")
	b.says("signin:AuthorizeOAuth2Access", "administrator")
	b.click("#deny")
	if answer := p.answer(t); answer.Get("error") != "access_denied" {
		t.Errorf("callback with %v, want error=access_denied", answer)
	}
}
