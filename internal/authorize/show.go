package authorize

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

//go:embed pages/*.html
var pageFiles embed.FS

// templates are the pages by name. Each is the layout with its own main part.
type templates map[string]*template.Template

var pageNames = []string{"sign-in", "consent", "no-role", "hand-over", "confirmation", "home", "message"}

func loadTemplates() (templates, error) {
	t := templates{}
	for _, name := range pageNames {
		page, err := template.ParseFS(pageFiles, "pages/layout.html", "pages/parts.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		t[name] = page
	}
	return t, nil
}

// view is a page that is to be shown.
type view struct {
	template string
	status   int
	forms    string // form-action of the Content-Security-Policy: where forms may lead

	Title       string // of the window, and the heading
	Body        any    // what the page's own part shows
	Problem     string // what went wrong with what was typed or chosen before
	Script      string // path of the page's script, if it has one
	RequestID   string
	Development bool
	Style, Logo string // paths
}

// Where the forms of most pages lead.
const (
	noForms  = "'none'"
	ownForms = "'self'"
)

// problem makes v tell a fault, with its status.
func (v *view) problem(w http.ResponseWriter, c *wire.Call, fault *signin.Fault) {
	v.Problem, v.status = fault.Message, wire.Status(fault.Kind)
	c.Record.Outcome, c.Record.Err = fault.Kind.String(), fault
	retryAfter(w, fault)
}

func retryAfter(w http.ResponseWriter, fault *signin.Fault) {
	if fault.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((fault.RetryAfter+time.Second-1)/time.Second), 10))
	}
}

// show writes v.
func (p *Pages) show(w http.ResponseWriter, c *wire.Call, v view) {
	v.RequestID, v.Development, v.Style, v.Logo = c.ID, p.Development, p.assets.style, p.assets.logo
	var b bytes.Buffer
	if err := p.templates[v.template].ExecuteTemplate(&b, "layout", v); err != nil {
		wire.WriteFault(w, c, fmt.Errorf("page %s: %w", v.template, err))
		return
	}
	secure(w.Header(), v)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(v.status)
	if c.Method != http.MethodHead {
		w.Write(b.Bytes())
	}
}

// secure sets the headers that keep a page to itself: nothing is loaded from elsewhere, nothing runs but the page's own
// script, no other site frames it or sees its address, and no cache keeps it.
func secure(h http.Header, v view) {
	csp := "default-src 'none'; style-src 'self'; img-src 'self'; "
	if v.Script != "" {
		csp += "script-src 'self'; "
	}
	csp += "form-action " + v.forms + "; frame-ancestors 'none'; base-uri 'none'"
	h.Set("Content-Security-Policy", csp)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if v.forms == noForms {
		h.Set("Referrer-Policy", "no-referrer")
	} else { // with no-referrer, browsers say "Origin: null" when they send our own forms
		h.Set("Referrer-Policy", "same-origin")
	}
}

// messageView is a page that says one thing.
type messageView struct {
	Message string
	Again   string // where to start again, if that can help
	Waits   bool   // a program waits for an answer that it cannot be given
	Gone    bool   // it registered itself, and its registration is no more
}

// refuse shows err as a page. Where request is known to be good, the page has a link to start again with it.
func (p *Pages) refuse(w http.ResponseWriter, c *wire.Call, err error, request *signin.Request) {
	fault, ok := asFault(err)
	if !ok {
		fault = &signin.Fault{Kind: signin.Internal, Message: "The server could not complete the request. Try again; if it persists, give the operator the request id below."}
	}
	c.Record.Outcome, c.Record.Err = fault.Kind.String(), err
	retryAfter(w, fault)
	body := messageView{
		Message: readable(fault.Message), Waits: c.Record.Operation == authorizeOperation && request == nil,
		Gone: fault.Kind == signin.ClientUnknown && signin.IsRegisteredID(c.URL.Query().Get("client_id")),
	}
	if request != nil {
		body.Again = canonical(*request)
	}
	p.show(w, c, view{
		template: "message", Title: heading(fault.Kind), status: wire.Status(fault.Kind), forms: noForms, Body: body,
	})
}

// readable makes a message of the wire a sentence for people. The names of parameters, like client_id, stay as they are.
func readable(message string) string {
	if first, _, _ := strings.Cut(message, " "); first != "" && !strings.Contains(first, "_") {
		message = strings.ToUpper(message[:1]) + message[1:]
	}
	return strings.TrimSuffix(message, ".") + "."
}

// heading is the title of the page that tells a fault of kind k.
func heading(k signin.Kind) string {
	switch k {
	case signin.PageExpired:
		return "This page has expired"
	case signin.CodeExpired:
		return "This code has expired"
	case signin.ConsentRefused:
		return "Access was not granted"
	case signin.OriginForeign:
		return "Refused for your safety"
	case signin.Overloaded, signin.Throttled:
		return "Too busy at the moment"
	case signin.Internal:
		return "Something went wrong"
	}
	return "This request cannot be used"
}

// seeOther leads the browser on with GET.
func seeOther(w http.ResponseWriter, path string) {
	h := w.Header()
	h.Set("Location", path)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}

// span says a span of time in the largest unit that is not below one, rounded to the nearest whole.
func span(d time.Duration) string {
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d < u.length && u.length > time.Second {
			continue
		}
		n := int64((d + u.length/2) / u.length)
		if n == 1 {
			return "1 " + u.name
		}
		return strconv.FormatInt(n, 10) + " " + u.name + "s"
	}
	return ""
}
