package authorize

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// consentView is what the consent page shows.
type consentView struct {
	Page        string // sealed
	Browser     string // names the signed-in browser that the page was made for
	Person      string
	Client      clientView
	Resource    string // what a dynamic client's tokens are for
	CrossDevice bool
	Target      string // where the client waits
	Address     string // from where the page was asked for
	Agent       string // with which browser
	Only        *roleView
	Accounts    []accountView // empty when there is only one role
	Hours       string        // how long the client can act
	Until       string        // when that is over at the latest
}

type accountView struct {
	ID, Name string
	Roles    []roleView
}

type roleView struct {
	Account, AccountName string
	Name, Value          string
	Checked              bool
}

// showConsent shows the consent page, or one that says that there is no role to choose. problem is what was wrong with
// an earlier choice, or nil.
func (p *Pages) showConsent(w http.ResponseWriter, c *wire.Call, a asked, page seal.Page, who seal.Browser, problem *signin.Fault) {
	choices, err := p.choices(c, who.PersonID, who.Person, a, 0)
	if err != nil {
		p.refuse(w, c, err, &a.request)
		return
	}
	choices, keptOut := p.inside(c, choices)
	if signin.KindOf(keptOut) == signin.Overloaded { // nobody knows from where they may come; that is for another try
		p.refuse(w, c, keptOut, &a.request)
		return
	}
	body := consentView{
		Page: seal.SealPage(p.Keys.SealingKey(c.Now), page), Browser: hex.EncodeToString(who.ID[:]),
		Person: who.Person, Client: nameOf(a.client), Resource: a.request.Resource, CrossDevice: a.client.ID == signin.CrossDevice,
		Target: target(a), Address: c.Remote.String(), Agent: agent(c.UserAgent()), Hours: span(p.Lifetimes.Session),
		Until: c.Now.Add(p.Lifetimes.Code(a.client.ID) + p.Lifetimes.Session).UTC().Format("2 January 2006, 15:04 UTC"),
	}
	v := view{template: "consent", Title: "Allow access?", status: http.StatusOK, forms: formTargets(a.request.RedirectURI)}
	c.Record.Outcome = "ok"
	switch {
	case len(choices) == 0:
		v.template, v.Title, v.status = "no-role", "No role to choose", wire.Status(signin.PermissionMissing)
		problem = nil // of a role that is gone too
		c.Record.Outcome = signin.PermissionMissing.String()
		c.Record.Err = signin.Refuse(signin.PermissionMissing, "%s has no role that may be used with this client and resource", who.Person)
	case len(choices) == 1:
		body.Only = &groups(choices, "")[0].Roles[0]
	default:
		body.Accounts = groups(choices, p.browsers.LastRole(c.Request))
	}
	v.Body = body
	if fault, ok := asFault(keptOut); ok {
		v.Title, problem = "Not from this network", fault
	}
	if problem != nil {
		v.problem(w, c, problem)
	}
	p.show(w, c, v)
}

// groups puts choices under their accounts. The one whose value is last is checked, or else the first.
func groups(choices []choice, last string) []accountView {
	if !slices.ContainsFunc(choices, func(ch choice) bool { return ch.value() == last }) {
		last = choices[0].value()
	}
	var out []accountView
	for _, ch := range choices {
		if len(out) == 0 || out[len(out)-1].ID != ch.Role.Account {
			out = append(out, accountView{ID: ch.Role.Account, Name: ch.AccountName})
		}
		g := &out[len(out)-1]
		g.Roles = append(g.Roles, roleView{
			Account: ch.Role.Account, AccountName: ch.AccountName, Name: ch.Role.Name, Value: ch.value(), Checked: ch.value() == last,
		})
	}
	return out
}

// consent answers POST /consent: with a redirect to the client that carries a code, or one that says no.
func (p *Pages) consent(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = authorizeOperation
	f, ok := p.readForm(w, c)
	if !ok {
		return
	}
	request := f.page.Request
	// To say no, nobody needs to be signed in.
	if f.Get("decision") == "deny" {
		p.answerError(w, c, request, refusal{accessDenied, signin.Refuse(signin.ConsentRefused, "access was not granted")})
		return
	}
	who, in, asOf, err := p.who(c)
	if err != nil {
		p.refuse(w, c, err, &request)
		return
	}
	// Signed out meanwhile, or another person signed in here since the page was shown: whoever it is must see it first.
	if !in || f.Get("browser") != hex.EncodeToString(who.ID[:]) {
		c.Record.Outcome = signin.PageExpired.String()
		seeOther(w, canonical(request))
		return
	}
	a := asked{client: f.client, request: request}
	if f.Get("decision") != "allow" {
		p.showConsent(w, c, a, f.page, who, &signin.Fault{Kind: signin.ParameterMissing, Message: "Choose Allow or Deny."})
		return
	}
	choices, err := p.choices(c, who.PersonID, who.Person, a, asOf)
	if err != nil {
		p.refuse(w, c, err, &request)
		return
	}
	choices, _ = p.inside(c, choices) // the page says why, when it is shown again
	i := slices.IndexFunc(choices, func(ch choice) bool { return ch.value() == f.Get("assignment") })
	if i < 0 {
		p.showConsent(w, c, a, f.page, who, &signin.Fault{Kind: signin.PermissionMissing, Message: "That role is not open to you. Choose one of these."})
		return
	}
	p.browsers.RememberRole(w, c.Request, choices[i].value())
	p.answerCode(w, c, f.page, p.approve(f.page, who, choices[i].principal(who), asOf, c.Now))
}

// target says where the client waits for its answer.
func target(a asked) string {
	if a.client.ID == signin.CrossDevice {
		return "Another device, to which you carry a code"
	}
	u, err := url.Parse(a.request.RedirectURI)
	if err != nil { // cannot be: it was checked
		return ""
	}
	if u.Scheme == "http" && isLoopback(u.Hostname()) {
		if u.Port() == "" {
			return "This computer (" + u.Hostname() + ")"
		}
		return "This computer (" + u.Hostname() + ", port " + u.Port() + ")"
	}
	if opensProgram(a.request.RedirectURI) {
		return "A program on this computer that opens " + u.Scheme + ": links"
	}
	return u.Scheme + "://" + u.Host
}

// plainHost is a host that can be written into a Content-Security-Policy. That has no form for IPv6 addresses.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$`)

// formTargets returns where the consent form may lead, for form-action: to this server and, because browsers also hold
// the redirect that follows to it, to the client.
func formTargets(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	switch {
	case err != nil, opensProgram(redirectURI): // which no redirect leads to; see leave
		return ownForms
	case plainHost.MatchString(u.Host):
		return ownForms + " " + u.Scheme + "://" + u.Host
	}
	return ownForms + " " + u.Scheme + ":"
}
