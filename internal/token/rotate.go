package token

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// grace is how long an identical retry of a refresh gets the same tokens. An answer that was lost is asked for again within
// seconds; whoever comes later holds a token that was used.
const grace = 10 * time.Second

// rotate spends a refresh token of a dynamic client, and returns its session and the generation that follows. A refresh
// token is good once: a second use ends the session, because one of the two who brought it is not the client (RFC 9700
// section 4.14.2).
//
// Everything is checked before the token is spent, so that a request that is refused costs nobody a session.
func (e *Endpoint) rotate(ctx context.Context, c *wire.Call, r *request) (signin.Session, generation, error) {
	s, from, err := e.openGrant(c, r)
	if err != nil {
		return s, generation{}, err
	}
	if err := e.Board.Fresh(c.Now); err != nil {
		return s, generation{}, err
	}
	if err := e.Board.Check(s); err != nil {
		return s, generation{}, err
	}
	if err := e.within(c, s.Principal); err != nil {
		return s, generation{}, err
	}
	if err := e.permitted(ctx, c, r, s.Principal, s.Resource); err != nil {
		return s, generation{}, err
	}
	if _, err := e.admit(ctx, c, r, 0); err != nil {
		return s, generation{}, err
	}
	began, err := e.Grants.AdvanceGeneration(ctx, store.Advance{
		Session: s.ID, From: from, Request: r.fingerprint(), End: s.End, Grace: grace,
	}, c.Now)
	if errors.Is(err, store.ErrReused) {
		return s, generation{}, e.reused(ctx, c, s)
	}
	if err != nil {
		return s, generation{}, fmt.Errorf("advance generation: %w", err)
	}
	if r.proved() {
		s.Key = r.proof.Key // a client that begins to prove its key is held to it from here on
	}
	return s, generation{from + 1, began}, nil
}

// openGrant returns what a refresh token says once everything in the request agrees with it: its session, and its
// generation.
func (e *Endpoint) openGrant(c *wire.Call, r *request) (signin.Session, int64, error) {
	var none signin.Session
	switch {
	case !r.client.MayRefresh():
		return none, 0, signin.Refuse(signin.ClientGrantMissing, "this client did not register the grant type refresh_token")
	case r.RefreshToken == "":
		return none, 0, signin.Refuse(signin.ParameterMissing, "%s is missing", r.Spelling.Name("refresh_token"))
	}
	s, from, err := seal.OpenGrant(e.Ring, r.RefreshToken)
	if err != nil {
		return none, 0, signin.Refuse(signin.RefreshUnknown, "the refresh token is not one of this server, or its key has been retired. Sign in again.")
	}
	if s.ClientID != r.client.ID {
		return none, 0, signin.Refuse(signin.RefreshMismatch, "the refresh token was issued to another client")
	}
	c.Record.Session, c.Record.Principal, c.Record.Person = s.ID.String(), s.Principal.ARN(), s.Principal.PersonID
	bound := s.Key != (signin.Thumbprint{})
	switch {
	case bound && !r.proved():
		return none, 0, signin.Refuse(signin.ProofMissing, "this session is bound to a DPoP key: send a proof that is signed with it")
	case bound && subtle.ConstantTimeCompare(s.Key[:], r.proof.Key[:]) != 1:
		return none, 0, signin.Refuse(signin.ProofKeyMismatch, "the DPoP proof was made with another key than the one that this session is bound to. Use that key, or sign in again.")
	case r.Resource != "" && r.Resource != s.Resource:
		return none, 0, errOtherTarget()
	case s.EndsAt(e.Lifetimes).Sub(c.Now) < time.Second: // an answer says at least one
		return none, 0, errSessionEnded()
	}
	return s, from, nil
}

// fingerprint tells an identical retry from another request: the same body, by the holder of the same key. The proof itself
// may be a fresh one.
func (r *request) fingerprint() [sha256.Size]byte {
	h := sha256.New()
	h.Write(r.proof.Key[:])
	h.Write(r.Body)
	return [sha256.Size]byte(h.Sum(nil))
}

// reused ends the session of a refresh token that came a second time. Where the session is bound to a key, whoever brought
// it holds that, so nobody can end a session with a token that they only saw.
func (e *Endpoint) reused(ctx context.Context, c *wire.Call, s signin.Session) error {
	if !e.Board.Revoked(s.ID) { // else whoever brings it a hundred times at once writes a hundred notices
		err := e.Board.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: s.ID.String(), At: c.Now, Expires: s.RevocationExpiry()})
		if err != nil {
			return err
		}
	}
	return signin.Refuse(signin.RefreshReused, "the refresh token was used before, so its session has been ended. Sign in again.")
}
