package token_test

import (
	"testing"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// A client that proves its key gets tokens that only the holder of the key can use (RFC 9449 section 5).
func TestProofBindsTheSession(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t).Bound()
	g := d.Login(t)
	access, err := seal.OpenAccess(s.Ring, g.AccessToken)
	if err != nil || access.Session.Key == (signin.Thumbprint{}) || g.TokenType != "DPoP" {
		t.Fatalf("login gives a %s token bound to %x, %v", g.TokenType, access.Session.Key, err)
	}
	if g = d.Refresh(t, g.RefreshToken).WantOK(t); g.TokenType != "DPoP" {
		t.Errorf("a refresh gives a %s token, want DPoP", g.TokenType)
	}
}

// Attack: a stolen refresh token of a bound session is brought without a proof, as if the client knew nothing of proofs, or
// with one of the thief's key. It is refused, and does not even end the session: the thief proved nothing.
func TestBoundSessionIsNotUnboundByLeavingOutTheProof(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t).Bound()
	used := d.Login(t).RefreshToken
	current := d.Refresh(t, used).WantOK(t).RefreshToken
	thief := *d
	for _, token := range []string{current, used} { // the used one would end the session
		thief.Key = nil
		thief.Refresh(t, token).WantFault(t, signin.ProofMissing, "invalid_dpop_proof")
		thief.Key = testkit.NewKey()
		thief.Refresh(t, token).WantFault(t, signin.ProofKeyMismatch, "invalid_grant")
	}
	d.Refresh(t, current).WantOK(t)
}

// A client that begins to send proofs is bound from then on: what it did not prove before, nobody can bring instead.
func TestProofAtARefreshBindsFromThenOn(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	token := d.Login(t).RefreshToken
	d = d.Bound()
	g := d.Refresh(t, token).WantOK(t)
	if g.TokenType != "DPoP" {
		t.Errorf("token_type = %q, want DPoP", g.TokenType)
	}
	unproved := *d
	unproved.Key = nil
	unproved.Refresh(t, g.RefreshToken).WantFault(t, signin.ProofMissing, "invalid_dpop_proof")
	d.Refresh(t, g.RefreshToken).WantOK(t)
}

// Attack: the thief of an unbound refresh token binds it to a key of their own, to lock the client out. It is a first use
// like any other: the client's own use ends the session.
func TestThiefCannotKeepASessionByBindingIt(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t)
	stolen := d.Login(t).RefreshToken
	thief := *d
	bound := thief.Bound()
	g := bound.Refresh(t, stolen).WantOK(t)
	d.Refresh(t, stolen).WantFault(t, signin.RefreshReused, "invalid_grant")
	bound.Refresh(t, g.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
}

// Attack: a proof is captured and put before another request of the same client.
func TestProofIsGoodForOneBody(t *testing.T) {
	s := testkit.Start(t)
	d := s.Dynamic(t).Bound()
	form, other := d.RefreshForm(d.Login(t).RefreshToken), d.RefreshForm(d.Login(t).RefreshToken)
	proof := d.Proof()
	first := d.Post(t, form, proof).WantOK(t)
	d.Post(t, other, proof).WantFault(t, signin.ProofReplayed, "invalid_dpop_proof")
	if again := d.Post(t, form, proof).WantOK(t); again.AccessToken != first.AccessToken {
		t.Error("the same request with the same proof gave other tokens")
	}
	d.Post(t, other, d.Proof()).WantOK(t)
}
