package credential

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// claims are those of an id token (OpenID Connect Core section 2; the names and values beyond it are AWS Sign-In's).
type claims struct {
	Subject    string   `json:"sub"` // ARN of the principal; clients name their session and cache file after it
	Audience   string   `json:"aud"`
	Issuer     string   `json:"iss"`
	SessionARN string   `json:"session_arn"` // AWS puts the same ARN here as in sub
	SigninARN  string   `json:"signin_session"`
	IssuedAt   int64    `json:"iat"`
	Expires    int64    `json:"exp"`
	AuthTime   int64    `json:"auth_time"`
	Methods    []string `json:"amr,omitzero"`
}

// MaxIDToken is the longest id token in characters (CreateOAuth2Token, idToken).
const MaxIDToken = 4096

// IDToken returns the signed id token of s, good from now for lifetime.
func IDToken(key *keyring.SigningKey, s signin.Session, issuer, region string, now time.Time, lifetime time.Duration) (string, error) {
	arn := s.Principal.ARN()
	payload, err := json.Marshal(claims{
		Subject: arn, Audience: s.ClientID, Issuer: issuer, SessionARN: arn, SigninARN: s.ARN(region),
		IssuedAt: now.Unix(), Expires: now.Add(lifetime).Unix(), AuthTime: s.AuthTime.Unix(), Methods: strings.Fields(s.Methods),
	})
	if err != nil {
		return "", fmt.Errorf("encode id token: %w", err)
	}
	return key.Sign(payload)
}
