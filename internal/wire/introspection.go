package wire

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// The kinds of tokens, as introspection names them and hints do (IntrospectOAuth2TokenWithIAM, token_type; RFC 7009
// section 2.1).
const (
	AccessTokenKind  = "access_token"
	RefreshTokenKind = "refresh_token"
)

// Introspection is what IntrospectOAuth2TokenWithIAM answers of a good token. Members that are empty are left out.
type Introspection struct {
	Kind     string // AccessTokenKind or RefreshTokenKind
	ClientID string
	Account  string
	UserID   string // as STS writes it
	Subject  string // ARN of the principal
	Audience string // of an access token: the resource
	Resource string // of a refresh token: the resource
	Issuer   string
	Issued   time.Time
	Expires  time.Time
	ID       string // names the token, and tells nothing of it
	Session  string // ARN
	BoundKey string // thumbprint of the key that the token is bound to, in base64url (RFC 9449 section 6.2)
}

// WriteIntrospection answers with a; nil: the token is not good here, whatever the reason (RFC 7662 section 2.2: nothing more
// is said).
func WriteIntrospection(w http.ResponseWriter, c *Call, a *Introspection) {
	c.Record.Outcome = "ok"
	if a == nil {
		WriteJSON(w, c, http.StatusOK, []byte(`{"active":false}`))
		return
	}
	b := append(make([]byte, 0, 1024), `{"active":true`...)
	text := func(name, value string) {
		if value == "" {
			return
		}
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = appendString(b, value)
	}
	seconds := func(name string, at time.Time) {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = strconv.AppendInt(b, at.Unix(), 10)
	}
	text("token_type", a.Kind)
	text("client_id", a.ClientID)
	text("account_id", a.Account)
	text("user_id", a.UserID)
	text("sub", a.Subject)
	text("aud", a.Audience)
	text("resource", a.Resource)
	text("iss", a.Issuer)
	seconds("iat", a.Issued)
	seconds("nbf", a.Issued)
	seconds("exp", a.Expires)
	text("jti", a.ID)
	text("signin_session", a.Session)
	if a.BoundKey != "" {
		b = append(b, `,"cnf":{"jkt":`...)
		b = append(appendString(b, a.BoundKey), '}')
	}
	WriteJSON(w, c, http.StatusOK, append(b, '}'))
}

// WriteNothing answers that it is done, with an empty body and no content type (RevokeOAuth2TokenWithIAM; RFC 7009 section
// 2.2).
func WriteNothing(w http.ResponseWriter, c *Call) {
	c.Record.Outcome = "ok"
	h := w.Header()
	h["Cache-Control"] = noStore
	h["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusOK)
}

// The paths of introspection and revocation.
const (
	IntrospectPath = "/v1/introspect"
	RevokePath     = "/v1/revoke"
)

// KindPattern matches a kind of token.
var KindPattern = regexp.MustCompile(`^(` + AccessTokenKind + `|` + RefreshTokenKind + `)$`)
