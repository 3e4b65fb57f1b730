package exchange

import (
	"time"

	"github.com/latchkey-id/latchkey/internal/trust"
	"github.com/latchkey-id/latchkey/internal/wire"
)

const (
	// Grant is the grant type (RFC 8693 section 2.1).
	Grant = "urn:ietf:params:oauth:grant-type:token-exchange"
	// SubjectType is the only type of subject token.
	SubjectType = "urn:ietf:params:oauth:token-type:jwt"
	// IssuedType is the type of what is given for it.
	IssuedType = "urn:ietf:params:oauth:token-type:access_token"
	// ClientID is the client that all who exchange are, in policies and in tokens.
	ClientID = "arn:aws:signin:::token-exchange/jwt"

	// lifetime is how long an access token lives at most.
	lifetime = time.Hour
)

// Shape is what a request looks like.
var Shape = &wire.Shape{
	Operation: "CreateOAuth2TokenWithTokenExchange", Form: true,
	Members: []wire.Member{
		{Name: "grant_type", Needed: true},
		{Name: "subject_token", Min: trust.MinToken, Max: trust.MaxToken, Needed: true},
		{Name: "subject_token_type", Needed: true},
		{Name: "resource", Min: 1, Max: 2048, Needed: true},
		{Name: "scope", Min: 1, Max: 4096},
	},
}
