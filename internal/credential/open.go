package credential

import (
	"crypto/subtle"
	"errors"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// ErrInvalid: the session token is not one of this service, or belongs to another access key id.
var ErrInvalid = errors.New("session token is not valid for this access key id")

// Opened is what a caller's session token says.
type Opened struct {
	Session signin.Session // without the proof key
	Step    int64
	// Secret is what the caller must have signed with.
	Secret string
}

// Open reads the session token that came with accessKeyID. It does not look at the time nor at notices: compare with
// Session.StepExpiry, and ask the notice board, after the signature was verified.
func Open(keys seal.Keys, id, sessionToken string) (Opened, error) {
	s, step, facts, k, err := seal.OpenSession(keys, sessionToken)
	if err != nil {
		return Opened{}, ErrInvalid
	}
	if subtle.ConstantTimeCompare([]byte(accessKeyID(k, s.ID, step)), []byte(id)) != 1 {
		return Opened{}, ErrInvalid
	}
	return Opened{Session: s, Step: step, Secret: secret(k, id, facts)}, nil
}
