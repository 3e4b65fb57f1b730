package revoke

import (
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// held is what the token says that somebody holds.
type held struct {
	session signin.Session
	// expires is when an access token ends; zero of refresh tokens, which go with their session. A refresh token that was used
	// is good enough to end its session: to bring it to the token endpoint would end it too.
	expires time.Time
}

// over tells whether the token itself ended. An access token that did may lie in many a log, and must do nothing any more.
func (h held) over(now time.Time) bool { return !h.expires.IsZero() && !now.Before(h.expires) }

// open returns what a token says, and whether it is one of this installation.
func open(keys seal.Keys, token string) (held, bool) {
	if strings.HasPrefix(token, seal.AccessPrefix) {
		t, err := seal.OpenAccess(keys, token)
		return held{session: t.Session, expires: t.Expires}, err == nil
	}
	s, _, err := seal.OpenGrant(keys, token)
	if err != nil {
		s, _, err = seal.OpenRefresh(keys, token)
	}
	return held{session: s}, err == nil
}
