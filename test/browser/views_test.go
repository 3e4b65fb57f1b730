package browser

import "testing"

// people are whose passwords the views need: who has which roles decides what a page shows.
type people struct {
	alice string // two roles
	bob   string // one
	carol string // none
	dora  string // many, in several accounts, with long names
}

// Names as long as they may be, for pages that must not break.
const (
	longRole    = "Administrator-of-the-payment-systems-in-production_Europe+Africa"
	longAccount = "Payments and settlements, production, Europe and Africa"
)

// populate adds the people other than alice.
func populate(t *testing.T, s *server) people {
	t.Helper()
	p := people{alice: s.password, bob: s.addPerson(t, "bob", "ReadOnly"), carol: s.addPerson(t, "carol")}
	p.dora = s.addPerson(t, "dora", "Developer", "ReadOnly")
	for id, name := range map[string]string{"222233334444": longAccount, "333344445555": "Data"} {
		s.admin(t, "account", "add", id, "--name", name)
		for _, role := range []string{longRole, "Billing", "Support.Level-2"} {
			s.admin(t, "role", "add", id, role)
			s.admin(t, "role", "assign", id, role, "dora")
		}
	}
	return p
}

// view is a page, and the way to it in a browser that was never used before.
type view struct {
	name    string
	heading string
	way     func(b *tab, s *server, who people)
}

// views are all pages that a person can see.
var views = []view{
	{"home", "Sign-in service", func(b *tab, s *server, who people) { b.open(s.base) }},
	{"home-signed-in", "Sign-in service", func(b *tab, s *server, who people) {
		b.asked(newProgram(b.t, s), alice, who.alice)
		b.open(s.base)
	}},
	{"home-signed-out", "Sign-in service", func(b *tab, s *server, who people) {
		b.asked(newProgram(b.t, s), alice, who.alice)
		b.open(s.base)
		b.follow(func() { b.click("#sign-out") })
	}},
	{"sign-in", "Sign in", func(b *tab, s *server, who people) { b.start(newProgram(b.t, s)) }},
	{"sign-in-remote", "Sign in", func(b *tab, s *server, who people) { b.start(newRemoteProgram(b.t, s)) }},
	{"sign-in-wrong", "Sign in", func(b *tab, s *server, who people) {
		b.start(newProgram(b.t, s))
		b.signIn("somebody", "not the password")
	}},
	{"consent", "Allow access?", func(b *tab, s *server, who people) { b.asked(newProgram(b.t, s), alice, who.alice) }},
	{"consent-one-role", "Allow access?", func(b *tab, s *server, who people) { b.asked(newProgram(b.t, s), "bob", who.bob) }},
	{"consent-many-roles", "Allow access?", func(b *tab, s *server, who people) { b.asked(newProgram(b.t, s), "dora", who.dora) }},
	{"consent-remote", "Allow access?", func(b *tab, s *server, who people) { b.asked(newRemoteProgram(b.t, s), alice, who.alice) }},
	{"sign-in-registered", "Sign in", func(b *tab, s *server, who people) { b.start(registered(b.t, s, longName, editorURI)) }},
	{"consent-registered", "Allow access?", func(b *tab, s *server, who people) {
		b.asked(registered(b.t, s, "Claude", "https://claude.ai/api/mcp/auth_callback"), "bob", who.bob)
	}},
	{"consent-registered-long", "Allow access?", func(b *tab, s *server, who people) {
		b.asked(registered(b.t, s, longName, editorURI), alice, who.alice)
	}},
	{"consent-registered-nameless", "Allow access?", func(b *tab, s *server, who people) { b.asked(registered(b.t, s, "", editorURI), "bob", who.bob) }},
	{"no-role-registered", "No role to choose", func(b *tab, s *server, who people) {
		b.asked(registered(b.t, s, "Claude", editorURI), "carol", who.carol)
	}},
	{"program-opened", "Access was allowed", func(b *tab, s *server, who people) {
		b.asked(registered(b.t, s, "Editor", editorURI), "bob", who.bob)
		b.click("#allow")
		b.opened()
	}},
	{"program-opened-denied", "Access was not granted", func(b *tab, s *server, who people) {
		b.asked(registered(b.t, s, "Editor", editorURI), "bob", who.bob)
		b.click("#deny")
		b.opened()
	}},
	{"no-role", "No role to choose", func(b *tab, s *server, who people) { b.asked(newProgram(b.t, s), "carol", who.carol) }},
	{"code", "Copy your code", func(b *tab, s *server, who people) {
		b.asked(newRemoteProgram(b.t, s), alice, who.alice)
		b.click("#allow")
	}},
	{"denied-remote", "Access was not granted", func(b *tab, s *server, who people) {
		b.asked(newRemoteProgram(b.t, s), alice, who.alice)
		b.click("#deny")
	}},
	{"refused", "This request cannot be used", func(b *tab, s *server, who people) { b.open(s.base + "/v1/authorize") }},
	{"expired", "This page has expired", func(b *tab, s *server, who people) {
		b.asked(newProgram(b.t, s), alice, who.alice)
		eval[string](b, `document.querySelector("form[action='/consent'] [name=page]").value = "x"`)
		b.click("#allow")
	}},
}

// asked signs a person in and comes to what follows.
func (b *tab) asked(p *program, name, password string) {
	b.t.Helper()
	b.start(p)
	b.signIn(name, password)
}
