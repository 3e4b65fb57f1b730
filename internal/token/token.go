package token

import (
	"context"
	"crypto/sha256"
	"net/http"

	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/dpop"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/reuse"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Endpoint answers CreateOAuth2Token. All its fields but Watch are needed.
type Endpoint struct {
	Issuer    string // iss of id tokens
	Region    string // in session and resource ARNs
	Lifetimes signin.Lifetimes

	Sessions  store.Sessions
	Clients   *clients.Finder
	Directory store.Directory
	Grants    store.Grants
	Resources store.Resources
	Judge     *permit.Judge
	Ring      *keyring.Ring
	Board     *notice.Board
	Wall      *perimeter.Wall
	Proofs    *dpop.Verifier
	Answered  *dpop.Memory // of proofs
	// AnsweredSigned is the same of signatures, which are good for caller.Skew.
	AnsweredSigned *dpop.Memory
	Callers        *caller.Resolver
	// Watch hears which refresh tokens are brought; nil: nobody does.
	Watch *reuse.Watch

	ByClient  *limit.Limiter
	ByAddress *limit.Limiter
	// Gate bounds how many requests are served at once. A request enters it when its body is there and it has waited its
	// turn, so that whoever sends slowly or too fast takes no place from others.
	Gate *limit.Gate
	// LongBodies bounds how many bodies above wire.ShortTokenBody are being read at once, because what is read of a body
	// is held in memory before anything about its sender is known.
	LongBodies *limit.Gate
}

// The grant types of this operation (RFC 6749 sections 4.1.3 and 6).
const (
	grantCode    = signin.GrantAuthorizationCode
	grantRefresh = signin.GrantRefreshToken
)

// The grant types of the operations that share the path and are told apart by the query.
const (
	grantCredentials = "client_credentials"
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// request is one token request on its way through the corridor.
type request struct {
	wire.TokenRequest
	client signin.Client
	// proof is what a public client proved; zero where a dynamic client proved nothing. Of a confidential client, which
	// signed instead, it stands for the signature, and its Key is zero.
	proof dpop.Proof
}

// ServeCall answers POST /v1/token.
func (e *Endpoint) ServeCall(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = "CreateOAuth2Token"
	r, err := e.read(c.Context(), c)
	switch {
	case err != nil:
		wire.WriteFault(w, c, err)
	case signin.IsDynamicID(r.ClientID): // also where there is no such client
		e.serveDynamic(w, c, &r)
	default:
		answer, err := e.credentials(c.Context(), c, &r)
		if err != nil {
			wire.WriteFault(w, c, err)
			return
		}
		wire.WriteToken(w, c, r.Spelling, answer)
	}
}

// credentials answers a client that gets credentials.
func (e *Endpoint) credentials(ctx context.Context, c *wire.Call, r *request) (wire.TokenAnswer, error) {
	leave, err := e.enter(ctx, c, r)
	if err != nil {
		return wire.TokenAnswer{}, err
	}
	defer leave()
	var s signin.Session
	var step int64
	if r.GrantType == grantCode {
		s, _, err = e.redeem(ctx, c, r)
	} else {
		s, step, err = e.refresh(ctx, c, r)
	}
	if err != nil {
		return wire.TokenAnswer{}, err
	}
	return e.mint(c, s, step, r.GrantType == grantCode)
}

// read reads a request.
func (e *Endpoint) read(ctx context.Context, c *wire.Call) (request, error) {
	if c.URL.RawQuery != "" {
		return request{}, signin.Refuse(signin.OperationUnknown, "the query of /v1/token names an operation that this server does not have; CreateOAuth2Token has no query")
	}
	body, err := e.decode(ctx, c)
	return request{TokenRequest: body}, err
}

// enter takes r through what comes before its grant. Where it returns no error, the caller calls leave in the end.
func (e *Endpoint) enter(ctx context.Context, c *wire.Call, r *request) (leave func(), err error) {
	if err := e.identify(ctx, c, r); err != nil {
		return nil, err
	}
	leave, err = e.Gate.Enter(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.prove(ctx, c, r); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// decode reads the body.
func (e *Endpoint) decode(ctx context.Context, c *wire.Call) (wire.TokenRequest, error) {
	if c.ContentLength < 0 || c.ContentLength > wire.ShortTokenBody {
		leave, err := e.LongBodies.Enter(ctx)
		if err != nil {
			return wire.TokenRequest{}, err
		}
		defer leave()
	}
	return wire.DecodeToken(c)
}

// identify finds the client, once its address has waited its turn.
func (e *Endpoint) identify(ctx context.Context, c *wire.Call, r *request) error {
	switch r.GrantType {
	case grantCode, grantRefresh:
		c.Record.Grant = r.GrantType
	case "":
		return signin.Refuse(signin.ParameterMissing, "%s is missing", r.Spelling.Name("grant_type"))
	case grantCredentials: // the metadata lists these two, and who asks here was not told where they are
		return signin.Refuse(signin.GrantUnknown, "client_credentials is asked for at %s?x-amz-client-auth-method=iam, with a request that is signed with SigV4", wire.TokenPath)
	case grantExchange:
		return signin.Refuse(signin.GrantUnknown, "token exchange is asked for at %s?x-amz-oauth-token-method=token-exchange", wire.TokenPath)
	default:
		return signin.Refuse(signin.GrantUnknown, "%s must be authorization_code or refresh_token", r.Spelling.Name("grant_type"))
	}
	if r.ClientID == "" {
		return signin.Refuse(signin.ParameterMissing, "%s is missing", r.Spelling.Name("client_id"))
	}
	if err := e.ByAddress.Wait(ctx, limit.Network(c.Remote).String(), c.Now); err != nil {
		return err
	}
	client, err := e.Clients.Find(ctx, r.ClientID, c.Remote, c.Now)
	if err != nil {
		return err
	}
	r.client, c.Record.Client = client, client.ID
	return nil
}

// prove checks that the request comes from where its client's requests come from.
func (e *Endpoint) prove(ctx context.Context, c *wire.Call, r *request) (err error) {
	switch {
	case r.client.Class == signin.Confidential:
		return e.checkSignature(ctx, c, r)
	case r.client.Class == signin.Dynamic && len(c.Header.Values("DPoP")) == 0:
		return nil // it need not prove anything; a session that is bound to a key asks for a proof later
	}
	r.proof, err = e.Proofs.Verify(c.Header.Values("DPoP"), wire.TokenMethod, wire.TokenPath, c.Now)
	return err
}

// checkSignature lets a confidential client through whose principal signed the request and may exchange tokens
// (CreateOAuth2Token, "Confidential clients: sigv4 signing required with signin:ExchangeToken permissions").
func (e *Endpoint) checkSignature(ctx context.Context, c *wire.Call, r *request) error {
	who, err := e.Callers.Signed(ctx, c.Request, r.Body, "", c.Now) // sessions are not bound to a region
	if err != nil {
		return err
	}
	if who.User == nil || who.User.ID != r.client.Principal {
		return signin.Refuse(signin.SignatureForbidden, "the signer is not the principal of this client")
	}
	c.Record.Principal = who.ARN
	r.proof = dpop.Proof{ID: who.Signature, IssuedAt: who.SignedAt}
	err = e.Judge.ServiceUser(ctx, *who.User, permit.Ask{
		Action: "signin:ExchangeToken", Resource: r.client.Resource(e.Region, who.Account), Keys: r.keys(), Network: c.Network, Now: c.Now,
	})
	if signin.KindOf(err) == signin.PermissionMissing {
		return signin.RefuseBecause(err, signin.SignatureForbidden, "the policies of the client's principal do not allow signin:ExchangeToken on this client")
	}
	return err
}

// proved tells whether r came with a proof or a signature, which only those of dynamic clients may lack.
func (r *request) proved() bool { return !r.proof.IssuedAt.IsZero() }

// admit lets the client through at its pace, and ties the proof to the first body and step that it is answered for here;
// it returns the step. (RFC 9449 section 11.1 wants a proof used once; but clients send the same one again after a lost answer, so it
// may be repeated, never varied.)
//
// It comes when all else was checked: all people share the devtools clients, so what was refused must not use up their
// pace.
func (e *Endpoint) admit(ctx context.Context, c *wire.Call, r *request, step int64) (int64, error) {
	if err := e.ByClient.Wait(ctx, r.client.ID, c.Now); err != nil {
		return 0, err
	}
	answered := e.Answered
	switch {
	case r.client.Class == signin.Confidential:
		answered = e.AnsweredSigned
	case !r.proved():
		return step, nil
	}
	return answered.Answer(r.proof, sha256.Sum256(r.Body), step, c.Now)
}
