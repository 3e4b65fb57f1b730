package token

import (
	"context"
	"net/http"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// serveDynamic answers a client that registered or describes itself: tokens for one resource, and errors in the plain shape
// of OAuth (RFC 6749 section 5.2), because such clients are ordinary OAuth clients that know nothing of exceptions.
func (e *Endpoint) serveDynamic(w http.ResponseWriter, c *wire.Call, r *request) {
	answer, err := e.bearer(c.Context(), c, r)
	if err != nil {
		wire.WriteOAuthFault(w, c, err)
		return
	}
	wire.WriteBearer(w, c, r.Spelling, answer)
}

func (e *Endpoint) bearer(ctx context.Context, c *wire.Call, r *request) (wire.BearerAnswer, error) {
	leave, err := e.enter(ctx, c, r)
	if err != nil {
		return wire.BearerAnswer{}, err
	}
	defer leave()
	if r.GrantType == grantRefresh {
		s, g, err := e.rotate(ctx, c, r)
		if err != nil {
			return wire.BearerAnswer{}, err
		}
		return e.tokens(c, r, s, g)
	}
	s, a, err := e.redeem(ctx, c, r)
	if err != nil {
		return wire.BearerAnswer{}, err
	}
	answer, err := e.tokens(c, r, s, generation{0, s.Start})
	if err != nil {
		return answer, err
	}
	scope := a.Scope
	if answer.RefreshToken == "" {
		scope &^= signin.ScopeOffline
	}
	answer.Scope = scope.String() // as it was granted (RFC 6749 section 5.1); a refresh changes nothing about it
	if !scope.Has(signin.ScopeOpenID) {
		return answer, nil
	}
	answer.IDToken, err = credential.IDToken(e.Ring.SigningKey(c.Now), s, e.Issuer, e.Region, c.Now, e.Lifetimes.IDToken)
	return answer, err
}

// generation is one turn of the refresh tokens of a dynamic client's session.
type generation struct {
	number int64     // 0 is that of the redemption
	began  time.Time // by the clock of whoever began it, as the store keeps it
}

// tokens returns the tokens of a generation of s. They follow from the session, the generation and when it began, so that
// an identical retry gets the same, from every node.
func (e *Endpoint) tokens(c *wire.Call, r *request, s signin.Session, g generation) (wire.BearerAnswer, error) {
	issued := g.began.Truncate(time.Second)
	expires := issued.Add(e.Lifetimes.AccessToken)
	if end := s.EndsAt(e.Lifetimes); end.Before(expires) {
		expires = end
	}
	left := int64(expires.Sub(c.Now) / time.Second)
	switch {
	case left >= 1:
	case !s.EndsAt(e.Lifetimes).After(expires):
		return wire.BearerAnswer{}, errSessionEnded()
	default: // configured so short that it is over before its retry, which is worth it for the refresh token
		left = 1
	}
	key := e.Ring.SealingKey(issued)
	answer := wire.BearerAnswer{
		AccessToken: seal.SealAccess(key, seal.AccessToken{Session: s, Generation: g.number, Issued: issued, Expires: expires}),
		TokenType:   wire.Bearer,
		// Another node's clock, which said when the generation began, may be ahead.
		ExpiresIn: min(left, int64(e.Lifetimes.AccessToken/time.Second)),
	}
	if s.Key != (signin.Thumbprint{}) {
		answer.TokenType = wire.DPoPBound
	}
	if r.client.MayRefresh() {
		answer.RefreshToken = seal.SealGrant(key, s, g.number)
	}
	return answer, nil
}
