package token

import (
	"context"
	"crypto/subtle"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// refresh returns the session of a refresh token and the step to answer for. It reads no database: what the token says
// holds until a notice says otherwise.
func (e *Endpoint) refresh(ctx context.Context, c *wire.Call, r *request) (signin.Session, int64, error) {
	var none signin.Session
	if r.RefreshToken == "" {
		return none, 0, signin.Refuse(signin.ParameterMissing, "%s is missing", r.Spelling.Name("refresh_token"))
	}
	s, brought, err := seal.OpenRefresh(e.Ring, r.RefreshToken)
	if err != nil {
		return none, 0, signin.Refuse(signin.RefreshUnknown, "the refresh token is not one of this server, or its key has been retired. Sign in again.")
	}
	if s.ClientID != r.client.ID {
		return none, 0, signin.Refuse(signin.RefreshMismatch, "the refresh token was issued to another client")
	}
	// The record names the session before the key is compared: a wrong key is what an operator wants to see.
	c.Record.Session, c.Record.Principal, c.Record.Person = s.ID.String(), s.Principal.ARN(), s.Principal.PersonID
	if subtle.ConstantTimeCompare(s.Key[:], r.proof.Key[:]) != 1 {
		return none, 0, signin.Refuse(signin.ProofKeyMismatch, "the DPoP proof was made with another key than the one that this session is bound to. Use the key of the login, or sign in again.")
	}
	if !c.Now.Before(s.EndsAt(e.Lifetimes)) {
		return none, 0, errSessionEnded()
	}
	if err := e.Board.Fresh(c.Now); err != nil {
		return none, 0, err
	}
	if err := e.Board.Check(s); err != nil {
		return none, 0, err
	}
	if err := e.within(c, s.Principal); err != nil {
		return none, 0, err
	}
	e.Watch.Brought(s, brought)
	step, err := e.admit(ctx, c, r, s.StepFor(r.proof.IssuedAt, c.Now, e.Lifetimes))
	return s, step, err
}
