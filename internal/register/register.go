package register

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Path is where clients register themselves.
const Path = "/v1/register"

// Shape is the request. Members that are not in it are passed over, as RFC 7591 section 2 wants: clients send many.
var Shape = wire.Shape{
	Operation: "CreateOAuth2PublicClient", Open: true,
	Members: []wire.Member{
		{Name: "redirect_uris", Kind: wire.TextList, Min: 1, Max: 10, EachMax: signin.MaxRedirectURI, Needed: true},
		{Name: "grant_types", Kind: wire.TextList, Min: 1, Max: 5, EachMax: 64},
		{Name: "response_types", Kind: wire.TextList, Min: 1, Max: 5, EachMax: 64},
		{Name: "token_endpoint_auth_method"},
		{Name: "client_name"},
	},
}

// Endpoint answers CreateOAuth2PublicClient. All its fields are needed.
type Endpoint struct {
	Region    string        // in client ids
	Lifetime  time.Duration // of a registration
	Redirects signin.RedirectList
	Grants    store.Grants
	Most      int // registrations at a time
	Trail     *audit.Trail

	// ByAddress is how fast one address may register clients, and BySite one network of them. What is refused for what it
	// says does not count.
	ByAddress, BySite *limit.Limiter
	// LongBodies bounds how many bodies above wire.ShortTokenBody are being read at once.
	LongBodies *limit.Gate
}

// answer has the members of RFC 7591 section 3.2.1. There is no secret, so there is no end of one.
type answer struct {
	ClientID      string   `json:"client_id"`
	IssuedAt      int64    `json:"client_id_issued_at"`
	Name          string   `json:"client_name,omitzero"`
	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
}

// ServeCall answers POST /v1/register, in the plain shape of OAuth also where it refuses.
func (e *Endpoint) ServeCall(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = Shape.Operation
	m, err := e.register(c.Context(), c)
	if err != nil {
		wire.WriteOAuthFault(w, c, asMetadata(err))
		return
	}
	body, err := json.Marshal(answer{
		ClientID: m.ClientID, IssuedAt: c.Now.Unix(), Name: m.Name, RedirectURIs: m.RedirectURIs, GrantTypes: m.GrantTypes,
		ResponseTypes: []string{"code"}, AuthMethod: "none",
	})
	if err != nil {
		wire.WriteOAuthFault(w, c, err)
		return
	}
	c.Record.Outcome = "ok"
	wire.WriteJSON(w, c, status(c.Header.Values("Accept")), body)
}

// status is 200, as AWS documents. Clients that ask as the example of RFC 7591 section 3.1 does, for application/json by
// name, get its 201, because some of them (openid-client) take nothing else.
func status(accept []string) int {
	for kind := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		if kind, _, err := mime.ParseMediaType(kind); err == nil && kind == "application/json" {
			return http.StatusCreated
		}
	}
	return http.StatusOK
}

// register checks what needs no store first, then how much the caller did lately, and then keeps the client.
func (e *Endpoint) register(ctx context.Context, c *wire.Call) (clients.Metadata, error) {
	var none clients.Metadata
	if c.URL.RawQuery != "" {
		return none, signin.Refuse(signin.OperationUnknown, "this path has no operation with a query")
	}
	v, err := e.decode(ctx, c)
	if err != nil {
		return none, err
	}
	m, err := e.check(&v)
	if err != nil {
		return none, err
	}
	if err := e.ByAddress.Wait(ctx, limit.Network(c.Remote).String(), c.Now); err != nil {
		return none, err
	}
	if err := e.BySite.Wait(ctx, limit.Site(c.Remote).String(), c.Now); err != nil {
		return none, err
	}
	if err := e.checkRoom(ctx); err != nil {
		return none, err
	}
	id := signin.NewSessionID(c.Now)
	m.ClientID = signin.DynamicClientID(e.Region, id)
	row, err := m.Registration(c.Now, c.Now.Add(e.Lifetime))
	if err != nil {
		return none, err
	}
	if err := e.Grants.RegisterClient(ctx, row); err != nil {
		return none, fmt.Errorf("register client: %w", err)
	}
	c.Record.Client = m.ClientID
	e.Trail.Note(store.AuditEvent{
		At: c.Now, Kind: audit.ClientRegistered, Request: c.ID, Client: m.ClientID, Remote: c.Remote.String(),
		Detail: "A client registered itself. It can do nothing until somebody approves it.",
	})
	return m, nil
}

// checkRoom refuses when there are as many registrations as there may be. Some that come at once may still get in: the bound
// keeps the database from growing, and is no promise.
func (e *Endpoint) checkRoom(ctx context.Context) error {
	n, err := e.Grants.CountDynamicClients(ctx, e.Most)
	if err != nil {
		return fmt.Errorf("count clients: %w", err)
	}
	if n >= e.Most {
		return &signin.Fault{Kind: signin.Overloaded, RetryAfter: time.Hour,
			Message: "as many clients are registered as this server keeps. Its operator can remove some, or raise registration.most"}
	}
	return nil
}

// decode reads the body.
func (e *Endpoint) decode(ctx context.Context, c *wire.Call) (wire.Values, error) {
	if c.ContentLength < 0 || c.ContentLength > wire.ShortTokenBody {
		leave, err := e.LongBodies.Enter(ctx)
		if err != nil {
			return wire.Values{}, err
		}
		defer leave()
	}
	return Shape.Decode(c)
}

// check returns what the client is registered with.
func (e *Endpoint) check(v *wire.Values) (clients.Metadata, error) {
	m := clients.Metadata{Name: clients.CleanName(v.Text("client_name"))}
	if method := v.Text("token_endpoint_auth_method"); method != "" && method != "none" {
		return m, signin.Refuse(signin.MetadataInvalid, "token_endpoint_auth_method must be none: clients here have no secret")
	}
	types, _ := v.List("response_types")
	for _, t := range types {
		if t != "code" {
			return m, signin.Refuse(signin.MetadataInvalid, "response_types may hold code only")
		}
	}
	asked, _ := v.List("grant_types")
	var err error
	if m.GrantTypes, err = clients.GrantTypes(asked); err != nil {
		return m, err
	}
	m.RedirectURIs, _ = v.List("redirect_uris")
	for i, uri := range m.RedirectURIs {
		if err := e.Redirects.Check(uri); err != nil {
			return m, refuseRedirect(i, err)
		}
	}
	return m, nil
}

// refuseRedirect says which redirect URI is refused, by its place, because the URI itself is a stranger's text.
func refuseRedirect(i int, err error) error {
	if f, ok := errors.AsType[*signin.Fault](err); ok {
		return signin.Refuse(signin.RedirectRefused, "redirect_uris[%d] is refused: %s", i, f.Message)
	}
	return err
}

// asMetadata returns what is wrong with the body as RFC 7591 section 3.2.2 names it, which clients tell apart from other
// errors.
func asMetadata(err error) error {
	f, ok := errors.AsType[*signin.Fault](err)
	if !ok {
		return err
	}
	switch f.Kind {
	case signin.ParameterMissing, signin.ParameterInvalid, signin.BodyMalformed:
		return signin.RefuseBecause(err, signin.MetadataInvalid, "%s", f.Message)
	}
	return err
}
