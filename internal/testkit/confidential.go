package testkit

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Confidential plays a confidential client: it sends no proofs, and signs its token requests with a long-lived access
// key of its service user.
type Confidential struct {
	*Client
	User        store.ServiceUser
	Credentials Credentials
}

// Confidential registers a confidential client of that name and its service user, with an access key.
func (s *Server) Confidential(t testing.TB, name string) *Confidential {
	t.Helper()
	user := s.ServiceUser(t, name, policy.ExchangeToken)
	registered := signin.Client{
		ID: signin.ConfidentialPrefix + name, Class: signin.Confidential, Name: name,
		RedirectURIs: []string{"https://" + name + ".example.com/callback"}, Principal: user.ID,
	}
	if err := s.Store.AddClient(t.Context(), registered); err != nil {
		t.Fatalf("add client: %v", err)
	}
	c := s.Client()
	c.ID, c.Redirect, c.Key = registered.ID, registered.RedirectURIs[0], nil
	return &Confidential{Client: c, User: user, Credentials: s.AccessKey(t, user)}
}

// ServiceUser adds a service user of the account with that policy.
func (s *Server) ServiceUser(t testing.TB, name, document string) store.ServiceUser {
	t.Helper()
	u := store.ServiceUser{
		ID: signin.NewUniqueID(signin.PrefixPerson), Account: Account, Name: name, Policy: document, Created: time.Now(),
	}
	if err := s.Store.AddServiceUser(t.Context(), u); err != nil {
		t.Fatalf("add service user: %v", err)
	}
	return u
}

// AccessKey adds an access key of a service user.
func (s *Server) AccessKey(t testing.TB, u store.ServiceUser) Credentials {
	t.Helper()
	key, id := s.Ring.AccessKeyKey(), signin.NewUniqueID(signin.PrefixAccessKey)
	if err := s.Store.AddAccessKey(t.Context(), store.AccessKey{ID: id, User: u.ID, RingKey: key.ID(), Created: time.Now()}); err != nil {
		t.Fatalf("add access key: %v", err)
	}
	return Credentials{AccessKeyID: id, SecretAccessKey: credential.LongLivedSecret(key, id)}
}

// Scope returns what a request to service that is signed now is signed for.
func (s *Server) Scope(service string) Scope {
	return Scope{Service: service, Region: s.Config.Region, At: time.Now()}
}

// SignedRequest returns a token request with that body, signed by the client's access key.
func (c *Confidential) SignedRequest(t testing.TB, body map[string]string) *http.Request {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, c.server.Base+wire.TokenPath, strings.NewReader(string(b)))
	r.Header.Set("Content-Type", "application/json")
	c.Credentials.Sign(r, b, c.server.Scope("signin"))
	return r
}

// Redeem redeems code with a signed request.
func (c *Confidential) Redeem(t testing.TB, code string) Answer {
	t.Helper()
	return c.Send(t, c.SignedRequest(t, c.CodeBody(code)))
}

// Refresh refreshes with a signed request.
func (c *Confidential) Refresh(t testing.TB, token string) Answer {
	t.Helper()
	return c.Send(t, c.SignedRequest(t, c.RefreshBody(token)))
}

// Login authorizes and redeems.
func (c *Confidential) Login(t testing.TB) Answer {
	t.Helper()
	a := c.Redeem(t, c.Authorize(t))
	if a.Status != http.StatusOK {
		t.Fatalf("login = %d %s", a.Status, a.Body)
	}
	return a
}
