package control

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Endpoint answers the operations. All its fields are needed.
type Endpoint struct {
	Region    string // what requestedRegion must be
	Door      *signed.Door
	Judge     *permit.Judge
	Perimeter store.Perimeter
	Keys      seal.Keys // of nextToken
	Trail     *audit.Trail
}

// operation is one of the operations.
type operation struct {
	shape *wire.Shape
	// do answers a request that was let through. A nil answer is an empty body.
	do func(*Endpoint, context.Context, *request) (answer any, err error)
}

// request is one request of somebody who may make it.
type request struct {
	wire.Values
	call *wire.Call
	who  caller.Caller
}

// operations are all of them by path.
var operations = map[string]operation{
	"/put-resource-permission-statement":          {&putShape, (*Endpoint).put},
	"/delete-resource-permission-statement":       {&deleteShape, (*Endpoint).remove},
	"/list-resource-permission-statements":        {&listShape, (*Endpoint).list},
	"/get-resource-policy":                        {&policyShape, (*Endpoint).policy},
	"/put-console-authorization-configuration":    {&switchOnShape, (*Endpoint).switchOn},
	"/get-console-authorization-configuration":    {&askSwitchShape, (*Endpoint).askSwitch},
	"/delete-console-authorization-configuration": {&switchOffShape, (*Endpoint).switchOff},

	"/create-trusted-identity-propagation-application-for-console": {&createShape, (*Endpoint).createApplication},
	"/list-trusted-identity-propagation-applications-for-console":  {&findShape, (*Endpoint).listApplications},
}

// Routes returns the handlers by pattern of http.ServeMux.
func (e *Endpoint) Routes() map[string]wire.Handler {
	routes := map[string]wire.Handler{}
	for path, op := range operations {
		routes["POST "+path] = e.handler(op)
	}
	return routes
}

// targetHeader names the operation in the AWS JSON protocols, behind the name of the service and a dot.
const targetHeader = "X-Amz-Target"

// Beside returns a handler that answers requests of the AWS JSON protocols, which all go to the root, and leaves every other
// to next. The operations about applications come so (API version 2022-07-26).
func (e *Endpoint) Beside(next wire.Handler) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		// Beside a form, which is what STS takes here, the header means nothing.
		form := strings.HasPrefix(c.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
		if c.Method != http.MethodPost || c.Header.Get(targetHeader) == "" || form {
			next(w, c)
			return
		}
		target := c.Header.Get(targetHeader)
		for _, op := range operations {
			if op.shape.AWSJSON && target[strings.LastIndexByte(target, '.')+1:] == op.shape.Operation && strings.Contains(target, ".") {
				e.handler(op)(w, c)
				return
			}
		}
		wire.WriteFault(w, c, signin.Refuse(signin.OperationUnknown, "%s names no operation of this server. The operations that come this way are %s and %s",
			targetHeader, createShape.Operation, findShape.Operation))
	}
}

func (e *Endpoint) handler(op operation) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		answer, err := e.answer(c.Context(), c, op)
		if err != nil {
			wire.WriteFault(w, c, err)
			return
		}
		c.Record.Outcome = "ok"
		write(w, c, answer)
	}
}

func (e *Endpoint) answer(ctx context.Context, c *wire.Call, op operation) (any, error) {
	c.Record.Operation = op.shape.Operation
	if err := checkQuery(c.URL.RawQuery); err != nil {
		return nil, err
	}
	values, who, leave, err := e.Door.Enter(c, op.shape)
	if err != nil {
		return nil, err
	}
	defer leave()
	may := permit.Ask{Action: "signin:" + op.shape.Operation, Resource: "*", Network: c.Network, Now: c.Now}
	if err := e.Judge.Caller(ctx, who, may); err != nil {
		return nil, err
	}
	return op.do(e, ctx, &request{Values: values, call: c, who: who})
}

// checkQuery refuses a query with anything but a signature in it (SigV4, query form): no operation here has one.
func checkQuery(query string) error {
	values, err := url.ParseQuery(query)
	for name := range values {
		if !strings.HasPrefix(name, "X-Amz-") {
			err = errors.New("not of a signature")
		}
	}
	if err != nil {
		return signin.Refuse(signin.OperationUnknown, "the operations of this path have no query")
	}
	return nil
}

// write answers with v as JSON; with an empty body where v is nil (DeleteResourcePermissionStatement).
func write(w http.ResponseWriter, c *wire.Call, v any) {
	if v == nil {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return
	}
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	wire.WriteJSON(w, c, http.StatusOK, b)
}

// note keeps who did what in the audit trail.
func (e *Endpoint) note(r *request, kind, detail string) {
	event := store.AuditEvent{
		At: r.call.Now, Kind: kind, Request: r.call.ID, Principal: r.who.ARN, Remote: r.call.Remote.String(),
		Detail: "Account " + r.who.Account + ": " + detail,
	}
	if s := r.who.Session; s != nil {
		event.Person, event.Session = s.Principal.PersonID, s.ID.String()
	}
	e.Trail.NoteEach(event)
}
