package testkit

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/trust"
)

// Trust makes an account trust an issuer.
func (s *Server) Trust(t testing.TB, account string, issuer *Issuer, audience string, rules trust.Rules) {
	t.Helper()
	text, err := rules.Text()
	if err != nil {
		t.Fatal(err)
	}
	err = s.Store.AddTrustedIssuer(t.Context(), store.TrustedIssuer{
		ID: signin.NewSessionID(time.Now()).String(), Account: account, Issuer: issuer.URL, Audience: audience, Rules: text, Created: time.Now(),
	})
	if err != nil {
		t.Fatalf("add issuer: %v", err)
	}
}

// TokenAnswer is what a program reads from the operations of /v1/token that answer a bearer token.
type TokenAnswer struct {
	Status int
	Header http.Header
	Body   string

	AccessToken     string `json:"access_token"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int64  `json:"expires_in"`
	IssuedTokenType string `json:"issued_token_type"`
	Type            string `json:"__type"`
	Error           string `json:"error"`
	Message         string `json:"message"`
}

// Ask sends a request and reads the answer.
func (s *Server) Ask(t testing.TB, r *http.Request) TokenAnswer {
	t.Helper()
	w := s.Do(r)
	a := TokenAnswer{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("answer %d is no JSON: %v\n%s", w.Code, err, w.Body)
	}
	return a
}

// ExchangePath is where subject tokens are exchanged.
const ExchangePath = "/v1/token?x-amz-oauth-token-method=token-exchange"

// Exchange brings a subject token for a resource. more replaces members; an empty one is left out.
func (s *Server) Exchange(t testing.TB, subjectToken, resource string, more map[string]string) TokenAnswer {
	t.Helper()
	body := map[string]string{
		"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": subjectToken,
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "resource": resource,
	}
	for name, value := range more {
		if body[name] = value; value == "" {
			delete(body, name)
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, s.Base+ExchangePath, strings.NewReader(string(b)))
	r.Header.Set("Content-Type", "application/json")
	return s.Ask(t, r)
}

// Claims returns the claims of a token, which it does not verify.
func Claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the token has %d parts", len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
