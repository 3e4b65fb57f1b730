package cluster

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	agentRedirect = "http://127.0.0.1:41753/callback"
	resource      = "https://mcp.example.com/mcp"
)

// agent is a client that registered itself. Nil stands for the tool that everybody has.
type agent struct{ id string }

// newAgentLogin returns a login of an agent; with a key the session will be bound to it.
func newAgentLogin(person int, a *agent, bound bool) *login {
	l := &login{person: person, agent: a, verifier: rand.Text() + rand.Text()}
	if bound {
		l.key = testkit.NewKey()
	}
	return l
}

func (a *agent) authorizeTarget(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return "/v1/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {agentRedirect}, "resource": {resource}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// newForm returns a form of l as a request.
func newForm(l *login, form url.Values, number int, now time.Time) request {
	q := request{body: []byte(form.Encode()), form: true, made: now.Truncate(time.Second), number: number}
	q.prove(l, tokenPath, now)
	return q
}

// prove makes a fresh proof where the client has a key.
func (q *request) prove(l *login, path string, now time.Time) {
	if q.made = now.Truncate(time.Second); l.key != nil {
		q.proof = testkit.Proof(l.key, http.MethodPost, base+path, now, rand.Text())
	}
}

func (l *login) agentRedemption(number int, now time.Time) request {
	return newForm(l, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {l.agent.id}, "code": {l.code}, "code_verifier": {l.verifier},
		"redirect_uri": {agentRedirect}, "resource": {resource},
	}, number, now)
}

// advancing returns a request that brings the refresh token of a generation. No two have the same body, unless one is sent
// twice: members that nobody knows are passed over (RFC 6749 section 3.2).
func (l *login) advancing(token string, generation int64, number int, now time.Time) request {
	q := newForm(l, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {l.agent.id}, "refresh_token": {token}, "resource": {resource}, "x": {fmt.Sprint(number)},
	}, number, now)
	q.generation = generation
	return q
}

// granted is what an agent reads.
type granted struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
}

// reasons are what refusals say to agents, who are told all of them by 400, and the status that tools are told them by.
var reasons = map[string]int{
	"redeemed before": http.StatusBadRequest, "used before": http.StatusBadRequest,
	"was revoked": http.StatusUnauthorized, "was disabled since": http.StatusForbidden, "no longer assigned": http.StatusForbidden,
}

// readGranted reads the body of an answer to an agent into a, with its status as tools are told it.
func (a *answer) readGranted() error {
	if err := json.Unmarshal(a.body, &a.granted); err != nil {
		return err
	}
	a.Error, a.Message = a.granted.Error, a.granted.Description
	if a.status != http.StatusBadRequest {
		return nil
	}
	a.status = http.StatusTeapot // for what nobody should be told
	for text, status := range reasons {
		if a.Error == "invalid_grant" && strings.Contains(a.Message, text) {
			a.status = status
		}
	}
	return nil
}

// openGranted opens what an agent got, as only the holder of the ring can, and compares it with what is its own.
func (s *site) openGranted(e *event, l *login, a answer) error {
	ring := s.ring.Load()
	session, generation, err := seal.OpenGrant(ring, a.granted.RefreshToken)
	if err != nil {
		return fmt.Errorf("refresh token: %w", err)
	}
	access, err := seal.OpenAccess(ring, a.granted.AccessToken)
	if err != nil {
		return fmt.Errorf("access token: %w", err)
	}
	sum := sha256.Sum256([]byte(a.granted.AccessToken + a.granted.RefreshToken))
	e.start, e.said, e.issued = session.Start, binary.BigEndian.Uint64(sum[:]), access.Issued
	person, want := s.people[l.person], int64(0)
	if e.kind == advance {
		want = e.step + 1
	}
	kind, key := "Bearer", signin.Thumbprint{}
	if l.key != nil {
		kind, key = "DPoP", l.thumbprint()
	}
	id, _ := l.now()
	switch {
	case id != signin.SessionID{} && session.ID != id:
		return fmt.Errorf("the session of somebody else")
	case session.Key != key || a.granted.TokenType != kind:
		return fmt.Errorf("a %s session that is bound to another key", a.granted.TokenType)
	case session.Principal.PersonID != person.id || session.Principal.Account != account || session.Principal.Role != roleName:
		return fmt.Errorf("a session of %s", session.Principal.ARN())
	case session.ClientID != l.agent.id || session.Resource != resource:
		return fmt.Errorf("a session of client %s for %s", session.ClientID, session.Resource)
	case generation != want || access.Generation != want:
		return fmt.Errorf("generations %d and %d, want %d", generation, access.Generation, want)
	case access.Session.ID != session.ID || access.Session.Resource != resource:
		return fmt.Errorf("an access token that does not belong to the refresh token")
	case a.granted.ExpiresIn < 1 || a.granted.ExpiresIn > 3600:
		return fmt.Errorf("expires_in %d, want 1 to 3600", a.granted.ExpiresIn)
	}
	l.keepGeneration(session.ID, a.granted.RefreshToken, generation)
	return nil
}
