package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/modelcontextprotocol/go-sdk/auth"
)

// accessKey is the long-lived access key of a service user.
type accessKey struct{ id, secret string }

// introspector asks Latchkey about tokens.
type introspector struct {
	endpoint string // base URL of Latchkey
	region   string
	key      accessKey
	resource string // what tokens must be for
	client   *http.Client
}

// introspection is the answer (RFC 7662 section 2.2).
type introspection struct {
	Active   bool   `json:"active"`
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	// Bound is set for a token that only the holder of a key may use (RFC 9449 section 6.2).
	Bound *struct {
		Thumbprint string `json:"jkt"`
	} `json:"cnf"`
}

// verify implements auth.TokenVerifier.
func (i *introspector) verify(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	answer, err := i.ask(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case !answer.Active:
		return nil, fmt.Errorf("%w: it has ended, or is not for this account", auth.ErrInvalidToken)
	case answer.Audience != i.resource:
		return nil, fmt.Errorf("%w: it is for another resource", auth.ErrInvalidToken)
	case answer.Bound != nil:
		// It would have to come with a proof of its key, which this example does not read.
		return nil, fmt.Errorf("%w: it is bound to a key and must not be used as a bearer token", auth.ErrInvalidToken)
	}
	return &auth.TokenInfo{
		UserID: answer.Subject, Expiration: time.Unix(answer.Expires, 0), Extra: map[string]any{"client_id": answer.ClientID},
	}, nil
}

// ask sends IntrospectOAuth2TokenWithIAM, signed.
func (i *introspector) ask(ctx context.Context, token string) (introspection, error) {
	var answer introspection
	body, err := json.Marshal(map[string]string{"token": token, "token_type_hint": "access_token"})
	if err != nil {
		return answer, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.endpoint+"/v1/introspect?x-amz-client-auth-method=iam", bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: i.key.id, SecretAccessKey: i.key.secret}
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "signin", i.region, time.Now()); err != nil {
		return answer, fmt.Errorf("sign: %w", err)
	}
	response, err := i.client.Do(r)
	if err != nil {
		return answer, fmt.Errorf("ask about a token: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return answer, fmt.Errorf("ask about a token: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("ask about a token: %s: %s", response.Status, text)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, errors.New("the answer about a token is not JSON")
	}
	return answer, nil
}
