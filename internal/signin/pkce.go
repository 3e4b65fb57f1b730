package signin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Challenge is a PKCE code challenge: the SHA-256 of the verifier (RFC 7636 section 4.2, method S256, which AWS spells
// SHA-256).
type Challenge [sha256.Size]byte

// ParseChallenge reads the unpadded base64url form, 43 characters.
func ParseChallenge(s string) (Challenge, error) {
	var c Challenge
	if s == "" {
		return c, Refuse(ParameterMissing, "code_challenge is missing")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(c) || len(s) != base64.RawURLEncoding.EncodedLen(len(c)) { // it passes over line ends
		return c, Refuse(ParameterInvalid, "code_challenge must be the 43 characters of base64url that the SHA-256 of the verifier gives, without padding")
	}
	return Challenge(b), nil
}

// String returns the form that ParseChallenge reads.
func (c Challenge) String() string { return base64.RawURLEncoding.EncodeToString(c[:]) }

// Matches compares in constant time.
func (c Challenge) Matches(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare(sum[:], c[:]) == 1
}

// CheckVerifier returns a fault, which calls v by name, unless v is 43–128 unreserved characters (RFC 7636 section 4.1).
func CheckVerifier(name, v string) error {
	if len(v) < 43 || len(v) > 128 {
		return Refuse(ParameterInvalid, "%s must have 43 to 128 characters", name)
	}
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return Refuse(ParameterInvalid, "%s may hold only letters, digits and -._~", name)
		}
	}
	return nil
}
