package token

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// redeem turns a code into its session, and returns both. After it returns nil the code is spent, whatever fails later.
func (e *Endpoint) redeem(ctx context.Context, c *wire.Call, r *request) (signin.Session, signin.Authorization, error) {
	var none signin.Session
	a, err := e.openCode(c, r)
	if err != nil {
		return none, a, err
	}
	c.Record.Session, c.Record.Principal, c.Record.Person = a.ID.String(), a.Principal.ARN(), a.Principal.PersonID
	if err := e.Board.Fresh(c.Now); err != nil {
		return none, a, err
	}
	if err := e.Board.CheckPrincipal(a.Principal, a.AsOf, a.Issued); err != nil {
		return none, a, err
	}
	if err := e.within(c, a.Principal); err != nil {
		return none, a, err
	}
	resource, err := e.target(ctx, r, a)
	if err != nil {
		return none, a, err
	}
	if err := e.permitted(ctx, c, r, a.Principal, resource); err != nil {
		return none, a, err
	}
	if _, err := e.admit(ctx, c, r, 0); err != nil {
		return none, a, err
	}
	// Also where its row was lost with the database that it was in.
	if e.Board.Revoked(a.ID) {
		return none, a, e.replayed(ctx, c, a)
	}

	s := signin.Begin(a, r.proof.Key, c.Now, e.Lifetimes)
	s.ClientID, s.Resource = r.client.ID, resource
	err = e.Sessions.RedeemCode(ctx, s)
	if errors.Is(err, store.ErrSpent) {
		return none, a, e.replayed(ctx, c, a)
	}
	return s, a, err
}

// openCode returns what the code says once everything in the request agrees with it.
func (e *Endpoint) openCode(c *wire.Call, r *request) (signin.Authorization, error) {
	var none signin.Authorization
	name := r.Spelling.Name
	switch {
	case r.Code == "":
		return none, signin.Refuse(signin.ParameterMissing, "code is missing")
	case r.RedirectURI == "":
		return none, signin.Refuse(signin.ParameterMissing, "%s is missing: send the one of the authorization", name("redirect_uri"))
	case r.CodeVerifier == "":
		return none, signin.Refuse(signin.ParameterMissing, "%s is missing", name("code_verifier"))
	}
	if err := signin.CheckVerifier(name("code_verifier"), r.CodeVerifier); err != nil {
		return none, err
	}
	a, err := seal.OpenCode(e.Ring, r.Code)
	if err != nil {
		return none, signin.Refuse(signin.CodeUnknown, "the authorization code is not one of this server, or it was altered")
	}
	redirect := signin.HashRedirect(r.RedirectURI)
	switch {
	case !c.Now.Before(a.Expires):
		return none, signin.Refuse(signin.CodeExpired, "the authorization code has expired. Sign in again.")
	case !a.IsFor(r.client.ID):
		return none, signin.Refuse(signin.CodeMismatch, "the authorization code was issued to another client")
	case subtle.ConstantTimeCompare(a.Redirect[:], redirect[:]) != 1:
		return none, signin.Refuse(signin.CodeMismatch, "%s is not the one of the authorization, byte for byte", name("redirect_uri"))
	case !a.Challenge.Matches(r.CodeVerifier):
		return none, signin.Refuse(signin.CodeMismatch, "%s does not match the code_challenge of the authorization", name("code_verifier"))
	}
	return a, nil
}

// replayed ends the session of a code that came a second time. Whoever brought it proved PKCE, so the code and the
// verifier are in two hands, or in one that lost the answer; either way what the first redemption gave is not safe
// (RFC 6749 section 4.1.2, RFC 9700 section 4.5).
func (e *Endpoint) replayed(ctx context.Context, c *wire.Call, a signin.Authorization) error {
	if !e.Board.Revoked(a.ID) { // else whoever brings it a hundred times writes a hundred notices
		expires := signin.NoticeExpiry(c.Now)
		if first, err := e.Sessions.SessionByID(ctx, a.ID); err == nil {
			expires = first.RevocationExpiry()
		}
		err := e.Board.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: a.ID.String(), At: c.Now, Expires: expires})
		if err != nil {
			return err
		}
	}
	return signin.Refuse(signin.CodeSpent, "the authorization code was redeemed before, so the session that it started has been ended. Sign in again.")
}
