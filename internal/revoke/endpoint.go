package revoke

import (
	"context"
	"net/http"
	"strings"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/dpop"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Endpoint answers both forms. All its fields are needed.
type Endpoint struct {
	Lifetimes signin.Lifetimes
	Door      *signed.Door
	Judge     *permit.Judge
	Keys      seal.Keys
	Board     *notice.Board
	Proofs    *dpop.Verifier
	Answered  *dpop.Memory // of proofs
	Trail     *audit.Trail
}

// withIAM is what a request of RevokeOAuth2TokenWithIAM looks like. The documented pattern of token is left to the clients.
var withIAM = &wire.Shape{
	Operation: "RevokeOAuth2TokenWithIAM", Form: true,
	Members: []wire.Member{{Name: "token", Min: 1, Max: seal.MaxAccess, Needed: true}},
}

// action is what policies allow or deny. It has no resource: statements about it name "*" (Service Authorization Reference,
// AWS Sign-In).
const action, anyResource = "signin:RevokeOAuth2Token", "*"

// ServeIAM answers POST /v1/revoke?x-amz-client-auth-method=iam.
func (e *Endpoint) ServeIAM(w http.ResponseWriter, c *wire.Call) {
	if err := e.revokeSigned(c); err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	wire.WriteNothing(w, c)
}

func (e *Endpoint) revokeSigned(c *wire.Call) error {
	v, who, leave, err := e.Door.Enter(c, withIAM)
	if err != nil {
		return err
	}
	defer leave()
	// Access tokens cannot be revoked here, so the kind is known, and the same for whatever is sent.
	err = e.Judge.Caller(c.Context(), who, permit.Ask{
		Action: action, Resource: anyResource, Network: c.Network, Now: c.Now,
		Keys: []policy.Key{{Name: "signin:OAuthTokenType", Values: []string{wire.RefreshTokenKind}}},
	})
	if err != nil {
		return err
	}
	token := v.Text("token")
	if strings.HasPrefix(token, seal.AccessPrefix) {
		return signin.Refuse(signin.TokenTypeRefused, "this is an access token: send the refresh token, which ends the access tokens of its session as well")
	}
	h, ok := open(e.Keys, token)
	if !ok || h.session.Principal.Account != who.Account {
		return nil
	}
	return e.end(c.Context(), c, h, "It was asked for by "+who.ARN+" in a signed request.")
}

// end ends the session of h, unless it, or the token, is over. by says at whose wish, for the auditor.
func (e *Endpoint) end(ctx context.Context, c *wire.Call, h held, by string) error {
	s := &h.session
	if !c.Now.Before(s.EndsAt(e.Lifetimes)) || h.over(c.Now) || e.Board.Revoked(s.ID) {
		return nil
	}
	err := e.Board.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: s.ID.String(), At: c.Now, Expires: s.RevocationExpiry()})
	if err != nil {
		return err
	}
	e.Trail.Note(store.AuditEvent{
		At: c.Now, Kind: audit.SessionRevoked, Request: c.ID, Session: s.ID.String(), Client: s.ClientID,
		Principal: s.Principal.ARN(), Person: s.Principal.PersonID, Remote: c.Remote.String(), Detail: "The session was ended. " + by,
	})
	return nil
}
