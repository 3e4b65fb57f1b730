package browser

import (
	"regexp"
	"strings"
	"testing"
)

// TestSignInGivesProgramCredentials is the way of a person who does everything right, and of the program that sent them.
func TestSignInGivesProgramCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)

	b.start(p)
	b.see("Sign in")
	b.says("AWS CLI or SDK on this computer", "Development server")
	b.signIn(alice, s.password)
	b.see("Allow access?")
	p.unanswered(t)
	b.choose("Developer")
	b.click("#allow")
	b.see(callbackHeading)

	p.wantSession(t, p.code(t), "Developer", alice)
	p.unanswered(t)
}

// TestWrongPasswordSaysNoMoreThanThat: a stranger must not learn whether there is a person of that name, and whoever
// mistyped gets on with the next attempt at once.
func TestWrongPasswordSaysNoMoreThanThat(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)

	type seen struct{ problem, invalid, described string }
	tried := map[string]seen{}
	for _, name := range []string{alice, "nobody-of-that-name"} {
		b.signIn(name, "not the password")
		b.hasKeyboard("password")
		tried[name] = seen{
			problem:   b.part("[role=alert]"),
			invalid:   eval[string](b, `document.querySelector("#password").ariaInvalid`),
			described: eval[string](b, `document.querySelector("#password").getAttribute("aria-describedby")`),
		}
		if got := eval[string](b, `document.querySelector("#username").value`); got != name {
			t.Errorf("name after a wrong password = %q, want %q as it was typed", got, name)
		}
		if got := eval[string](b, `document.querySelector("#password").value`); got != "" {
			t.Errorf("password field after a wrong password = %q, want it empty", got)
		}
	}
	want := seen{problem: "The name or the password is wrong.", invalid: "true", described: "problem"}
	for name, got := range tried {
		if got != want {
			t.Errorf("after a wrong password of %s: %+v, want %+v", name, got, want)
		}
	}
	p.unanswered(t)

	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#allow")
	p.wantSession(t, p.code(t), "Developer", alice)
}

// TestGuessingIsSlowedDown: after some wrong passwords the page says how long to wait, and no password helps before.
func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	waiting := regexp.MustCompile(`^Too many attempts failed\. Try again in [1-9][0-9]* seconds?\.$`)
	for i := 0; !waiting.MatchString(b.part("[role=alert]")); i++ {
		if i == 10 {
			t.Fatalf("after %d wrong passwords the page says %q, want %s", i, b.part("[role=alert]"), waiting)
		}
		b.signIn(alice, "not the password")
	}
	b.signIn(alice, s.password)
	if got := b.part("[role=alert]"); !waiting.MatchString(got) {
		t.Errorf("right password after too many wrong ones: the page says %q, want %s", got, waiting)
	}
	p.unanswered(t)

	// Somebody else at the same address is not held up.
	b.signIn("bob", s.addPerson(t, "bob", "ReadOnly"))
	b.see("Allow access?")
}

// TestSecondSignInIsOneClick: the browser knows the person and the role of last time.
func TestSecondSignInIsOneClick(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, first := newTab(t, s), newProgram(t, s)
	b.start(first)
	b.signIn(alice, s.password)
	b.choose("ReadOnly")
	b.click("#allow")
	first.wantSession(t, first.code(t), "ReadOnly", alice)

	second := newProgram(t, s)
	b.start(second)
	b.see("Allow access?")
	if got := b.part("#person"); got != alice {
		t.Errorf("the second consent page is for %q, want %q", got, alice)
	}
	b.click("#allow")
	second.wantSession(t, second.code(t), "ReadOnly", alice)
}

// TestSignOutEndsBrowserSession: also in a tab that was open before, and the next program needs the password again.
func TestSignOutEndsBrowserSession(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")

	home := b.another()
	home.open(s.base + "/")
	home.see("Sign-in service")
	if got := home.part("#person"); got != alice {
		t.Errorf("the home page is for %q, want %q", got, alice)
	}
	home.follow(func() { home.click("#sign-out") })
	home.says("You are signed out in this browser.")
	home.follow(func() { home.do("reload", reload) })
	if home.has("#person") {
		t.Error("the home page still names somebody after signing out")
	}

	b.follow(func() { b.click("#allow") })
	b.see("Sign in")
	p.unanswered(t)
}

// TestAnotherPersonGoesOnWithTheSameRequest: the program need not be started again, and gets the other person.
func TestAnotherPersonGoesOnWithTheSameRequest(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	password := s.addPerson(t, "bob", "ReadOnly")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.follow(func() { b.click("#sign-out") })
	b.signIn("bob", password)
	b.see("Allow access?")
	if got := b.part("#person"); got != "bob" {
		t.Errorf("the consent page is for %q, want bob", got)
	}
	if got := b.part("#role"); got != "ReadOnly" || b.has("input[name=assignment][type=radio]") {
		t.Errorf("the consent page of a person with one role shows %q and choices, want ReadOnly and no choice", got)
	}
	b.click("#allow")
	p.wantSession(t, p.code(t), "ReadOnly", "bob")
}

// TestCookiesAreOutOfReachOfScripts, and no page puts anything secret into its address.
func TestCookiesAreOutOfReachOfScripts(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	if got := eval[string](b, `document.cookie`); got != "" {
		t.Errorf("document.cookie = %q, want nothing", got)
	}
	if got := b.address(); strings.Contains(got, s.password) {
		t.Errorf("the address %s has the password in it", got)
	}
}
