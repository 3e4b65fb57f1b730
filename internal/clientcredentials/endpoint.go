package clientcredentials

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Endpoint answers both operations. All its fields are needed.
type Endpoint struct {
	Issuer    string // iss of the tokens
	Region    string // in ARNs
	Door      *signed.Door
	Ring      *keyring.Ring
	Resources store.Resources
	Judge     *permit.Judge
	// ByCaller holds each caller to a pace.
	ByCaller *limit.Limiter
}

// ServeIAM answers POST /v1/token?x-amz-client-auth-method=iam.
func (e *Endpoint) ServeIAM(w http.ResponseWriter, c *wire.Call) { e.serve(w, c, WithIAM) }

// ServeBearer answers POST /v1/token?x-amz-token-request-type=bearer.
func (e *Endpoint) ServeBearer(w http.ResponseWriter, c *wire.Call) { e.serve(w, c, Bearer) }

func (e *Endpoint) serve(w http.ResponseWriter, c *wire.Call, shape *wire.Shape) {
	answer, err := e.answer(c, shape)
	if err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	wire.WriteBearer(w, c, wire.SnakeJSON, answer)
}

func (e *Endpoint) answer(c *wire.Call, shape *wire.Shape) (wire.BearerAnswer, error) {
	var none wire.BearerAnswer
	v, who, leave, err := e.Door.Enter(c, shape)
	if err != nil {
		return none, err
	}
	defer leave()
	if v.Text("grant_type") != Grant {
		return none, signin.Refuse(signin.GrantUnknown, "grant_type must be %s", Grant)
	}
	c.Record.Grant, c.Record.Client = Grant, ClientID
	if err := e.ByCaller.Wait(c.Context(), who.ARN, c.Now); err != nil {
		return none, err
	}
	resource, err := e.allowed(c, who, v.Text("resource"))
	if err != nil {
		return none, err
	}
	asked := lifetime
	if shape == Bearer {
		asked = signin.MaxBearer
		if seconds, ok := v.Number("duration"); ok {
			asked = time.Duration(seconds) * time.Second
		}
	}
	lives, err := left(who, asked, c.Now)
	if err != nil {
		return none, err
	}
	token, err := e.token(who, resource, lives, c.Now).Sign(e.Ring.TokenKey(c.Now))
	if err != nil {
		return none, err
	}
	return wire.BearerAnswer{AccessToken: token, TokenType: wire.Bearer, ExpiresIn: int64(lives / time.Second)}, nil
}

// allowed returns the resource of that identifier in the caller's account. One that is not there, and one that the policies of
// the caller do not allow, are answered alike: which resources an account has is not told to who may not use them.
func (e *Endpoint) allowed(c *wire.Call, who caller.Caller, identifier string) (signin.Resource, error) {
	refused := func(err error) error {
		return signin.RefuseBecause(err, signin.PermissionMissing,
			"the policies of the caller do not allow signin:CreateOAuth2Token on this resource, or it is not registered in account %s", who.Account)
	}
	r, err := e.Resources.ResourceByIdentifier(c.Context(), who.Account, identifier)
	if errors.Is(err, store.ErrNotFound) {
		return signin.Resource{}, refused(err)
	}
	if err != nil {
		return signin.Resource{}, fmt.Errorf("find resource: %w", err)
	}
	err = e.Judge.Caller(c.Context(), who, permit.Ask{
		Action: "signin:CreateOAuth2Token", Resource: r.ARN(e.Region), Keys: conditionKeys, Network: c.Network, Now: c.Now,
	})
	if signin.KindOf(err) == signin.PermissionMissing {
		return signin.Resource{}, refused(err)
	} else if err != nil {
		return signin.Resource{}, err
	}
	return r.Resource, nil
}

// conditionKeys are what policies can ask about these operations (Service Authorization Reference, AWS Sign-In).
var conditionKeys = []policy.Key{
	{Name: "signin:OAuthGrantType", Values: []string{Grant}},
	{Name: "signin:OAuthClientId", Values: []string{ClientID}},
	{Name: "signin:OAuthClientAuthentication", Values: []string{"none"}},
}

// left returns how long a token of the caller may live that asks for so long: whole seconds, and not beyond the caller's own
// credentials.
func left(who caller.Caller, asked time.Duration, now time.Time) (time.Duration, error) {
	if who.Expires.IsZero() { // a long-lived access key
		return asked, nil
	}
	// The token counts from the second that has begun.
	rest := who.Expires.Sub(now).Truncate(time.Second)
	if rest < time.Second {
		return 0, signin.Refuse(signin.SessionEnded, "the credentials that signed this request are over within a second: refresh them")
	}
	return min(asked, rest), nil
}

func (e *Endpoint) token(who caller.Caller, r signin.Resource, lives time.Duration, now time.Time) credential.AccessToken {
	t := credential.AccessToken{
		Issuer: e.Issuer, Resource: r.Identifier, Subject: who.ARN, ClientID: ClientID, Account: who.Account, UserID: who.UserID,
		Issued: now, Lifetime: lives,
	}
	if s := who.Session; s != nil {
		t.SigninSession, t.AuthTime = s.ARN(e.Region), s.AuthTime
	}
	return t
}
