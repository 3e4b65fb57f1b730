package sts

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

const (
	// version is the only version of the API (STS API Reference).
	version = "2011-06-15"
	// maxBody is the longest body in bytes; a real one has some fifty.
	maxBody = 16 << 10
)

// Endpoint answers the query protocol at the root of the host.
type Endpoint struct {
	callers *caller.Resolver
}

// New returns an endpoint that asks callers who signed a request.
func New(callers *caller.Resolver) *Endpoint { return &Endpoint{callers: callers} }

// Beside returns a handler that answers requests of the query protocol and leaves every other to next, which may be nil:
// the protocol has no path of its own, so a parameter called Action tells it from a visit of the home page.
func (e *Endpoint) Beside(next wire.Handler) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		isForm := c.Method == http.MethodPost && mediaType(c) == "application/x-www-form-urlencoded"
		isQuery := strings.Contains(c.URL.RawQuery, "Action=") || strings.Contains(c.URL.RawQuery, "X-Amz-Algorithm=")
		if !isForm && !isQuery && next != nil {
			next(w, c)
			return
		}
		e.serve(w, c)
	}
}

func mediaType(c *wire.Call) string {
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

func (e *Endpoint) serve(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = "GetCallerIdentity"
	who, err := e.identify(c.Context(), w, c)
	if err != nil {
		writeError(w, c, err)
		return
	}
	c.Record.Principal = who.ARN
	c.Record.Outcome = "ok"
	writeIdentity(w, c, who)
}

func (e *Endpoint) identify(ctx context.Context, w http.ResponseWriter, c *wire.Call) (caller.Caller, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, maxBody))
	if err != nil {
		return caller.Caller{}, &caller.Refusal{Code: "RequestEntityTooLarge", Status: http.StatusRequestEntityTooLarge, Message: "the body is too long"}
	}
	if err := checkAction(c, body); err != nil {
		return caller.Caller{}, err
	}
	return e.callers.Identify(ctx, c.Request, body, "sts", c.Now)
}

// checkAction returns nil when the request asks for GetCallerIdentity.
func checkAction(c *wire.Call, body []byte) error {
	params := c.URL.RawQuery
	if mediaType(c) == "application/x-www-form-urlencoded" {
		params = strings.Trim(params+"&"+string(body), "&")
	}
	values, err := url.ParseQuery(params)
	if err != nil {
		return &caller.Refusal{Code: "MalformedQueryString", Status: http.StatusBadRequest, Message: "the parameters are not well formed"}
	}
	action, ver := values["Action"], values["Version"]
	switch {
	case len(action) == 0:
		return &caller.Refusal{Code: "MissingAction", Status: http.StatusBadRequest, Message: "the parameter Action is missing"}
	case len(action) > 1 || len(ver) > 1:
		return &caller.Refusal{Code: "MalformedQueryString", Status: http.StatusBadRequest, Message: "Action or Version is there twice"}
	case len(ver) == 0:
		return &caller.Refusal{Code: "InvalidAction", Status: http.StatusBadRequest, Message: "Could not find the operation: the parameter Version is missing, it must be " + version}
	case action[0] != "GetCallerIdentity" || ver[0] != version:
		return &caller.Refusal{Code: "InvalidAction", Status: http.StatusBadRequest, Message: "This server has one operation of STS: GetCallerIdentity, version " + version}
	}
	return nil
}

// refusalOf returns err in the words of the protocol; what is not a refusal is an internal failure without detail.
func refusalOf(c *wire.Call, err error) *caller.Refusal {
	if r, ok := errors.AsType[*caller.Refusal](err); ok {
		c.Record.Outcome = r.Code
		return r
	}
	if f, ok := errors.AsType[*signin.Fault](err); ok && f.Kind == signin.Overloaded {
		c.Record.Outcome = f.Kind.String()
		return &caller.Refusal{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: f.Message}
	}
	c.Record.Outcome = "InternalFailure"
	return &caller.Refusal{Code: "InternalFailure", Status: http.StatusInternalServerError, Message: "The server could not complete the request; its request id is " + c.ID}
}
