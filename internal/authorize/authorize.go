package authorize

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// authorizeOperation is the name that AWS gives to what the pages do.
const authorizeOperation = "AuthorizeOAuth2Access"

// authorize answers GET /v1/authorize: the sign-in page, the consent page, or a page or redirect that says what is wrong.
func (p *Pages) authorize(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = authorizeOperation
	a, refused, err := p.parse(c.Context(), c.URL.RawQuery, c.Remote, c.Now)
	c.Record.Client = a.client.ID
	switch {
	case err != nil:
		p.refuse(w, c, err, nil)
		return
	case refused != nil:
		p.answerError(w, c, a.request, *refused)
		return
	}
	page := newPage(a.request, c.Now)
	if p.AutoApprove != "" {
		p.autoApprove(w, c, a, page)
		return
	}
	who, in, _, err := p.who(c)
	switch {
	case err != nil:
		p.refuse(w, c, err, &a.request)
	case in && !a.stale(who.AuthTime, c.Now):
		p.showConsent(w, c, a, page, who, nil)
	case strings.HasSuffix(c.URL.RawQuery, "&"+signedInQuery):
		// The password was right a moment ago, or this address was kept and its sign-in is over.
		p.showSignIn(w, c, a, page, "", &signin.Fault{Kind: signin.PageExpired,
			Message: "You are not signed in. If you just typed the right password, this browser keeps no cookies of this server: allow them and sign in again."})
	default:
		p.showSignIn(w, c, a, page, "", nil)
	}
}

// who returns who is signed in at the browser, whether anybody is, and what the board knew before they were looked up,
// for approve.
func (p *Pages) who(c *wire.Call) (who seal.Browser, in bool, asOf int64, err error) {
	asOf, err = p.Board.CatchUp(c.Context(), c.Now)
	if err != nil {
		return who, false, 0, err
	}
	who, in, err = p.browsers.Who(c.Context(), c.Request, c.Now)
	return who, in, asOf, err
}

// newPage begins the way of a checked request through the pages.
func newPage(r signin.Request, now time.Time) seal.Page {
	page := seal.Page{Request: r, Session: signin.NewSessionID(now), Issued: now.Truncate(time.Second)}
	rand.Read(page.Salt[:])
	return page
}

// approve returns what a code for principal says. asOf is what the board knew before any of it was looked up.
func (p *Pages) approve(page seal.Page, who seal.Browser, principal signin.Principal, asOf int64, now time.Time) signin.Authorization {
	r := page.Request
	a := signin.Authorization{
		ID: page.Session, Salt: page.Salt, ClientID: r.ClientID, Redirect: signin.HashRedirect(r.RedirectURI),
		Challenge: r.Challenge, Principal: principal, AuthTime: who.AuthTime, Methods: who.Methods,
		Issued: now.Truncate(time.Millisecond), AsOf: asOf, Expires: now.Add(p.Lifetimes.Code(r.ClientID)).Truncate(time.Second),
	}
	if signin.IsDynamicID(r.ClientID) {
		a.ClientID, a.Client, a.Resource, a.Scope = "", signin.HashClient(r.ClientID), signin.HashResource(r.Resource), r.Scope
	}
	return a
}

// autoApprove sends the client a code for the person of Deps.AutoApprove and their first role, without a page.
func (p *Pages) autoApprove(w http.ResponseWriter, c *wire.Call, a asked, page seal.Page) {
	asOf, err := p.Board.CatchUp(c.Context(), c.Now)
	if err != nil {
		p.refuse(w, c, err, nil)
		return
	}
	choices, person, err := p.autoChoices(c, a, asOf)
	if err != nil {
		p.refuse(w, c, err, nil)
		return
	}
	choices, keptOut := p.inside(c, choices)
	if keptOut != nil {
		p.answerError(w, c, a.request, refusal{accessDenied, keptOut})
		return
	}
	if len(choices) == 0 {
		p.answerError(w, c, a.request, refusal{accessDenied, signin.Refuse(signin.ConsentRefused,
			"the person who is signed in automatically is missing or disabled, or has no role that may use this client")})
		return
	}
	who := seal.Browser{PersonID: person.ID, Person: person.Name, AuthTime: c.Now.Truncate(time.Millisecond)}
	p.answerCode(w, c, page, p.approve(page, who, choices[0].principal(who), asOf, c.Now))
}

func (p *Pages) autoChoices(c *wire.Call, a asked, asOf int64) ([]choice, store.Person, error) {
	person, err := p.Directory.PersonByName(c.Context(), p.AutoApprove)
	if errors.Is(err, store.ErrNotFound) || err == nil && person.Disabled {
		return nil, store.Person{}, nil
	}
	if err != nil {
		return nil, store.Person{}, fmt.Errorf("find person to sign in: %w", err)
	}
	choices, err := p.choices(c, person.ID, person.Name, a, asOf)
	return choices, person, err
}
