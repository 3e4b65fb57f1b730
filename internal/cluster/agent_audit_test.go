package cluster

import (
	"net/http"
	"strings"
)

// askForAgents asks every node for every client whose registration was answered in this phase.
func (s *site) askForAgents(agents []*agent) {
	s.Helper()
	for _, a := range agents {
		for _, n := range s.nodes {
			status, _, page, err := (&browser{cookies: map[string]string{}}).visit(n, a.authorizeTarget("v"), nil)
			if err != nil || status != http.StatusOK || !strings.Contains(page, `action="/sign-in"`) {
				s.complain("node %d does not know the client %s, which was registered: %d %v", n.number, a.id, status, err)
			}
		}
	}
}

// countGenerations holds the history to what can be said of agents without the model: a generation has one successor, the
// same request gets one answer, and the tokens of a session never go back.
func (s *site) countGenerations() {
	s.Helper()
	h := s.history
	h.mu.Lock()
	defer h.mu.Unlock()
	type of struct {
		login      int
		generation int64
	}
	type successor struct {
		request int
		said    uint64
	}
	next := map[of]successor{}
	advanced := 0
	for _, e := range h.events {
		if e.kind != advance || e.status != http.StatusOK {
			continue
		}
		if before, ok := next[of{e.login, e.step}]; ok && before != (successor{e.proof, e.said}) {
			s.complain("generation %d of login %d has two successors: requests %d and %d, answers %04x and %04x", e.step, e.login,
				before.request, e.proof, before.said&0xffff, e.said&0xffff)
		}
		next[of{e.login, e.step}] = successor{e.proof, e.said}
		advanced++
	}
	s.Logf("agents refreshed %d times, by %d tokens", advanced, len(next))
}
