package introspect

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Endpoint answers IntrospectOAuth2TokenWithIAM. All its fields are needed.
type Endpoint struct {
	Issuer    string // iss of the answers
	Region    string // in session ARNs
	Lifetimes signin.Lifetimes
	Door      *signed.Door
	Judge     *permit.Judge
	Keys      seal.Keys
	Board     *notice.Board
	Grants    store.Grants
}

// shape is what a request looks like (IntrospectOAuth2TokenWithIAM). The documented pattern of token is left to the clients:
// whatever is no token is one that is not good (RFC 7662 section 2.2).
var shape = &wire.Shape{
	Operation: "IntrospectOAuth2TokenWithIAM", Form: true,
	Members: []wire.Member{
		{Name: "token", Min: 1, Max: seal.MaxAccess, Needed: true},
		{Name: "token_type_hint", Pattern: wire.KindPattern, Rule: "access_token or refresh_token"},
	},
}

// action is what policies allow or deny. It has no resource: statements about it name "*" (Service Authorization Reference,
// AWS Sign-In).
const action, anyResource = "signin:IntrospectOAuth2Token", "*"

// ServeCall answers POST /v1/introspect?x-amz-client-auth-method=iam.
func (e *Endpoint) ServeCall(w http.ResponseWriter, c *wire.Call) {
	answer, err := e.answer(c)
	if err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	wire.WriteIntrospection(w, c, answer)
}

// answer returns what is told of the token, nil when it is not good.
func (e *Endpoint) answer(c *wire.Call) (*wire.Introspection, error) {
	v, who, leave, err := e.Door.Enter(c, shape)
	if err != nil {
		return nil, err
	}
	defer leave()
	token := v.Text("token")
	f, own := open(e.Keys, token)
	own = own && f.session.Principal.Account == who.Account
	if err := e.permit(c, who, question(token, f, own)); err != nil {
		return nil, err
	}
	if err := e.Board.Fresh(c.Now); err != nil {
		return nil, err
	}
	if !own {
		return nil, nil
	}
	if good, err := e.good(c.Context(), f, c.Now); !good || err != nil {
		return nil, err
	}
	return e.tell(f), nil
}

// question returns the condition keys of the operation. Those of a token that is not the account's are what anybody sees of
// it: its client is told to no policy either.
func question(token string, f facts, own bool) []policy.Key {
	if own {
		return []policy.Key{
			{Name: "signin:OAuthTokenType", Values: []string{f.kind}},
			{Name: "signin:OAuthClientId", Values: []string{f.session.ClientID}},
		}
	}
	kind := wire.RefreshTokenKind
	if strings.HasPrefix(token, seal.AccessPrefix) {
		kind = wire.AccessTokenKind
	}
	return []policy.Key{{Name: "signin:OAuthTokenType", Values: []string{kind}}}
}

func (e *Endpoint) permit(c *wire.Call, who caller.Caller, keys []policy.Key) error {
	return e.Judge.Caller(c.Context(), who, permit.Ask{Action: action, Resource: anyResource, Keys: keys, Network: c.Network, Now: c.Now})
}

// good tells whether the token is good at now.
func (e *Endpoint) good(ctx context.Context, f facts, now time.Time) (bool, error) {
	if !now.Before(e.end(f)) || e.Board.Check(f.session) != nil {
		return false, nil
	}
	if !f.rotates {
		return true, nil
	}
	generation, err := e.Grants.GenerationOf(ctx, f.session.ID)
	if err != nil {
		return false, fmt.Errorf("find generation: %w", err)
	}
	return generation == f.number, nil
}

// end returns when the token ends: with its session, where it does not end earlier by itself.
func (e *Endpoint) end(f facts) time.Time {
	end := f.session.EndsAt(e.Lifetimes)
	if !f.expires.IsZero() && f.expires.Before(end) {
		return f.expires
	}
	return end
}

func (e *Endpoint) tell(f facts) *wire.Introspection {
	s := &f.session
	a := &wire.Introspection{
		Kind: f.kind, ClientID: s.ClientID, Account: s.Principal.Account, UserID: s.Principal.UserID(), Subject: s.Principal.ARN(),
		Issuer: e.Issuer, Issued: e.issued(f), Expires: e.end(f), ID: f.id(), Session: s.ARN(e.Region), BoundKey: boundKey(s.Key),
	}
	if f.kind == wire.AccessTokenKind {
		a.Audience = s.Resource
	} else {
		a.Resource = s.Resource
	}
	return a
}

// issued returns when the token was issued, as far as it tells itself: of a refresh token of a dynamic client, which does not,
// when its session began.
func (e *Endpoint) issued(f facts) time.Time {
	switch {
	case !f.issued.IsZero():
		return f.issued
	case f.rotates:
		return f.session.Start
	}
	return f.session.StepStart(f.number, e.Lifetimes)
}
