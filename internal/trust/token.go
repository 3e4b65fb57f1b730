package trust

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const (
	// MinToken and MaxToken bound a token in characters (CreateOAuth2TokenWithTokenExchange, subject_token).
	MinToken = 4
	MaxToken = 20000
	// Skew is how far the clock of an issuer may be ahead of this server's.
	Skew = 60 * time.Second

	maxHeader    = 2048 // bytes
	maxKeyID     = 256  // characters
	maxSubject   = 255  // characters (OpenID Connect Core section 2)
	maxAudiences = 32
	maxActor     = 1024 // bytes
	maxActors    = 4    // who act for one another
	maxSeconds   = 1 << 40
)

// Token is a JWT that was read. What it says is not true before Found.Verify returned nil.
type Token struct {
	Issuer    string
	Audiences []string
	// Expires, NotBefore and IssuedAt are the times of those claims; zero where a token has none. A token has Expires.
	Expires, NotBefore, IssuedAt time.Time
	// Actor is the act claim, compact; empty: nobody acts for the subject.
	Actor jsontext.Value

	text      string
	algorithm string
	keyID     string
	payload   []byte
	claims    map[string]jsontext.Value
}

// invalid is a refusal of a subject token.
func invalid(why string) error {
	return signin.Refuse(signin.SubjectTokenInvalid, "the subject token is not good: %s", why)
}

// Read reads a JWT in compact form (RFC 7519, RFC 7515 section 7.1). It is strict: one spelling of the three parts, no
// member twice, and none in the header that would choose the key or change what a signature is of.
func Read(text string) (*Token, error) {
	t, err := readCompact(text)
	if err != nil {
		return nil, err
	}
	if t.keyID == "" || len(t.keyID) > maxKeyID {
		return nil, invalid("its header must name the key in kid")
	}
	if err := t.readClaims(); err != nil {
		return nil, err
	}
	return t, nil
}

// readCompact reads a JWS in compact form, up to what is signed.
func readCompact(text string) (*Token, error) {
	if len(text) < MinToken || len(text) > MaxToken {
		return nil, signin.Refuse(signin.ParameterInvalid, "subject_token must have %d to %d characters", MinToken, MaxToken)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[2] == "" {
		return nil, invalid("it must be one JWS in compact form, with a signature")
	}
	header, err := decodePart(parts[0])
	if err != nil || len(header) > maxHeader {
		return nil, invalid("its header cannot be read")
	}
	payload, err := decodePart(parts[1])
	if err != nil {
		return nil, invalid("its claims cannot be read")
	}
	if _, err := decodePart(parts[2]); err != nil {
		return nil, invalid("its signature is not base64url")
	}
	t := &Token{text: text, payload: payload}
	if err := t.readHeader(header); err != nil {
		return nil, err
	}
	return t, nil
}

// decodePart decodes base64url without padding, in its one spelling. (The decoder would pass over line ends.)
func decodePart(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("a line end")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

// refusedHeaders are members that would have the token choose its own key, or that a verifier must understand (RFC 7515
// sections 4.1.2 to 4.1.6 and 4.1.11, RFC 7797).
var refusedHeaders = []string{"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"}

// types are what a token may call itself, in lower case and without "application/" (RFC 8725 section 3.11). What has another
// type is no token about who somebody is, but a logout token, a proof, or an event.
var types = []string{"", "jwt", "at+jwt"}

func (t *Token) readHeader(b []byte) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(b, &members); err != nil || members == nil {
		return invalid("its header is not one JSON object, or has a member twice")
	}
	for _, name := range refusedHeaders {
		if _, there := members[name]; there {
			return invalid("its header has the member " + name + ", which is not taken: keys come from the issuer, and nothing is critical")
		}
	}
	typ, ok1 := text(members, "typ")
	alg, ok2 := text(members, "alg")
	kid, ok3 := text(members, "kid")
	if !ok1 || !ok2 || !ok3 {
		return invalid("typ, alg and kid in its header must be strings")
	}
	switch {
	case !slices.Contains(types, strings.TrimPrefix(strings.ToLower(typ), "application/")):
		return invalid("its typ is not that of a JWT or an access token")
	case !slices.Contains(Algorithms, alg):
		return invalid("its alg is not one with a public key: unsigned tokens and shared secrets are never taken")
	}
	t.algorithm, t.keyID = alg, kid
	return nil
}

// text returns the string of that name, empty when it is absent; ok is false when it is something else.
func text(members map[string]jsontext.Value, name string) (s string, ok bool) {
	v, there := members[name]
	if !there {
		return "", true
	}
	ok = v.Kind() == '"' && json.Unmarshal(v, &s) == nil
	return s, ok
}

func (t *Token) readClaims() error {
	if err := json.Unmarshal(t.payload, &t.claims); err != nil || t.claims == nil {
		return invalid("its claims are not one JSON object, or one is there twice")
	}
	var ok bool
	if t.Issuer, ok = text(t.claims, "iss"); !ok || t.Issuer == "" || len(t.Issuer) > MaxIssuer {
		return invalid("it must name its issuer in iss")
	}
	if t.Audiences, ok = t.readAudiences(); !ok {
		return invalid("it must name in aud whom it is for: a string, or a list of a few")
	}
	for name, at := range map[string]*time.Time{"exp": &t.Expires, "nbf": &t.NotBefore, "iat": &t.IssuedAt} {
		if *at, ok = t.readTime(name); !ok {
			return invalid("exp, nbf and iat must be numbers of seconds")
		}
	}
	if t.Expires.IsZero() {
		return invalid("it must say in exp when it expires")
	}
	if sub, ok := text(t.claims, "sub"); !ok || len(sub) > maxSubject {
		return invalid("sub must be a string of at most 255 characters")
	}
	return t.readActor()
}

func (t *Token) readAudiences() (all []string, ok bool) {
	v := t.claims["aud"]
	switch v.Kind() {
	case '"':
		all = make([]string, 1)
		ok = json.Unmarshal(v, &all[0]) == nil
	case '[':
		ok = json.Unmarshal(v, &all) == nil
	}
	return all, ok && len(all) > 0 && len(all) <= maxAudiences && !slices.Contains(all, "")
}

// readTime returns a NumericDate (RFC 7519 section 2), which may have a fraction, to the second below.
func (t *Token) readTime(name string) (time.Time, bool) {
	v, there := t.claims[name]
	if !there {
		return time.Time{}, true
	}
	var seconds float64
	if v.Kind() != '0' || json.Unmarshal(v, &seconds) != nil || seconds < 1 || seconds > maxSeconds {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0), true
}

// readActor reads the act claim (RFC 8693 section 4.1): an object, in which the next actor may be.
func (t *Token) readActor() error {
	v, there := t.claims["act"]
	if !there {
		return nil
	}
	t.Actor = bytes.Clone(v)
	if err := t.Actor.Compact(); err != nil || len(t.Actor) > maxActor {
		return invalid("its act claim is too long")
	}
	for depth := 1; there; depth++ {
		var members map[string]jsontext.Value
		if v.Kind() != '{' || json.Unmarshal(v, &members) != nil {
			return invalid("an act claim must be an object")
		}
		if depth > maxActors {
			return invalid("its act claim nests too deep")
		}
		v, there = members["act"]
	}
	return nil
}

// IsFor tells whether the token names audience in aud, byte for byte.
func (t *Token) IsFor(audience string) bool { return slices.Contains(t.Audiences, audience) }

// Check returns nil when the token is good at now by its own times.
func (t *Token) Check(now time.Time) error {
	switch {
	case !now.Before(t.Expires):
		return invalid("it has expired")
	case t.NotBefore.After(now.Add(Skew)):
		return invalid("its nbf lies in the future by this server's clock")
	case t.IssuedAt.After(now.Add(Skew)):
		return invalid("its iat lies in the future by this server's clock")
	}
	return nil
}
