package clientcredentials

import (
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Grant is the grant type of both operations (RFC 6749 section 4.4).
const Grant = "client_credentials"

// ClientID is the client that all callers of both operations are, in policies and in tokens.
const ClientID = "arn:aws:signin:::client-credentials/sigv4"

const (
	// lifetime is how long a token of CreateOAuth2TokenWithIAM lives at most.
	lifetime = time.Hour

	minDuration     = 300
	defaultDuration = int(signin.MaxBearer / time.Second)
)

// maxResource is the longest resource that a request may name, in characters.
const maxResource = 2048

// WithIAM is what a request of CreateOAuth2TokenWithIAM looks like.
var WithIAM = &wire.Shape{
	Operation: "CreateOAuth2TokenWithIAM", Form: true,
	Members: []wire.Member{
		{Name: "grant_type", Needed: true},
		{Name: "resource", Min: 1, Max: maxResource, Needed: true},
	},
}

// Bearer is what a request of CreateBearerToken looks like.
var Bearer = &wire.Shape{
	Operation: "CreateBearerToken", Form: true,
	Members: []wire.Member{
		{Name: "grant_type", Needed: true},
		{Name: "resource", Min: 1, Max: maxResource, Needed: true},
		{Name: "duration", Kind: wire.Number, Min: minDuration, Max: defaultDuration},
	},
}
