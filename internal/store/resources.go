package store

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Resource is a service that tokens of an account can be made for.
type Resource struct {
	signin.Resource
	Created time.Time
}

// TrustedIssuer is an identity provider whose tokens an account takes in exchange for its own (RFC 8693).
type TrustedIssuer struct {
	ID       string // random, chosen by who adds it
	Account  string
	Issuer   string // the iss claim, a URL
	Audience string // the aud claim that its tokens must have. Issuer and audience together are unique
	// Rules is a JSON document of package trust: algorithms, required claims, and which role who gets. The store does not
	// look into it.
	Rules   string
	Created time.Time
}

// Resources keeps what tokens are for, and whose tokens are taken for them. Methods that add return ErrExists when the key
// is taken, and ErrNotFound when the account is missing.
type Resources interface {
	// AddResource: the identifier is unique in its account.
	AddResource(ctx context.Context, r Resource) error
	// RemoveResource: ErrNotFound when there was none. Tokens that were made for it live on.
	RemoveResource(ctx context.Context, account, identifier string) error
	ResourceByIdentifier(ctx context.Context, account, identifier string) (Resource, error)
	// ResourcesCalled returns the resources of all accounts with that identifier, by account.
	ResourcesCalled(ctx context.Context, identifier string) ([]Resource, error)
	Resources(ctx context.Context, account string) ([]Resource, error) // by identifier

	AddTrustedIssuer(ctx context.Context, t TrustedIssuer) error
	// RemoveTrustedIssuer: ErrNotFound when there was none. Tokens that were exchanged live on.
	RemoveTrustedIssuer(ctx context.Context, id string) error
	TrustedIssuers(ctx context.Context) ([]TrustedIssuer, error) // by account, issuer and audience
	// TrustedIssuersCalled returns those whose tokens have that iss claim, by account and audience.
	TrustedIssuersCalled(ctx context.Context, issuer string) ([]TrustedIssuer, error)
}
