package introspect

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// facts are what a token says.
type facts struct {
	session signin.Session
	kind    string
	number  int64 // generation; or, of a refresh token that does not rotate, step
	rotates bool  // a refresh token that is good in one generation
	// issued and expires are those of an access token; zero of refresh tokens, which go with their session.
	issued, expires time.Time
}

// open returns what a token says, and whether it is one of this installation at all.
func open(keys seal.Keys, token string) (facts, bool) {
	if strings.HasPrefix(token, seal.AccessPrefix) {
		t, err := seal.OpenAccess(keys, token)
		return facts{
			session: t.Session, kind: wire.AccessTokenKind, number: t.Generation, issued: t.Issued, expires: t.Expires,
		}, err == nil
	}
	if s, generation, err := seal.OpenGrant(keys, token); err == nil {
		return facts{session: s, kind: wire.RefreshTokenKind, number: generation, rotates: true}, true
	}
	s, step, err := seal.OpenRefresh(keys, token)
	return facts{session: s, kind: wire.RefreshTokenKind, number: step}, err == nil
}

// id returns the jti: the same for the same token, another for another, and nothing that the token could be made of. It
// follows from what no two tokens share, so that it is alike on every node.
func (f facts) id() string {
	b := append(make([]byte, 0, 64), "latchkey token "+f.kind...)
	b = append(b, 0)
	b = append(b, f.session.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(f.number))
	b = binary.BigEndian.AppendUint64(b, uint64(f.issued.Unix()))
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// boundKey returns the thumbprint as cnf has it (RFC 9449 section 6.2), empty where the session is bound to no key.
func boundKey(key signin.Thumbprint) string {
	if key == (signin.Thumbprint{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(key[:])
}
