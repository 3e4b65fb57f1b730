package signin

import "strings"

// Scope is what a dynamic client asked for beside the tokens for its resource; zero: nothing.
type Scope uint8

// The scopes there are. What a token is good for is not said by them: that is for the policies of the role.
const (
	ScopeOpenID  Scope = 1 << iota // an id token (OpenID Connect Core section 3.1.2.1)
	ScopeOffline                   // a refresh token (OpenID Connect Core section 11)
	scopeEnd                       // keep last
)

var scopeNames = []struct {
	scope Scope
	name  string
}{{ScopeOpenID, "openid"}, {ScopeOffline, "offline_access"}}

// ParseScope reads a scope parameter: names between single spaces, in any order (RFC 6749 section 3.3). The empty text is no
// scope.
func ParseScope(text string) (Scope, error) {
	var scope Scope
	if text == "" {
		return 0, nil
	}
words:
	for word := range strings.SplitSeq(text, " ") {
		for _, known := range scopeNames {
			if word == known.name {
				scope |= known.scope
				continue words
			}
		}
		return 0, Refuse(ScopeInvalid, "scope must be of openid and offline_access, or be left out: what a token may do is for the policies of the role")
	}
	return scope, nil
}

// ValidScope tells whether s is made of scopes that there are.
func ValidScope(s Scope) bool { return s < scopeEnd }

// Has tells whether s includes all of other.
func (s Scope) Has(other Scope) bool { return s&other == other }

// String returns what ParseScope reads, in one order.
func (s Scope) String() string {
	var words []string
	for _, known := range scopeNames {
		if s.Has(known.scope) {
			words = append(words, known.name)
		}
	}
	return strings.Join(words, " ")
}
