package authorize

import (
	"net/http"

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
	leave(w, redirectTo(page.Request.RedirectURI, parameter{"code", code}, parameter{"state", page.Request.State}, p.issuer(page.Request)))
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
	leave(w, redirectTo(request.RedirectURI, parameter{"error", r.code}, parameter{"error_description", description},
		parameter{"state", request.State}, p.issuer(request)))
}

// issuer tells a confidential client who answers (RFC 9207). The devtools clients are programs of others that know one
// server only, and some read no parameter but their own.
func (p *Pages) issuer(request signin.Request) parameter {
	if _, devtools := signin.DevtoolsClient(request.ClientID); devtools {
		return parameter{}
	}
	return parameter{"iss", p.Base[0]}
}

// leave sends the browser away, with a body for nobody.
func leave(w http.ResponseWriter, location string) {
	h := w.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
}
