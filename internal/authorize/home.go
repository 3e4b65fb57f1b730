package authorize

import (
	"net/http"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// homeView is what the page at / shows.
type homeView struct {
	SignedIn  bool
	SignedOut bool // a moment ago
	Person    string
	Base      string
	Region    string
}

// signedOutQuery is the query of / right after signing out.
const signedOutQuery = "signed-out"

// home answers GET /: what this server is, and who is signed in.
func (p *Pages) home(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = "Home"
	who, in, _, err := p.who(c)
	if err != nil {
		p.refuse(w, c, err, nil)
		return
	}
	c.Record.Outcome = "ok"
	p.show(w, c, view{
		template: "home", Title: "Sign-in service", status: http.StatusOK, forms: ownForms,
		Body: homeView{
			SignedIn: in, SignedOut: !in && c.URL.RawQuery == signedOutQuery, Person: who.Person,
			Base: p.Base[0], Region: p.Region,
		},
	})
}

// signOut answers POST /sign-out. From a page that carries a request it leads back to the sign-in page for it, so that
// another person can go on; else to /.
func (p *Pages) signOut(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = "SignOut"
	values, err := p.readValues(w, c)
	if err != nil {
		p.refuse(w, c, err, nil)
		return
	}
	if err := p.browsers.SignOut(c.Context(), w, c.Request, c.Now); err != nil {
		p.refuse(w, c, signin.RefuseBecause(err, signin.Internal, "You are signed out in this browser, but the server could not note it down. If somebody may have copied your cookies, change your password."), nil)
		return
	}
	c.Record.Outcome = "ok"
	// An old page is as good as a fresh one here: authorize checks the request again.
	if page, err := seal.OpenPage(p.Keys, values.Get("page")); err == nil {
		c.Record.Client = page.Request.ClientID
		seeOther(w, canonical(page.Request))
		return
	}
	seeOther(w, "/?"+signedOutQuery)
}
