package wire

import (
	"net/http"
	"strconv"
)

// The types of access tokens that are strings (RFC 6750 section 6.1.1, RFC 9449 section 5).
const (
	Bearer    = "Bearer"
	DPoPBound = "DPoP"
)

// BearerAnswer is a token that is a string: a successful CreateOAuth2Token of a dynamic client, and what the other operations
// of /v1/token answer. Members that are empty are left out.
type BearerAnswer struct {
	AccessToken  string
	TokenType    string // Bearer or DPoPBound
	ExpiresIn    int64  // seconds, above 0
	RefreshToken string
	IDToken      string
	Scope        string
	// IssuedTokenType is what kind of token it is, where one was given in exchange (RFC 8693 section 2.2.1).
	IssuedTokenType string
}

// bearerNames are the member names of such an answer in one spelling, each with the punctuation in front of it. What they
// enclose never needs escaping: base64url, JWS, and words.
type bearerNames struct {
	access, tokenType, expires, refresh, idToken, scope, issued string
}

var camelBearer = bearerNames{
	access: `{"accessToken":"`, tokenType: `","tokenType":"`, expires: `","expiresIn":`,
	refresh: `,"refreshToken":"`, idToken: `,"idToken":"`, scope: `,"scope":"`, issued: `,"issuedTokenType":"`,
}

var snakeBearer = bearerNames{
	access: `{"access_token":"`, tokenType: `","token_type":"`, expires: `","expires_in":`,
	refresh: `,"refresh_token":"`, idToken: `,"id_token":"`, scope: `,"scope":"`, issued: `,"issued_token_type":"`,
}

// WriteBearer answers with a in the spelling of the request (RFC 6749 section 5.1).
func WriteBearer(w http.ResponseWriter, c *Call, spelling Spelling, a BearerAnswer) {
	n := &snakeBearer
	if spelling == CamelJSON {
		n = &camelBearer
	}
	b := make([]byte, 0, 160+len(a.AccessToken)+len(a.RefreshToken)+len(a.IDToken)+len(a.Scope))
	b = append(b, n.access...)
	b = append(b, a.AccessToken...)
	b = append(b, n.tokenType...)
	b = append(b, a.TokenType...)
	b = append(b, n.expires...)
	b = strconv.AppendInt(b, a.ExpiresIn, 10)
	for _, m := range [...]struct{ name, value string }{
		{n.refresh, a.RefreshToken}, {n.idToken, a.IDToken}, {n.scope, a.Scope}, {n.issued, a.IssuedTokenType},
	} {
		if m.value != "" {
			b = append(b, m.name...)
			b = append(b, m.value...)
			b = append(b, '"')
		}
	}
	b = append(b, '}')
	c.Record.Outcome = "ok"
	WriteJSON(w, c, http.StatusOK, b)
}
