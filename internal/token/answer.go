package token

import (
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// mint answers with the credentials and the refresh token of a step, and at login with the id token.
func (e *Endpoint) mint(c *wire.Call, s signin.Session, step int64, login bool) (wire.TokenAnswer, error) {
	cred := credential.Mint(e.Ring, s, step, e.Lifetimes)
	left := int64(cred.Expires.Sub(c.Now) / time.Second)
	if left < 1 {
		if cred.Expires.Equal(s.EndsAt(e.Lifetimes)) {
			return wire.TokenAnswer{}, errSessionEnded()
		}
		// A proof that comes back late is answered for its own step only, and that step's credentials are over.
		return wire.TokenAnswer{}, signin.Refuse(signin.ProofReplayed, "this DPoP proof was answered before, and that answer has expired. Make a fresh proof.")
	}
	// The step may lie ahead, by a node's or a client's clock. What is told is never more than clients know (AWS: 900).
	left = min(left, int64(e.Lifetimes.Credentials/time.Second))
	answer := wire.TokenAnswer{
		AccessKeyID:     cred.AccessKeyID,
		SecretAccessKey: cred.SecretAccessKey,
		SessionToken:    cred.SessionToken,
		ExpiresIn:       left,
		RefreshToken:    seal.SealRefresh(e.Ring.SealingKey(s.StepStart(step, e.Lifetimes)), s, step),
	}
	if !login {
		return answer, nil
	}
	var err error
	answer.IDToken, err = credential.IDToken(e.Ring.SigningKey(c.Now), s, e.Issuer, e.Region, c.Now, e.Lifetimes.IDToken)
	return answer, err
}

func errSessionEnded() error {
	return signin.Refuse(signin.SessionEnded, "the session has reached its end. Sign in again.")
}
