package wire

import (
	"net/http"
	"strconv"
)

// TokenType is the tokenType of SigV4 credentials, as the service sends it.
const TokenType = "urn:aws:params:oauth:token-type:access_token_sigv4"

// TokenAnswer is a successful CreateOAuth2Token.
type TokenAnswer struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	ExpiresIn       int64 // seconds, above 0
	RefreshToken    string
	IDToken         string // empty on refresh
}

// names are the member names of an answer in one spelling, each with the punctuation in front of it. What they enclose
// never needs escaping: base64, base32, and JWS.
type names struct {
	id, secret, session, tokenType, refresh, idToken string
}

var camelNames = names{
	id:        `{"accessToken":{"accessKeyId":"`,
	secret:    `","secretAccessKey":"`,
	session:   `","sessionToken":"`,
	tokenType: `"},"tokenType":"` + TokenType + `","expiresIn":`,
	refresh:   `,"refreshToken":"`,
	idToken:   `","idToken":"`,
}

var snakeNames = names{
	id:        `{"access_token":{"access_key_id":"`,
	secret:    `","secret_access_key":"`,
	session:   `","session_token":"`,
	tokenType: `"},"token_type":"` + TokenType + `","expires_in":`,
	refresh:   `,"refresh_token":"`,
	idToken:   `","id_token":"`,
}

// WriteToken answers with a in the spelling of the request.
func WriteToken(w http.ResponseWriter, c *Call, spelling Spelling, a TokenAnswer) {
	n := &snakeNames
	if spelling == CamelJSON {
		n = &camelNames
	}
	b := make([]byte, 0, 256+len(a.SessionToken)+len(a.RefreshToken)+len(a.IDToken)+96)
	b = append(b, n.id...)
	b = append(b, a.AccessKeyID...)
	b = append(b, n.secret...)
	b = append(b, a.SecretAccessKey...)
	b = append(b, n.session...)
	b = append(b, a.SessionToken...)
	b = append(b, n.tokenType...)
	b = strconv.AppendInt(b, a.ExpiresIn, 10)
	b = append(b, n.refresh...)
	b = append(b, a.RefreshToken...)
	if a.IDToken != "" {
		b = append(b, n.idToken...)
		b = append(b, a.IDToken...)
	}
	b = append(b, `"}`...)
	c.Record.Outcome = "ok"
	WriteJSON(w, c, http.StatusOK, b)
}
