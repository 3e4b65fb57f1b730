package testkit

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// What the directory of a test holds once it has a dynamic client.
const (
	// Resource is what the tokens of dynamic clients are for. It belongs to Account.
	Resource = "https://mcp.example.com/mcp"
	// AgentRole is the person's role for dynamic clients. It allows no other client, so others are not asked to choose.
	AgentRole = "Agent"
	// DynamicRedirect is where a dynamic client is sent.
	DynamicRedirect = "http://127.0.0.1:41753/callback"
)

const agentPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],"Resource":"arn:aws:signin:*:*:service-principal/*"}]}`

// Dynamic plays a client that registered itself, such as an MCP client. It sends forms, and proofs only where it has a key.
type Dynamic struct {
	server   *Server
	ID       string
	Redirect string
	Resource string
	Scope    string
	State    string
	Verifier string
	Key      *ecdsa.PrivateKey // nil: it proves nothing
}

// Dynamic registers a client that redirects to DynamicRedirect, and returns it. change may change what it says of itself.
// With the first one come the resource and the role for it.
func (s *Server) Dynamic(t testing.TB, change ...func(*clients.Metadata)) *Dynamic {
	t.Helper()
	s.Resource(t, Account, Resource)
	s.agentRole(t)
	now := time.Now()
	m := clients.Metadata{
		ClientID: signin.DynamicClientID(s.Config.Region, signin.NewSessionID(now)), Name: "Test Client",
		RedirectURIs: []string{DynamicRedirect}, GrantTypes: []string{signin.GrantAuthorizationCode, signin.GrantRefreshToken},
	}
	for _, f := range change {
		f(&m)
	}
	row, err := m.Registration(now, now.Add(90*24*time.Hour))
	if err == nil {
		err = s.Store.RegisterClient(t.Context(), row)
	}
	if err != nil {
		t.Fatalf("register client: %v", err)
	}
	return &Dynamic{
		server: s, ID: m.ClientID, Redirect: m.RedirectURIs[0], Resource: Resource, State: "state-1", Verifier: rand.Text() + rand.Text(),
	}
}

// Bound gives the client a key, and returns it.
func (d *Dynamic) Bound() *Dynamic {
	d.Key = NewKey()
	return d
}

// Resource registers a resource for an account, unless it has it.
func (s *Server) Resource(t testing.TB, account, identifier string) signin.Resource {
	t.Helper()
	r := signin.Resource{Account: account, Identifier: identifier, Service: signin.ServiceOf(identifier)}
	err := s.Store.AddResource(t.Context(), store.Resource{Resource: r, Created: time.Now()})
	if err != nil && !errors.Is(err, store.ErrExists) {
		t.Fatalf("add resource: %v", err)
	}
	return r
}

// agentRole adds AgentRole and assigns it to the person, unless it is there.
func (s *Server) agentRole(t testing.TB) {
	t.Helper()
	role := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: Account, Name: AgentRole, Policy: agentPolicy, Created: time.Now()}
	err := s.Store.AddRole(t.Context(), role)
	if errors.Is(err, store.ErrExists) {
		return
	}
	if err == nil {
		err = s.Store.Assign(t.Context(), s.Person.ID, role.ID)
	}
	if err != nil {
		t.Fatalf("add role for dynamic clients: %v", err)
	}
}

// DynamicOf returns the client d as it talks to this node.
func (s *Server) DynamicOf(d *Dynamic) *Dynamic {
	other := *d
	other.server = s
	return &other
}

// AuthorizeQuery returns the query that the client opens the browser with.
func (d *Dynamic) AuthorizeQuery() url.Values {
	sum := sha256.Sum256([]byte(d.Verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {d.ID}, "state": {d.State}, "code_challenge_method": {"S256"},
		"redirect_uri": {d.Redirect}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "resource": {d.Resource},
	}
	if d.Scope != "" {
		q.Set("scope", d.Scope)
	}
	return q
}

// Authorize returns a code for the client.
func (d *Dynamic) Authorize(t testing.TB) string {
	t.Helper()
	w := d.server.Do(httptest.NewRequest(http.MethodGet, d.server.Base+"/v1/authorize?"+d.AuthorizeQuery().Encode(), nil))
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound || to.Query().Get("code") == "" {
		t.Fatalf("GET /v1/authorize = %d to %q\n%s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if got := to.Query(); got.Get("state") != d.State || got.Get("iss") != d.server.Base {
		t.Fatalf("answer of GET /v1/authorize has state %q and iss %q, want %q and %q", got.Get("state"), got.Get("iss"), d.State, d.server.Base)
	}
	return to.Query().Get("code")
}

// CodeForm returns the form that redeems code.
func (d *Dynamic) CodeForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {d.ID}, "code": {code}, "code_verifier": {d.Verifier},
		"redirect_uri": {d.Redirect}, "resource": {d.Resource},
	}
}

// RefreshForm returns the form that refreshes.
func (d *Dynamic) RefreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {d.ID}, "refresh_token": {token}, "resource": {d.Resource}}
}

// Proof returns a fresh proof of the client's key, empty where it has none.
func (d *Dynamic) Proof() string {
	if d.Key == nil {
		return ""
	}
	return Proof(d.Key, wire.TokenMethod, d.server.Base+wire.TokenPath, time.Now(), rand.Text())
}

// Granted is what a dynamic client reads from POST /v1/token.
type Granted struct {
	Status int
	Header http.Header
	Body   string

	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`

	Error       string `json:"error"`
	Description string `json:"error_description"`

	server *Server
}

// Post sends form with proof, unless that is empty.
func (d *Dynamic) Post(t testing.TB, form url.Values, proof string) Granted {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, d.server.Base+wire.TokenPath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return d.Send(t, r)
}

// Send sends a token request as it is.
func (d *Dynamic) Send(t testing.TB, r *http.Request) Granted {
	t.Helper()
	w := d.server.Do(r)
	g := Granted{Status: w.Code, Header: w.Header(), Body: w.Body.String(), server: d.server}
	if err := json.Unmarshal(w.Body.Bytes(), &g); err != nil {
		t.Errorf("answer is not JSON: %v\n%s", err, w.Body)
	}
	return g
}

// Redeem redeems code, with a fresh proof where the client has a key.
func (d *Dynamic) Redeem(t testing.TB, code string) Granted {
	t.Helper()
	return d.Post(t, d.CodeForm(code), d.Proof())
}

// Refresh refreshes, with a fresh proof where the client has a key.
func (d *Dynamic) Refresh(t testing.TB, token string) Granted {
	t.Helper()
	return d.Post(t, d.RefreshForm(token), d.Proof())
}

// Login authorizes and redeems.
func (d *Dynamic) Login(t testing.TB) Granted {
	t.Helper()
	return d.Redeem(t, d.Authorize(t)).WantOK(t)
}

// WantOK fails the test unless g holds tokens, and returns it.
func (g Granted) WantOK(t testing.TB) Granted {
	t.Helper()
	if g.Status != http.StatusOK || !strings.HasPrefix(g.AccessToken, "ASOA") || g.ExpiresIn < 1 || g.TokenType == "" {
		t.Fatalf("answer = %d %s, want tokens", g.Status, g.Body)
	}
	return g
}

// WantFault fails the test unless g is the answer to a fault of kind k, with that error code, in the plain shape of OAuth.
func (g Granted) WantFault(t testing.TB, k signin.Kind, code string) {
	t.Helper()
	outcome, _ := g.server.outcomes.Load(Answer{Header: g.Header}.header("X-Amzn-RequestId"))
	status := wire.Status(k)
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	} else if status == http.StatusUnauthorized || status == http.StatusForbidden {
		status = http.StatusBadRequest
	}
	if g.Status != status || outcome != k.String() || g.Error != code || g.Description == "" {
		t.Fatalf("answer = %d %v %s, want %d %v %s", g.Status, outcome, g.Body, status, k, code)
	}
	if strings.Contains(g.Body, "__type") || (Answer{Header: g.Header}).header("X-Amzn-ErrorType") != "" || g.AccessToken != "" {
		t.Fatalf("answer to %v is not in the plain shape of OAuth: %v %s", k, g.Header, g.Body)
	}
}
