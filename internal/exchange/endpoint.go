package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/trust"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Endpoint answers the operation. All its fields are needed.
type Endpoint struct {
	Issuer    string // iss of the tokens
	Region    string // in ARNs
	Ring      *keyring.Ring
	Directory store.Directory
	Resources store.Resources
	Policies  store.Policies
	Judge     *permit.Judge
	Wall      *perimeter.Wall
	// Keys are those of other issuers.
	Keys *trust.Keys

	ByAddress *limit.Limiter
	// Gate bounds how many signatures are verified, and answers made, at once. Whoever waits for the keys of an issuer is not in
	// it: else an issuer that hangs would hold up everybody.
	Gate       *limit.Gate
	LongBodies *limit.Gate // as of package token
}

// ServeCall answers POST /v1/token?x-amz-oauth-token-method=token-exchange.
func (e *Endpoint) ServeCall(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = Shape.Operation
	answer, err := e.answer(c)
	if err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	wire.WriteBearer(w, c, wire.SnakeJSON, answer)
}

func (e *Endpoint) answer(c *wire.Call) (wire.BearerAnswer, error) {
	var none wire.BearerAnswer
	v, err := e.decode(c)
	if err != nil {
		return none, err
	}
	scope, err := parseScope(v.Text("scope"))
	if err != nil {
		return none, err
	}
	if err := e.ByAddress.Wait(c.Context(), limit.Network(c.Remote).String(), c.Now); err != nil {
		return none, err
	}
	token, err := trust.Read(v.Text("subject_token"))
	if err != nil {
		return none, err
	}
	by, leave, err := e.verify(c, token, v.Text("resource"))
	if err != nil {
		return none, err
	}
	defer leave()
	return e.issue(c, token, by, v.Text("resource"), scope)
}

// decode reads the body, and refuses what is no exchange.
func (e *Endpoint) decode(c *wire.Call) (wire.Values, error) {
	if c.ContentLength < 0 || c.ContentLength > wire.ShortTokenBody {
		leave, err := e.LongBodies.Enter(c.Context())
		if err != nil {
			return wire.Values{}, err
		}
		defer leave()
	}
	v, err := Shape.Decode(c)
	switch {
	case err != nil:
		return v, err
	case v.Text("grant_type") != Grant:
		return v, signin.Refuse(signin.GrantUnknown, "grant_type must be %s", Grant)
	case v.Text("subject_token_type") != SubjectType:
		return v, signin.Refuse(signin.ParameterInvalid, "subject_token_type must be %s", SubjectType)
	}
	c.Record.Grant, c.Record.Client = Grant, ClientID
	return v, nil
}

// believed is an account's word for a token.
type believed struct {
	store.TrustedIssuer
	rules trust.Rules
}

// verify returns by which account's word the token is good. Call leave when c is answered.
func (e *Endpoint) verify(c *wire.Call, token *trust.Token, resource string) (by believed, leave func(), err error) {
	if err := token.Check(c.Now); err != nil {
		return by, nil, err
	}
	if by, err = e.trusted(c.Context(), token, resource); err != nil {
		return by, nil, err
	}
	found, err := e.Keys.Find(c.Context(), token, by.rules, c.Now)
	if err != nil {
		return by, nil, err
	}
	if leave, err = e.Gate.Enter(c.Context()); err != nil {
		return by, nil, err
	}
	if err := found.Verify(); err != nil {
		leave()
		return by, nil, err
	}
	return by, leave, nil
}

// trusted returns the account that trusts the token's issuer and audience. A token may be for several accounts; then it is the
// one that has the resource. Nothing is verified yet, so the answer does not tell which of it is unknown.
func (e *Endpoint) trusted(ctx context.Context, token *trust.Token, resource string) (believed, error) {
	rows, err := e.Resources.TrustedIssuersCalled(ctx, token.Issuer)
	if err != nil {
		return believed{}, fmt.Errorf("find trusted issuer: %w", err)
	}
	var all []store.TrustedIssuer
	for _, row := range rows {
		if token.IsFor(row.Audience) {
			all = append(all, row)
		}
	}
	if len(all) > 1 {
		if all, err = e.having(ctx, all, resource); err != nil {
			return believed{}, err
		}
	}
	if len(all) != 1 {
		return believed{}, signin.Refuse(signin.SubjectTokenInvalid, "no account here trusts the issuer and the audience of the subject token, or several do that have this resource")
	}
	rules, err := trust.ParseRules(all[0].Rules)
	if err != nil {
		return believed{}, fmt.Errorf("trusted issuer %s: %w", all[0].ID, err)
	}
	return believed{all[0], rules}, nil
}

// having returns those whose account has the resource.
func (e *Endpoint) having(ctx context.Context, all []store.TrustedIssuer, resource string) ([]store.TrustedIssuer, error) {
	named, err := e.Resources.ResourcesCalled(ctx, resource)
	if err != nil {
		return nil, fmt.Errorf("find accounts of resource: %w", err)
	}
	accounts := map[string]bool{}
	for _, r := range named {
		accounts[r.Account] = true
	}
	var some []store.TrustedIssuer
	for _, row := range all {
		if accounts[row.Account] {
			some = append(some, row)
		}
	}
	return some, nil
}

// issue answers a token that is good.
func (e *Endpoint) issue(c *wire.Call, token *trust.Token, by believed, identifier string, scope []string) (wire.BearerAnswer, error) {
	var none wire.BearerAnswer
	role, session, err := e.role(c.Context(), token, by)
	if err != nil {
		return none, err
	}
	// It is nobody of the directory, so it has no person's id.
	who := signin.Principal{Account: role.Account, Role: role.Name, RoleID: role.ID, Person: session}
	c.Record.Principal = who.ARN()
	// An account that is closed to a network gives nothing there, whoever vouches.
	if err := e.Wall.Check(perimeter.After, who.Account, who.RoleARN(), c.Network, c.Now); err != nil {
		return none, err
	}
	resource, err := e.Resources.ResourceByIdentifier(c.Context(), by.Account, identifier)
	if errors.Is(err, store.ErrNotFound) {
		return none, signin.Refuse(signin.TargetInvalid, "the resource is not registered in account %s", by.Account)
	}
	if err != nil {
		return none, fmt.Errorf("find resource: %w", err)
	}
	err = e.Judge.Role(c.Context(), role, session, permit.Ask{
		Action: "signin:CreateOAuth2Token", Resource: resource.ARN(e.Region), Keys: conditionKeys, Network: c.Network, Now: c.Now,
	})
	if err != nil {
		return none, err
	}
	narrowed, err := e.checkScope(c.Context(), by.Account, scope)
	if err != nil {
		return none, err
	}
	lives := min(lifetime, token.Expires.Sub(c.Now).Truncate(time.Second))
	if lives < time.Second {
		return none, signin.Refuse(signin.SubjectTokenInvalid, "the subject token expires within a second")
	}
	text, err := credential.AccessToken{
		Issuer: e.Issuer, Resource: resource.Identifier, Subject: who.ARN(), ClientID: ClientID, Account: who.Account, UserID: who.UserID(),
		Scope: narrowed, Actor: token.Actor, Provider: token.Issuer, Issued: c.Now, Lifetime: lives,
	}.Sign(e.Ring.TokenKey(c.Now))
	if err != nil {
		return none, err
	}
	return wire.BearerAnswer{AccessToken: text, TokenType: wire.Bearer, ExpiresIn: int64(lives / time.Second), IssuedTokenType: IssuedType}, nil
}

// conditionKeys are what policies can ask about the operation (Service Authorization Reference, AWS Sign-In).
var conditionKeys = []policy.Key{
	{Name: "signin:OAuthGrantType", Values: []string{Grant}},
	{Name: "signin:OAuthClientId", Values: []string{ClientID}},
	{Name: "signin:OAuthClientAuthentication", Values: []string{"none"}},
}

// role returns the role that the token is for, and the name of its session.
func (e *Endpoint) role(ctx context.Context, token *trust.Token, by believed) (store.Role, string, error) {
	name, session, err := by.rules.Role(token)
	if err != nil {
		return store.Role{}, "", err
	}
	role, err := e.Directory.RoleByName(ctx, by.Account, name)
	if errors.Is(err, store.ErrNotFound) {
		return role, "", signin.Refuse(signin.PermissionMissing, "the role that account %s gives to this subject token does not exist", by.Account)
	}
	if err != nil {
		return role, "", fmt.Errorf("find role: %w", err)
	}
	return role, session, nil
}
