package authorize

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// homeView is what the page at / shows.
type homeView struct {
	SignedIn  bool
	SignedOut bool // a moment ago
	Person    string
	Warnings  []warning
	Base      string
	Region    string
}

// warning is something that happened to the person's sessions, and that they may not have done.
type warning struct {
	Time string // RFC 3339
	When string // for people
	What string
}

// warned are the events that the person is told of, in words for them.
var warned = map[string]string{
	audit.ReuseSuspected:  "a session of yours was used from two places. Two programs may share it, or somebody may have copied it.",
	audit.ReuseRevoked:    "a session of yours was used from two places, so it was ended.",
	audit.GrantReused:     "a token of a session of yours was used a second time, so it was ended.",
	audit.ProofKeyRefused: "somebody who does not have your key tried to use a session of yours, and was refused.",
	audit.CodeReplayed:    "a code of yours was brought a second time, so its session was ended.",
}

const (
	// warnFor is how long the person is told of an event.
	warnFor = 7 * 24 * time.Hour
	// mostWarnings is how many events are shown.
	mostWarnings = 5
)

// warnings returns what the person should know of, newest first.
func (p *Pages) warnings(ctx context.Context, personID string, now time.Time) ([]warning, error) {
	var events []store.AuditEvent
	for kind := range warned { // each for itself: a thousand wrong passwords must not hide the others
		more, err := p.Audit.AuditEvents(ctx, store.AuditQuery{Person: personID, Kind: kind, Limit: mostWarnings})
		if err != nil {
			return nil, fmt.Errorf("find warnings for person: %w", err)
		}
		events = append(events, more...)
	}
	slices.SortFunc(events, func(a, b store.AuditEvent) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	var all []warning
	for _, e := range events {
		if now.Sub(e.At) > warnFor || len(all) == mostWarnings {
			break
		}
		all = append(all, warning{Time: e.At.Format(time.RFC3339), When: e.At.Format("2 January, 15:04") + " UTC", What: warned[e.Kind]})
	}
	return all, nil
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
	var warnings []warning
	if in {
		if warnings, err = p.warnings(c.Context(), who.PersonID, c.Now); err != nil {
			p.refuse(w, c, err, nil)
			return
		}
	}
	c.Record.Outcome = "ok"
	p.show(w, c, view{
		template: "home", Title: "Sign-in service", status: http.StatusOK, forms: ownForms,
		Body: homeView{
			SignedIn: in, SignedOut: !in && c.URL.RawQuery == signedOutQuery, Person: who.Person, Warnings: warnings,
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
		p.refuse(w, c, signin.RefuseBecause(err, signin.Internal, "You are signed out in this browser, but the server could not note it down. If somebody may have copied your cookies, ask your administrator for a new password."), nil)
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
