package testkit

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Client plays a devtools client with one key, as `aws login` has one for each login.
type Client struct {
	server   *Server
	Key      *ecdsa.PrivateKey
	Verifier string
	ID       string
	Redirect string // where it is sent with its code
}

// Client returns a same-device client with a fresh key and verifier.
func (s *Server) Client() *Client {
	return &Client{server: s, Key: NewKey(), Verifier: rand.Text() + rand.Text(), ID: signin.SameDevice, Redirect: Redirect}
}

// Challenge returns the PKCE challenge of the client.
func (c *Client) Challenge() string {
	sum := sha256.Sum256([]byte(c.Verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// AuthorizeQuery returns the query that `aws login` opens the browser with.
func (c *Client) AuthorizeQuery() url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {c.ID}, "state": {"state-1"}, "code_challenge_method": {"SHA-256"},
		"scope": {"openid"}, "redirect_uri": {c.Redirect}, "code_challenge": {c.Challenge()},
	}
}

// Authorize returns a code for the client.
func (c *Client) Authorize(t testing.TB) string {
	t.Helper()
	w := c.server.Do(httptest.NewRequest(http.MethodGet, c.server.Base+"/v1/authorize?"+c.AuthorizeQuery().Encode(), nil))
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound || to.Query().Get("code") == "" {
		t.Fatalf("GET /v1/authorize = %d to %q\n%s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return to.Query().Get("code")
}

// Proof returns a fresh proof of the client's key.
func (c *Client) Proof() string {
	return Proof(c.Key, wire.TokenMethod, c.server.Base+wire.TokenPath, time.Now(), rand.Text())
}

// Answer is what a client reads from POST /v1/token.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	AnswerBody

	server *Server
}

// AnswerBody is the members of an answer, in camel case.
type AnswerBody struct {
	AccessToken struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
	} `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int64  `json:"expiresIn"`
	RefreshToken string `json:"refreshToken"`
	IDToken      string `json:"idToken"`

	Type    string `json:"__type"`
	Error   string `json:"error"`
	Message string `json:"message"`
}

// Post sends body, JSON in camel case, with proof.
func (c *Client) Post(t testing.TB, body map[string]string, proof string) Answer {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, c.server.Base+wire.TokenPath, strings.NewReader(string(b)))
	r.Header.Set("Content-Type", "application/json")
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return c.Send(t, r)
}

// Send sends a token request as it is.
func (c *Client) Send(t testing.TB, r *http.Request) Answer {
	t.Helper()
	w := c.server.Do(r)
	a := Answer{Status: w.Code, Header: w.Header(), Body: w.Body.String(), server: c.server}
	if err := json.Unmarshal(w.Body.Bytes(), &a.AnswerBody); err != nil {
		t.Fatalf("answer is not JSON: %v\n%s", err, w.Body)
	}
	return a
}

// CodeBody returns the body that redeems code.
func (c *Client) CodeBody(code string) map[string]string {
	return map[string]string{
		"clientId": c.ID, "grantType": "authorization_code", "code": code, "codeVerifier": c.Verifier, "redirectUri": c.Redirect,
	}
}

// RefreshBody returns the body that refreshes.
func (c *Client) RefreshBody(token string) map[string]string {
	return map[string]string{"clientId": c.ID, "grantType": "refresh_token", "refreshToken": token}
}

// Redeem redeems code with a fresh proof.
func (c *Client) Redeem(t testing.TB, code string) Answer {
	t.Helper()
	return c.Post(t, c.CodeBody(code), c.Proof())
}

// Refresh refreshes with a fresh proof.
func (c *Client) Refresh(t testing.TB, token string) Answer {
	t.Helper()
	return c.Post(t, c.RefreshBody(token), c.Proof())
}

// Login authorizes and redeems.
func (c *Client) Login(t testing.TB) Answer {
	t.Helper()
	a := c.Redeem(t, c.Authorize(t))
	if a.Status != http.StatusOK {
		t.Fatalf("login = %d %s", a.Status, a.Body)
	}
	return a
}

// WantFault fails the test unless a is the answer to a fault of kind k: on the wire, and in the log record.
func (a Answer) WantFault(t testing.TB, k signin.Kind) {
	t.Helper()
	outcome, _ := a.server.outcomes.Load(a.header("X-Amzn-RequestId"))
	if a.Status != wire.Status(k) || outcome != k.String() {
		t.Fatalf("answer = %d %v (%s %s: %s), want %d %v", a.Status, outcome, a.Type, a.Error, a.Message, wire.Status(k), k)
	}
	if a.Type == "" || a.Type != a.header("X-Amzn-ErrorType") || a.Error == "" || a.Message == "" {
		t.Fatalf("answer to %v lacks __type, X-Amzn-ErrorType, error or message: %v %s", k, a.Header, a.Body)
	}
}

// header returns a header that the server spells as AWS does, which is not how Go would.
func (a Answer) header(name string) string {
	for key, values := range a.Header {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}
