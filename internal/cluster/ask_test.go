package cluster

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// approve lets the client of l in, at a node, for its person at b, and gives it its code. Shut tells that the person may be
// shut out, so that a refusal is no surprise, and no password is tried.
func (s *site) approve(n *node, b *browser, l *login, shut bool) bool {
	s.world.RLock()
	defer s.world.RUnlock()
	person := l.person
	e := event{kind: approve, person: person, node: n.number, call: s.history.now()}
	code, began, err := s.walk(n, b, l, shut)
	e.ret = s.history.now()
	switch {
	case errors.Is(err, errShut):
		if !s.people[person].fickle {
			s.complain("%s, who was never shut out, is %v at node %d", s.people[person].name, err, n.number)
		}
		return false
	case err != nil:
		s.history.fail(e, "login: "+err.Error())
		return false
	}
	l.code, l.number, l.at = code, s.history.number(), s.now()
	e.login, e.status, e.call = l.number, http.StatusFound, began
	s.history.add(e)
	return true
}

// errShut: the pages refuse the person.
var errShut = errors.New("refused")

// walk goes through the pages. It returns the code, and when consent was sent.
func (s *site) walk(n *node, b *browser, l *login, shut bool) (code string, began moment, err error) {
	target := l.authorizeTarget()
	status, _, page, err := b.visit(n, target, nil)
	if err == nil && status == http.StatusOK && strings.Contains(page, `action="/sign-in"`) {
		if shut {
			return "", 0, errShut
		}
		status, _, page, err = b.visit(n, "/sign-in", fields(page, "username", s.people[l.person].name, "password", password))
		if err == nil && (status == http.StatusForbidden || status == http.StatusTooManyRequests) {
			return "", 0, fmt.Errorf("%w: POST /sign-in = %d", errShut, status)
		}
		if err == nil && status != http.StatusSeeOther {
			err = fmt.Errorf("POST /sign-in = %d", status)
		}
		if err == nil {
			status, _, page, err = b.visit(n, target, nil)
		}
	}
	if err != nil {
		return "", 0, err
	}
	if !strings.Contains(page, `action="/consent"`) {
		if status == http.StatusForbidden || status == http.StatusOK {
			return "", 0, fmt.Errorf("%w: GET /v1/authorize = %d", errShut, status)
		}
		return "", 0, fmt.Errorf("GET /v1/authorize = %d", status)
	}
	began = s.history.now()
	status, location, _, err := b.visit(n, "/consent", fields(page, "decision", "allow"))
	if err != nil {
		return "", 0, err
	}
	to, err := url.Parse(location)
	if err == nil && status == http.StatusFound && to.Query().Get("code") != "" {
		return to.Query().Get("code"), began, nil
	}
	if status == http.StatusFound || status == http.StatusForbidden || status == http.StatusSeeOther {
		return "", 0, fmt.Errorf("%w: POST /consent = %d to %s", errShut, status, location)
	}
	return "", 0, fmt.Errorf("POST /consent = %d", status)
}

// redeem brings the code of l to a node, once.
func (s *site) redeem(n *node, l *login, q request) answer {
	s.world.RLock()
	defer s.world.RUnlock()
	if s.stale(q) {
		q = l.redemption(s.history.number(), s.now())
	}
	e := event{kind: redeem, login: l.number, person: l.person, node: n.number, call: s.history.now()}
	a := post(n, q)
	e.ret = s.history.now()
	if a.status == 0 || a.status >= 500 {
		s.history.fail(e, "redemption: "+a.String())
		e.ret = forever
	}
	s.read(&e, l, a)
	s.history.add(e)
	return a
}

// stale tells whether time has jumped since q was made. A client would make another, too: its proof is refused by now.
func (s *site) stale(q request) bool { return s.now().Sub(q.made) > time.Minute }

// refresh sends q, a refresh of l, to a node, once.
func (s *site) refresh(n *node, l *login, q request) answer {
	s.world.RLock()
	defer s.world.RUnlock()
	if s.stale(q) {
		_, token := l.now()
		q = refreshing(token, l.key, s.history.number(), s.now())
	}
	e := event{
		kind: refresh, login: l.number, person: l.person, node: n.number, call: s.history.now(),
		proof: q.number, made: q.made,
	}
	a := post(n, q)
	e.ret = s.history.now()
	s.read(&e, l, a)
	if a.status == 0 || a.status >= 500 {
		s.history.fail(e, "refresh: "+a.String())
		return a
	}
	s.history.add(e)
	return a
}

// newRefresh returns a request that refreshes l with its newest token, and a proof by key.
func (s *site) newRefresh(l *login, key *ecdsa.PrivateKey) request {
	s.world.RLock()
	defer s.world.RUnlock()
	_, token := l.now()
	return refreshing(token, key, s.history.number(), s.now())
}

func (s *site) newRedemption(l *login) request {
	s.world.RLock()
	defer s.world.RUnlock()
	return l.redemption(s.history.number(), s.now())
}

// persist sends a request as an SDK does: up to three times, to other nodes, until an answer comes that is not a failure
// of the server.
func (s *site) persist(rng *rand.Rand, first *node, send func(*node) answer) answer {
	n := first
	for try := 0; ; try++ {
		a := send(n)
		if try == 2 || a.status != 0 && a.status < 500 {
			return a
		}
		time.Sleep(50 * time.Millisecond)
		n = s.pick(rng)
	}
}

// steal brings somebody's refresh token with another key, and must be refused, whatever state the session is in.
func (s *site) steal(n *node, l *login, key *ecdsa.PrivateKey) {
	s.world.RLock()
	defer s.world.RUnlock()
	_, token := l.now()
	e := event{kind: refresh, login: l.number, node: n.number, call: s.history.now()}
	a := post(n, refreshing(token, key, 0, s.now()))
	e.ret = s.history.now()
	switch {
	case a.status == 0 || a.status >= 500:
		s.history.fail(e, "refresh with a stolen token: "+a.String())
	case a.status != http.StatusBadRequest || a.Error != "INVALID_REQUEST" || a.AccessToken.SessionToken != "" || a.RefreshToken != "":
		s.complain("a stolen token at node %d = %v, want 400 INVALID_REQUEST", n.number, a)
	}
}
