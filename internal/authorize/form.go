package authorize

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

const (
	// maxForm is the longest form in bytes; the hidden field has up to 3 KiB of it.
	maxForm = 16 << 10
	// pageLifetime is how long a page can be sent. Clients wait 10 to 15 minutes for their code.
	pageLifetime = 30 * time.Minute
)

// form is a form that one of our pages sent.
type form struct {
	url.Values
	page   seal.Page     // from the hidden field
	client signin.Client // whom it is about
}

// readForm reads the form of a page that carries a request. When it is not ok, the answer was written.
func (p *Pages) readForm(w http.ResponseWriter, c *wire.Call) (form, bool) {
	values, err := p.readValues(w, c)
	if err != nil {
		p.refuse(w, c, err, nil)
		return form{}, false
	}
	f := form{Values: values}
	f.page, err = seal.OpenPage(p.Keys, values.Get("page"))
	if err != nil {
		p.refuse(w, c, signin.RefuseBecause(err, signin.PageExpired,
			"This form was made by another server, or too long ago. Go back to your terminal and run aws login again."), nil)
		return form{}, false
	}
	c.Record.Client = f.page.Request.ClientID
	if c.Now.Sub(f.page.Issued) > pageLifetime {
		again := "If your terminal no longer waits, run aws login there again."
		if signin.IsDynamicID(f.page.Request.ClientID) {
			again = "If the program that brought you here no longer waits, begin there again."
		}
		p.refuse(w, c, signin.Refuse(signin.PageExpired, "This page was open for more than %d minutes, so nothing was done. %s",
			pageLifetime/time.Minute, again), &f.page.Request)
		return form{}, false
	}
	// The facts were checked before they were sealed. They are checked again, because clients and base URLs may have
	// changed meanwhile, and a redirect must only ever go to a URI that its client has.
	f.client, err = p.Clients.Find(c.Context(), f.page.Request.ClientID, c.Remote, c.Now)
	if err == nil {
		err = p.allow(f.client, f.page.Request.RedirectURI)
	}
	if err != nil {
		p.refuse(w, c, err, nil)
		return form{}, false
	}
	return f, true
}

// readValues reads a form that was sent from a page of this server, or by a program that is no browser.
func (p *Pages) readValues(w http.ResponseWriter, c *wire.Call) (url.Values, error) {
	if err := p.origins.Check(c.Request); err != nil {
		return nil, signin.RefuseBecause(err, signin.OriginForeign,
			"This form was sent from a page of another site, so nothing was done. If you did not expect to come here, close this page.")
	}
	if kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, signin.Refuse(signin.ContentTypeUnsupported, "A form must be sent as application/x-www-form-urlencoded.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, maxForm))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, signin.Refuse(signin.BodyTooLarge, "The form is larger than %d bytes.", maxForm)
	}
	if err != nil {
		return nil, signin.RefuseBecause(err, signin.BodyMalformed, "The form did not arrive whole. Send it again.")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, signin.Refuse(signin.BodyMalformed, "The form is not well-formed.")
	}
	for _, v := range values {
		if len(v) > 1 {
			return nil, signin.Refuse(signin.BodyMalformed, "The form says one thing twice.")
		}
	}
	return values, nil
}

func asFault(err error) (*signin.Fault, bool) { return errors.AsType[*signin.Fault](err) }
