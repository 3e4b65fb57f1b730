package credential

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// AccessToken is what an access token says that resource servers verify by themselves (RFC 9068).
type AccessToken struct {
	Issuer   string
	Resource string // the aud claim, byte for byte
	Subject  string // the ARN of who it is for
	ClientID string
	Account  string
	UserID   string // the STS form
	// SigninSession is the ARN of the session that it came from; empty where there is none.
	SigninSession string
	AuthTime      time.Time // when a person authenticated; zero where that is not known
	// Scope narrows what it gives (RFC 8693 section 4.2); empty: nothing does.
	Scope string
	// Actor is the act claim, a JSON object (RFC 8693 section 4.1); empty: nobody acts for the subject.
	Actor jsontext.Value
	// Provider is the issuer whose word for the subject was taken; empty: this server's own.
	Provider string
	Issued   time.Time // nbf and iat, to the second below
	Lifetime time.Duration
}

// accessClaims are those of RFC 9068 section 2.2, and AWS Sign-In's.
type accessClaims struct {
	Issuer        string         `json:"iss"`
	Subject       string         `json:"sub"`
	Audience      string         `json:"aud"`
	Expires       int64          `json:"exp"`
	IssuedAt      int64          `json:"iat"`
	NotBefore     int64          `json:"nbf"`
	ID            string         `json:"jti"`
	ClientID      string         `json:"client_id"`
	Account       string         `json:"account_id"`
	UserID        string         `json:"user_id"`
	SigninSession string         `json:"signin_session,omitzero"`
	AuthTime      int64          `json:"auth_time,omitzero"`
	Scope         string         `json:"scope,omitzero"`
	Actor         jsontext.Value `json:"act,omitzero"`
	Provider      string         `json:"idp,omitzero"`
}

// Sign returns the token as a compact JWS by key, which must be one of access tokens (keyring.Ring.TokenKey). No two are
// alike, because each has a jti of its own.
func (t AccessToken) Sign(key *keyring.SigningKey) (string, error) {
	issued := t.Issued.Unix()
	c := accessClaims{
		Issuer: t.Issuer, Subject: t.Subject, Audience: t.Resource, ClientID: t.ClientID, Account: t.Account, UserID: t.UserID,
		Expires: issued + int64(t.Lifetime/time.Second), IssuedAt: issued, NotBefore: issued, ID: rand.Text(),
		SigninSession: t.SigninSession, Scope: t.Scope, Actor: t.Actor, Provider: t.Provider,
	}
	if !t.AuthTime.IsZero() {
		c.AuthTime = t.AuthTime.Unix()
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode access token: %w", err)
	}
	return key.Sign(payload)
}
