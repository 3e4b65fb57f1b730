package authorize

import (
	"net/http"

	"github.com/latchkey-id/latchkey/internal/identity"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// signedInQuery is what a sign-in leads back with, so that a browser that keeps no cookies can be told.
const signedInQuery = "signed-in=1"

// signInView is what the sign-in page shows.
type signInView struct {
	Page        string // sealed
	Client      clientView
	CrossDevice bool
	Username    string // what was typed before
	Wrong       bool   // what was typed before is wrong, and not only refused
}

// showSignIn shows the sign-in page, with what went wrong if problem is a fault.
func (p *Pages) showSignIn(w http.ResponseWriter, c *wire.Call, a asked, page seal.Page, username string, problem *signin.Fault) {
	v := view{
		template: "sign-in", Title: "Sign in", status: http.StatusOK, forms: ownForms,
		Body: signInView{
			Page: seal.SealPage(p.Keys.SealingKey(c.Now), page), Client: nameOf(a.client),
			CrossDevice: a.client.ID == signin.CrossDevice, Username: username,
			Wrong: problem != nil && problem.Kind == signin.PasswordWrong,
		},
	}
	c.Record.Outcome = "ok"
	if problem != nil {
		v.problem(w, c, problem)
	}
	p.show(w, c, v)
}

// signIn answers POST /sign-in. A right password leads back to GET /v1/authorize, so that going back and reloading in the
// browser send no password again.
func (p *Pages) signIn(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = "SignIn"
	f, ok := p.readForm(w, c)
	if !ok {
		return
	}
	asOf, err := p.Board.CatchUp(c.Context(), c.Now)
	if err != nil {
		p.refuse(w, c, err, &f.page.Request)
		return
	}
	username := f.Get("username")
	person, err := p.passwords.Password(c.Context(), identity.Attempt{
		Name: username, Password: f.Get("password"), Address: c.Remote, Device: p.browsers.Device(c.Request, c.Now),
	}, c.Now)
	c.Record.Person = person.ID
	if err == nil {
		err = p.mayAuthenticate(c, person.ID)
	}
	if err == nil {
		p.browsers.SignIn(w, c.Request, person, identity.PasswordMethod, asOf, c.Now)
		c.Record.Outcome = "ok"
		seeOther(w, canonical(f.page.Request)+"&"+signedInQuery)
		return
	}
	// Whoever typed the name may read it again; of the password nothing comes back.
	if fault, ok := asFault(err); ok {
		p.showSignIn(w, c, asked{client: f.client, request: f.page.Request}, f.page, username, fault)
		return
	}
	p.refuse(w, c, err, &f.page.Request)
}
