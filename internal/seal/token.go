package seal

import (
	"encoding/base64"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// RefreshPrefix begins every refresh token (wire: IntrospectOAuth2TokenWithIAM, pattern of token).
const RefreshPrefix = "ASOR"

// MaxRefresh is the longest refresh token in characters (CreateOAuth2Token, refreshToken).
const MaxRefresh = 2048

// SealRefresh returns the refresh token of a session's step. The same session, step and key give the same token.
func SealRefresh(k *Key, s signin.Session, step int64) string {
	w := newWriter(make([]byte, 0, 384))
	writeSession(&w, s)
	w.raw(s.Key[:])
	w.number(step)
	return k.sealText(RefreshPrefix, kindRefresh, w.b)
}

// OpenRefresh returns the session and the step of a refresh token, or ErrNotOurs. It does not look at the time.
func OpenRefresh(keys Keys, token string) (signin.Session, int64, error) {
	r, err := openPrefixed(keys, RefreshPrefix, kindRefresh, token, MaxRefresh)
	if err != nil {
		return signin.Session{}, 0, err
	}
	s := readSession(&r)
	r.raw(s.Key[:])
	step := r.number()
	if err := r.done(); err != nil {
		return signin.Session{}, 0, err
	}
	return s, step, nil
}

// MaxSessionToken is the longest session token in characters.
const MaxSessionToken = 1024

// SealSession returns the session token of a session's step, in standard base64, and the facts in it, which credentials
// are derived from. When they expire is sealed too, so that no later configuration can make them good again. The same
// session, step, expiry and key give the same token.
func SealSession(k *Key, s signin.Session, step int64, expires time.Time) (token string, facts []byte) {
	w := newWriter(make([]byte, 0, 384))
	writeSession(&w, s)
	w.number(step)
	w.seconds(expires)
	return base64.StdEncoding.EncodeToString(k.appendSeal(make([]byte, 0, overhead+len(w.b)), kindSession, w.b)), w.b
}

// SessionToken is what a session token says.
type SessionToken struct {
	Session signin.Session // without its Key
	Step    int64
	Expires time.Time
	Facts   []byte // as they were sealed
	SealKey *Key   // what they were sealed with
}

// OpenSession returns what SealSession sealed, or ErrNotOurs. It does not look at the time.
func OpenSession(keys Keys, token string) (SessionToken, error) {
	if len(token) > MaxSessionToken {
		return SessionToken{}, ErrNotOurs
	}
	envelope, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil {
		return SessionToken{}, ErrNotOurs
	}
	facts, k, err := open(keys, kindSession, envelope)
	if err != nil {
		return SessionToken{}, err
	}
	r := newReader(facts)
	t := SessionToken{Session: readSession(&r), Step: r.number(), Expires: r.seconds(), Facts: facts, SealKey: k}
	if err := r.done(); err != nil {
		return SessionToken{}, err
	}
	return t, nil
}

func writeSession(w *writer, s signin.Session) {
	w.raw(s.ID[:])
	writeClient(w, s.ClientID)
	writePrincipal(w, s.Principal)
	w.millis(s.AuthTime)
	w.millis(s.Issued)
	w.number(s.AsOf)
	w.seconds(s.Start)
	w.seconds(s.End)
	w.text(s.Methods)
}

func readSession(r *reader) signin.Session {
	var s signin.Session
	r.raw(s.ID[:])
	s.ClientID = readClient(r)
	s.Principal = readPrincipal(r)
	s.AuthTime = r.millis()
	s.Issued = r.millis()
	s.AsOf = r.number()
	s.Start = r.seconds()
	s.End = r.seconds()
	s.Methods = r.text()
	return s
}
