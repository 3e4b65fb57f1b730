package credential

import (
	"crypto/subtle"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// ErrInvalid: the session token is not one of this service, or belongs to another access key id.
var ErrInvalid = errors.New("session token is not valid for this access key id")

// Opened is what a caller's session token says.
type Opened struct {
	Session signin.Session // without the proof key
	Step    int64
	Expires time.Time
	// Secret is what the caller must have signed with.
	Secret string
}

// Open reads the session token that came with the access key id. It does not look at the time nor at notices: after the
// signature was verified, compare with Expires and Session.EndsAt, and ask the notice board.
func Open(keys seal.Keys, id, sessionToken string) (Opened, error) {
	t, err := seal.OpenSession(keys, sessionToken)
	if err != nil {
		return Opened{}, ErrInvalid
	}
	if subtle.ConstantTimeCompare([]byte(accessKeyID(t.SealKey, t.Session.ID, t.Step)), []byte(id)) != 1 {
		return Opened{}, ErrInvalid
	}
	return Opened{Session: t.Session, Step: t.Step, Expires: t.Expires, Secret: secret(t.SealKey, id, t.Facts)}, nil
}
