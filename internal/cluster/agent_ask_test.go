package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	tokenPath  = "/v1/token"
	revokePath = "/v1/revoke"
)

// register lets an agent register itself at a node. From the answer on, every node must know it.
func (s *site) register(n *node) (*agent, bool) {
	s.world.RLock()
	defer s.world.RUnlock()
	e := event{kind: enrol, login: -1, node: n.number, call: s.history.now()}
	status, body, err := transmit(n, "/v1/register", "application/json", `{"client_name":"Agent","redirect_uris":["`+agentRedirect+`"]}`, nil)
	e.ret = s.history.now()
	var told struct {
		ID string `json:"client_id"`
	}
	switch {
	case err != nil || status >= 500:
		s.history.fail(e, fmt.Sprint("registration: ", status, " ", err))
		return nil, false
	case status != http.StatusOK || json.Unmarshal(body, &told) != nil || told.ID == "":
		s.complain("registration at node %d = %d %s", n.number, status, body)
		return nil, false
	}
	return &agent{told.ID}, true
}

// transmit sends a POST, which sign may sign.
func transmit(n *node, target, contentType, body string, sign func(*http.Request)) (status int, answer []byte, err error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+n.address+target, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Host = strings.TrimPrefix(base, "https://")
	r.GetBody = nil // what is sent again is sent by the test, which keeps account of it
	r.Header.Set("Content-Type", contentType)
	if sign != nil {
		sign(r)
	}
	w, err := n.do(r)
	if err != nil {
		return 0, nil, err
	}
	defer w.Body.Close()
	answer, err = io.ReadAll(w.Body)
	return w.StatusCode, answer, err
}

// signed sends JSON that the auditor, a service user, signs. The caller holds the world.
func (s *site) signed(n *node, target, body string) (status int, answer []byte, err error) {
	return s.signedBy(n, s.auditor, target, body)
}

func (s *site) signedBy(n *node, keys testkit.Credentials, target, body string) (status int, answer []byte, err error) {
	return transmit(n, target, "application/json", body, func(r *http.Request) {
		keys.Sign(r, []byte(body), testkit.Scope{Service: "signin", Region: s.config.Region, At: s.now()})
	})
}

// advance brings q, a refresh token of an agent, to a node, once.
func (s *site) advance(n *node, l *login, q request) answer {
	s.world.RLock()
	defer s.world.RUnlock()
	if s.stale(q) {
		q.prove(l, tokenPath, s.now()) // the same request, with a fresh proof
	}
	e := event{
		kind: advance, login: l.number, person: l.person, node: n.number, call: s.history.now(),
		proof: q.number, step: q.generation, began: s.now(),
	}
	a := post(n, q)
	e.ret, e.done = s.history.now(), s.now()
	if a.status == 0 || a.status >= 500 {
		s.history.fail(e, "refresh of an agent: "+a.String())
		e.ret = forever
	}
	s.read(&e, l, a)
	s.history.add(e)
	return a
}

// newAdvance returns a request that brings the newest refresh token of l.
func (s *site) newAdvance(l *login) request {
	s.world.RLock()
	defer s.world.RUnlock()
	token, generation := l.newest()
	return l.advancing(token, generation, s.history.number(), s.now())
}

// logOut ends the session of l at a node, once: its holder does, or the auditor in a signed request.
func (s *site) logOut(n *node, l *login, byHolder bool) int {
	s.world.RLock()
	defer s.world.RUnlock()
	_, token := l.now()
	e := event{kind: logOut, login: l.number, person: l.person, node: n.number, call: s.history.now()}
	var a answer
	switch {
	case !byHolder:
		a.status, a.body, a.err = s.signed(n, revokePath+"?x-amz-client-auth-method=iam", `{"token":"`+token+`"}`)
	case l.agent == nil:
		a = send(n, revokePath, newRequest(revokePath, map[string]string{"clientId": signin.SameDevice, "token": token}, l.key, 0, s.now()))
	default:
		q := request{body: []byte(url.Values{"token": {token}, "client_id": {l.agent.id}}.Encode()), form: true}
		q.prove(l, revokePath, s.now())
		a = send(n, revokePath, q)
	}
	e.status = a.status
	e.ret = s.history.now()
	switch {
	case a.err != nil || e.status >= 500:
		s.history.fail(e, "log out: "+a.String())
		e.ret = forever
	case e.status != http.StatusOK || len(a.body) > 0:
		s.complain("log out of login %d at node %d = %d %s, want 200 and nothing", l.number, n.number, e.status, a.body)
	}
	s.history.add(e)
	return e.status
}

// tryAgain is advance with the same request at other nodes, as long as nobody answers.
func (s *site) tryAgain(first *node, l *login, q request, next func() *node) answer {
	n := first
	for try := 0; ; try++ {
		a := s.advance(n, l, q)
		if try == 3 || a.status != 0 && a.status < 500 {
			return a
		}
		time.Sleep(50 * time.Millisecond)
		n = next()
	}
}

// holds tells whether b has any of secrets.
func holds(b []byte, secrets ...string) bool {
	for _, secret := range secrets {
		if secret != "" && bytes.Contains(b, []byte(secret)) {
			return true
		}
	}
	return false
}
