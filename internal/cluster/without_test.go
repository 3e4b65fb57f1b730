package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	introspectIAM = "/v1/introspect?x-amz-client-auth-method=iam"
	tokenIAM      = "/v1/token?x-amz-client-auth-method=iam"
	bearerToken   = "/v1/token?x-amz-token-request-type=bearer"
)

// question is a request that needs the database, or does not.
type question struct {
	name string
	ask  func(*node) (status int, body []byte, err error)
}

// withoutDatabase takes the database from a node. What it has in its memory it goes on to answer; everything else it
// refuses by a 5xx, in words that are no answer: it never says that a token is not good, that a client is unknown, or that
// something was done. When the database is back, nothing that was refused has happened.
func (s *site) withoutDatabase() {
	s.Helper()
	p, doomed := s.logInBoth(0), s.logInBoth(1)
	n, other := s.nodes[2], s.nodes[0] // n is behind, so what the other answered is not too old for it
	login := s.refreshTool(n, p)
	temporary := testkit.Credentials{
		AccessKeyID: login.AccessToken.AccessKeyID, SecretAccessKey: login.AccessToken.SecretAccessKey, SessionToken: login.AccessToken.SessionToken,
	}
	first := s.advance(n, p.agent, s.newAdvance(p.agent))
	if login.status != http.StatusOK || first.status != http.StatusOK {
		s.Fatalf("with the database = %v, %v", login, first)
	}
	access := `{"token":"` + first.granted.AccessToken + `"}`
	next := s.newAdvance(p.agent)
	_, doomedToken := doomed.tool.now()
	needs := []question{
		{"an agent's refresh", func(n *node) (int, []byte, error) { return asked(send(n, tokenPath, next)) }},
		{"a registration", func(n *node) (int, []byte, error) {
			return transmit(n, "/v1/register", "application/json", `{"redirect_uris":["`+agentRedirect+`"]}`, nil)
		}},
		{"an authorization", func(n *node) (int, []byte, error) {
			status, _, page, err := s.browser(0).visit(n, p.agent.authorizeTarget(), nil)
			return status, []byte(page), err
		}},
		{"a log out", func(n *node) (int, []byte, error) {
			members := map[string]string{"clientId": "arn:aws:signin:::devtools/same-device", "token": doomedToken}
			return asked(send(n, revokePath, newRequest(revokePath, members, doomed.tool.key, 0, s.now())))
		}},
		{"a statement", func(n *node) (int, []byte, error) { return s.signed(n, putStatement, `{"sourceIp":"198.51.100.0/24"}`) }},
	}
	for who, keys := range map[string]testkit.Credentials{"a service user": s.auditor, "a person": temporary} {
		signed := func(path, body string) func(*node) (int, []byte, error) {
			return func(n *node) (int, []byte, error) { return s.signedBy(n, keys, path, body) }
		}
		needs = append(needs,
			question{"a question about a token by " + who, signed(introspectIAM, access)},
			question{"a token for " + who, signed(tokenIAM, `{"grant_type":"client_credentials","resource":"`+resource+`"}`)},
			question{"a long token for " + who, signed(bearerToken, `{"grant_type":"client_credentials","resource":"`+resource+`"}`)},
			question{"a revocation by " + who, signed(revokePath+"?x-amz-client-auth-method=iam", `{"token":"`+doomedToken+`"}`)})
	}
	page := func(target string) func(*node) (int, []byte, error) {
		return func(n *node) (int, []byte, error) {
			status, _, body, err := (&browser{cookies: map[string]string{}}).visit(n, target, nil)
			return status, []byte(body), err
		}
	}
	goesOn := []question{
		{"a tool's refresh", func(n *node) (int, []byte, error) { return asked(s.refreshTool(n, p)) }},
		{"metadata", page("/.well-known/oauth-authorization-server")},
		{"keys", page("/.well-known/jwks.json")},
		{"who somebody is", func(n *node) (int, []byte, error) {
			const body = "Action=GetCallerIdentity&Version=2011-06-15"
			return transmit(n, "/", "application/x-www-form-urlencoded", body, func(r *http.Request) {
				temporary.Sign(r, []byte(body), testkit.Scope{Service: "sts", Region: s.config.Region, At: s.now()})
			})
		}},
	}

	over := s.history.trouble(away, n.number)
	for _, k := range n.links {
		k.set(refused, 0)
	}
	time.Sleep(bound) // what is believed for a while is believed no more
	for _, q := range goesOn {
		if status, body, err := q.ask(n); err != nil || status != http.StatusOK {
			s.complain("without the database, %s = %d %.200s, %v, want 200", q.name, status, body, err)
		}
	}
	for _, q := range needs {
		began := time.Now()
		status, body, err := q.ask(n)
		if err != nil || status < 500 || strings.Contains(string(body), "active") || time.Since(began) > patience/5 {
			s.complain("without the database, %s = %d %.200s, %v after %v, want a 5xx", q.name, status, body, err, time.Since(began).Round(time.Millisecond))
		}
	}
	n.heal(false)
	if !await(n.hears) {
		s.Fatalf("node %d does not hear from the database", n.number)
	}
	over(hearAgain)

	for _, at := range []*node{other, n} { // the same request, which spends the token once
		if a := s.advance(at, p.agent, next); a.status != http.StatusOK {
			s.complain("an agent's refresh that was refused, at node %d = %v, want 200", at.number, a)
		}
	}
	for _, at := range []*node{other, n} {
		if a := s.refreshTool(at, doomed); a.status != http.StatusOK {
			s.complain("a session whose end was refused, at node %d = %v, want 200", at.number, a)
		}
	}
	status, body, err := s.signed(n, introspectIAM, access)
	var told struct{ Active bool }
	if json.Unmarshal(body, &told); err != nil || status != http.StatusOK || !told.Active {
		s.complain("a question about a token, with the database again = %d %s, %v, want that it is good", status, body, err)
	}
	if status, body, err := s.signed(n, "/list-resource-permission-statements", "{}"); err != nil || status != http.StatusOK || strings.Contains(string(body), "198.51.100.0") {
		s.complain("statements after one was refused = %d %s, %v", status, body, err)
	}
}

// asked takes an answer apart.
func asked(a answer) (int, []byte, error) {
	if a.err != nil {
		return 0, nil, fmt.Errorf("no answer: %w", a.err)
	}
	return a.status, a.body, nil
}
