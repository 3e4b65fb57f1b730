package seal

import (
	"encoding/base64"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// AccessPrefix begins every opaque access token (wire: IntrospectOAuth2TokenWithIAM, pattern of token).
const AccessPrefix = "ASOA"

// MaxAccess is the longest opaque access token in characters (IntrospectOAuth2TokenWithIAM, token).
const MaxAccess = 4096

// SealGrant returns the refresh token of a dynamic client's session in a generation. The same session, generation and key
// give the same token. It begins with RefreshPrefix and has at most MaxRefresh characters.
func SealGrant(k *Key, s signin.Session, generation int64) string {
	w := newWriter(make([]byte, 0, 1024))
	writeSession(&w, s)
	w.raw(s.Key[:])
	w.text(s.Resource)
	w.number(generation)
	return k.sealText(RefreshPrefix, kindGrant, w.b)
}

// OpenGrant returns the session and the generation of a dynamic client's refresh token, or ErrNotOurs. It does not look at
// the time.
func OpenGrant(keys Keys, token string) (signin.Session, int64, error) {
	r, err := openPrefixed(keys, RefreshPrefix, kindGrant, token, MaxRefresh)
	if err != nil {
		return signin.Session{}, 0, err
	}
	s := readSession(&r)
	r.raw(s.Key[:])
	s.Resource = r.text()
	generation := r.number()
	if err := r.done(); err != nil {
		return signin.Session{}, 0, err
	}
	return s, generation, nil
}

// AccessToken is what an opaque access token says.
type AccessToken struct {
	Session    signin.Session // with its Key and Resource
	Generation int64
	Issued     time.Time // to the second
	Expires    time.Time // to the second
}

// SealAccess returns the opaque access token that says t. The same facts and key give the same token.
func SealAccess(k *Key, t AccessToken) string {
	w := newWriter(make([]byte, 0, 1024))
	writeSession(&w, t.Session)
	w.raw(t.Session.Key[:])
	w.text(t.Session.Resource)
	w.number(t.Generation)
	w.seconds(t.Issued)
	w.seconds(t.Expires)
	return k.sealText(AccessPrefix, kindAccess, w.b)
}

// OpenAccess returns what SealAccess sealed, or ErrNotOurs. It does not look at the time.
func OpenAccess(keys Keys, token string) (AccessToken, error) {
	r, err := openPrefixed(keys, AccessPrefix, kindAccess, token, MaxAccess)
	if err != nil {
		return AccessToken{}, err
	}
	t := AccessToken{Session: readSession(&r)}
	r.raw(t.Session.Key[:])
	t.Session.Resource = r.text()
	t.Generation = r.number()
	t.Issued = r.seconds()
	t.Expires = r.seconds()
	if err := r.done(); err != nil {
		return AccessToken{}, err
	}
	return t, nil
}

// sealText returns prefix and the envelope of facts in base64url.
func (k *Key) sealText(prefix string, kd kind, facts []byte) string {
	envelope := k.appendSeal(make([]byte, 0, overhead+len(facts)), kd, facts)
	text := make([]byte, 0, len(prefix)+base64.RawURLEncoding.EncodedLen(len(envelope)))
	return string(base64.RawURLEncoding.AppendEncode(append(text, prefix...), envelope))
}

// openPrefixed returns a reader of the facts in prefix and an envelope, of at most limit characters.
func openPrefixed(keys Keys, prefix string, kd kind, token string, limit int) (reader, error) {
	if len(token) < len(prefix) || len(token) > limit || token[:len(prefix)] != prefix {
		return reader{}, ErrNotOurs
	}
	facts, _, err := openText(keys, kd, token[len(prefix):], limit)
	if err != nil {
		return reader{}, err
	}
	return newReader(facts), nil
}
