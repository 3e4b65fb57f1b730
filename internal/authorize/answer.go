package authorize

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// answerCode sends the browser to the client with a code for principal.
func (p *Pages) answerCode(w http.ResponseWriter, c *wire.Call, page seal.Page, auth signin.Authorization) {
	code := seal.SealCode(p.Keys.SealingKey(c.Now), auth)
	c.Record.Principal = auth.Principal.ARN()
	c.Record.Session = auth.ID.String()
	c.Record.Outcome = "ok"
	p.leave(w, c, redirectTo(page.Request.RedirectURI, parameter{"code", code}, parameter{"state", page.Request.State}, p.issuer(page.Request)))
}

// answerError sends the browser to the client with an error. The description is a sentence of this program, without
// the characters that RFC 6749 section 4.1.2.1 excludes.
func (p *Pages) answerError(w http.ResponseWriter, c *wire.Call, request signin.Request, r refusal) {
	c.Record.Outcome = signin.KindOf(r.fault).String()
	c.Record.Err = r.fault
	description := ""
	if fault, ok := asFault(r.fault); ok {
		description = fault.Message
	}
	p.leave(w, c, redirectTo(request.RedirectURI, parameter{"error", r.code}, parameter{"error_description", description},
		parameter{"state", request.State}, p.issuer(request)))
}

// issuer tells the client who answers (RFC 9207), so that one that knows several servers can see that the answer is from the
// one that it asked. The devtools clients are programs of others that know one
// server only, and some read no parameter but their own.
func (p *Pages) issuer(request signin.Request) parameter {
	if _, devtools := signin.DevtoolsClient(request.ClientID); devtools {
		return parameter{}
	}
	return parameter{"iss", p.Base[0]}
}

// leave sends the browser away, with a body for nobody; or, where a program on this computer is to be opened, with a page
// that opens it.
func (p *Pages) leave(w http.ResponseWriter, c *wire.Call, location string) {
	if opensProgram(location) {
		p.handOver(w, c, location)
		return
	}
	h := w.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
}

// opensProgram tells whether uri, which was checked, is opened by a program other than the browser, like cursor: and vscode:
// links.
func opensProgram(uri string) bool {
	scheme, _, _ := strings.Cut(uri, ":")
	return !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https")
}

// handOverView is what the page shows that opens a program.
type handOverView struct {
	Link    template.URL // a redirect URI that was checked, and the answer
	Granted bool
}

// handOver shows a page that opens the program at once, and has a link to open it with. A redirect would leave the page of
// before in the window, with buttons that have been used, whether or not a program opened.
func (p *Pages) handOver(w http.ResponseWriter, c *wire.Call, location string) {
	w.Header().Set("Refresh", "0; url="+location)
	granted := c.Record.Outcome == "ok"
	title := "Access was allowed"
	if !granted {
		title = "Access was not granted"
	}
	p.show(w, c, view{template: "hand-over", Title: title, status: http.StatusOK, forms: noForms, Body: handOverView{template.URL(location), granted}})
}
