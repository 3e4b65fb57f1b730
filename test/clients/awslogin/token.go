package awslogin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const tokenPath = "/v1/token"

// Answer is a successful answer of POST /v1/token.
type Answer struct {
	AccessToken struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
	} `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int    `json:"expiresIn"`
	RefreshToken string `json:"refreshToken"`
	IDToken      string `json:"idToken"`
}

// Refusal is an answer of POST /v1/token that is no success. It is returned as an error.
type Refusal struct {
	Status    int
	Type      string // X-Amzn-ErrorType
	BodyType  string // __type
	Code      string // error
	Message   string
	RequestID string // X-Amzn-RequestId
	Header    http.Header
}

// Error returns the status, the type and the code, as "401 AccessDeniedException TOKEN_EXPIRED".
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s %s", r.Status, r.Type, r.Code) }

// Session is a login that succeeded.
type Session struct {
	// Principal is the sub of the id token: the ARN that the login is for, and what login_session says.
	Principal string
	ClientID  string
	Answer    Answer
	// Grant is what was redeemed for it.
	Grant *Grant

	base     string
	key      proofKey
	received time.Time
}

// Received returns when the answer to the redemption came.
func (s *Session) Received() time.Time { return s.received }

// Redeem exchanges the code for a session.
func (g *Grant) Redeem(ctx context.Context) (*Session, error) {
	proof, err := g.key.proof(g.base+tokenPath, time.Now())
	if err != nil {
		return nil, err
	}
	g.proof = proof
	return g.Retry(ctx)
}

// Retry sends the very request of the last Redeem again, with the same proof, as the CLI does when a 5xx or no answer
// came.
func (g *Grant) Retry(ctx context.Context) (*Session, error) {
	answer, err := post(ctx, g.base, g.proof, []member{
		{"clientId", g.ClientID}, {"grantType", "authorization_code"}, {"code", g.Code},
		{"codeVerifier", g.Verifier}, {"redirectUri", g.RedirectURI},
	})
	if err != nil {
		return nil, fmt.Errorf("redeem: %w", err)
	}
	principal, err := subject(answer.IDToken)
	if err != nil {
		return nil, err
	}
	return &Session{
		Principal: principal, ClientID: g.ClientID, Answer: answer, Grant: g,
		base: g.base, key: g.key, received: time.Now(),
	}, nil
}

// Refresh asks for the credentials of now. It leaves s as it is: every refresh token of a session stays good, and a caller
// that asks again with the first one shows it.
func (s *Session) Refresh(ctx context.Context) (Answer, error) {
	proof, err := s.key.proof(s.base+tokenPath, time.Now())
	if err != nil {
		return Answer{}, err
	}
	answer, err := post(ctx, s.base, proof, []member{
		{"clientId", s.ClientID}, {"refreshToken", s.Answer.RefreshToken}, {"grantType", "refresh_token"},
	})
	if err != nil {
		return Answer{}, fmt.Errorf("refresh: %w", err)
	}
	return answer, nil
}

// Proof returns a DPoP proof for a redemption of the code by another program than this one.
func (g *Grant) Proof() (string, error) { return g.key.proof(g.base+tokenPath, time.Now()) }

// Proof returns a DPoP proof for a refresh by another program than this one.
func (s *Session) Proof() (string, error) { return s.key.proof(s.base+tokenPath, time.Now()) }

type member struct{ name, value string }

// post sends one token request and reads its answer, or the Refusal as an error.
func post(ctx context.Context, base, proof string, members []member) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+tokenPath, strings.NewReader(spell(members)))
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header["DPoP"] = []string{proof} // in the CLI's own case
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 10_000)) // the limit of the strictest client
	if err != nil {
		return Answer{}, err
	}
	if response.StatusCode != http.StatusOK {
		return Answer{}, refusal(response, body)
	}
	var answer Answer
	if err := json.Unmarshal(body, &answer); err != nil {
		return Answer{}, fmt.Errorf("the answer is not JSON: %w", err)
	}
	return answer, answer.check()
}

// spell writes members as Python's json.dumps does.
func spell(members []member) string {
	parts := make([]string, len(members))
	for i, m := range members {
		value, err := json.Marshal(m.value)
		if err != nil { // a string always marshals
			panic(err)
		}
		parts[i] = fmt.Sprintf("%q: %s", m.name, value)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func refusal(response *http.Response, body []byte) error {
	var text struct {
		Type    string `json:"__type"`
		Code    string `json:"error"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &text); err != nil {
		return fmt.Errorf("%s with a body that is not JSON: %w", response.Status, err)
	}
	return &Refusal{
		Status: response.StatusCode, Type: response.Header.Get("X-Amzn-ErrorType"), BodyType: text.Type,
		Code: text.Code, Message: text.Message, RequestID: response.Header.Get("X-Amzn-RequestId"), Header: response.Header,
	}
}

// check returns an error where a member is missing that at least one client reads without looking.
func (a Answer) check() error {
	for name, value := range map[string]string{
		"accessKeyId": a.AccessToken.AccessKeyID, "secretAccessKey": a.AccessToken.SecretAccessKey,
		"sessionToken": a.AccessToken.SessionToken, "tokenType": a.TokenType, "refreshToken": a.RefreshToken,
	} {
		if value == "" {
			return fmt.Errorf("the answer has no %s", name)
		}
	}
	if a.ExpiresIn < 1 || a.ExpiresIn > 900 {
		return fmt.Errorf("expiresIn is %d, want 1 to 900", a.ExpiresIn)
	}
	return nil
}

// subject returns the sub of an id token as the CLI reads it: three parts, and an ARN with an account.
func subject(idToken string) (string, error) {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 || parts[2] == "" {
		return "", errors.New("the id token has not three parts")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("the claims of the id token: %w", err)
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return "", fmt.Errorf("the claims of the id token: %w", err)
	}
	if _, err := account(claims.Subject); err != nil {
		return "", err
	}
	return claims.Subject, nil
}

// account returns the account of an ARN of six parts.
func account(arn string) (string, error) {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) != 6 || fields[0] != "arn" || len(fields[4]) != 12 {
		return "", fmt.Errorf("%q is not an ARN with an account", arn)
	}
	return fields[4], nil
}
