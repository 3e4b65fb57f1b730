package cluster

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// keep is how many logins of earlier phases are looked at again after each phase.
	keep = 60
	// young is how old a code may be to be brought again: it has not expired by anybody's clock.
	young = 45 * time.Minute
)

// audit looks at what is left of a phase: every session that was answered is refreshed at every node, older ones at one,
// and some codes are brought again. What comes of it goes into the history, which is then held against the model and the
// counts.
func (s *site) audit(w *load) {
	s.Helper()
	rng := s.random(0xa0d17)
	at := s.pick(rng)
	s.atEach(slices.Concat(w.logins, w.grants), func(l *login) {
		for _, n := range s.nodes {
			s.useAgain(n, l)
		}
	})
	s.atEach(s.keepers, func(l *login) { s.useAgain(at, l) })
	s.askForAgents(w.agents)
	var again []*login
	for i, l := range w.codes {
		if _, token := l.now(); i%3 == 0 {
			again = append(again, l)
		} else if token != "" {
			s.keepers = append(s.keepers, l)
		}
	}
	s.keepers = s.keepers[max(0, len(s.keepers)-keep):]
	s.atEach(again, func(l *login) { s.bringAgain(at, l) })
	s.verdict()
	s.Logf("%d logins with a session and %d of agents, %d operations so far", len(w.logins), len(w.grants), len(s.history.events))
}

// finish brings the codes of the last logins again, and looks at them when every node has heard of that.
func (s *site) finish() {
	s.Helper()
	s.atEach(s.keepers, func(l *login) { s.bringAgain(s.nodes[0], l) })
	time.Sleep(bound)
	s.atEach(s.keepers, func(l *login) {
		for _, n := range s.nodes {
			a := s.useAgain(n, l)
			if s.now().Sub(l.at) < young && a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
				s.complain("login %d, whose code was brought twice %v ago, at node %d = %v, want it refused", l.number, bound, n.number, a)
			}
		}
	})
	s.verdict()
}

// useAgain refreshes l at a node.
func (s *site) useAgain(n *node, l *login) answer {
	if l.agent != nil {
		return s.advance(n, l, s.newAdvance(l))
	}
	return s.refresh(n, l, s.newRefresh(l, l.key))
}

// bringAgain brings a code that may have been redeemed, and once more.
func (s *site) bringAgain(n *node, l *login) {
	if s.now().Sub(l.at) < young {
		s.redeem(n, l, s.newRedemption(l))
		s.redeem(n, l, s.newRedemption(l))
	}
}

// verdict holds the history against the counts, the troubles and the model.
func (s *site) verdict() {
	s.Helper()
	s.count()
	s.countGenerations()
	s.judge()
	s.rules.check(s, s.history)
}

// atEach does something with each of logins, a few at a time.
func (s *site) atEach(logins []*login, do func(*login)) {
	next := make(chan *login)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for l := range next {
				do(l)
			}
		})
	}
	for _, l := range logins {
		next <- l
	}
	close(next)
	all.Wait()
}

// count holds the history to what can be said without the model: no code is redeemed twice, no session is lost that
// nobody ended, a step says one thing everywhere, and a proof belongs to one step.
func (s *site) count() {
	s.Helper()
	h := s.history
	h.mu.Lock()
	defer h.mu.Unlock()
	type of struct {
		login int
		what  int64
	}
	redeemed, endangered := map[int]int{}, map[int]bool{}
	said, stepOf := map[of]uint64{}, map[of]int64{}
	for _, e := range h.events {
		switch {
		case e.kind == redeem && e.status == http.StatusOK:
			redeemed[e.login]++
		case e.kind == redeem, e.kind == logOut, e.kind == advance && e.status != http.StatusOK:
			endangered[e.login] = true // brought twice, perhaps
		}
	}
	for login, times := range redeemed {
		if times > 1 {
			s.complain("the code of login %d was redeemed %d times", login, times)
		}
	}
	for _, e := range h.events {
		switch {
		case e.kind != refresh && e.kind != advance:
		case e.kind == advance && e.status == http.StatusOK:
		case e.status == http.StatusOK:
			if before, ok := said[of{e.login, e.step}]; ok && before != e.said {
				s.complain("login %d has two answers for step %d", e.login, e.step)
			}
			said[of{e.login, e.step}] = e.said
			if before, ok := stepOf[of{e.login, int64(e.proof)}]; ok && before != e.step {
				s.complain("a proof of login %d was answered for steps %d and %d", e.login, before, e.step)
			}
			stepOf[of{e.login, int64(e.proof)}] = e.step
		case !endangered[e.login] && !s.people[e.person].fickle:
			s.complain("login %d of %s, which nobody ended, is lost at node %d: %d %s", e.login, s.people[e.person].name, e.node, e.status, e.code)
		}
	}
}

// judge holds every failure against the troubles of its node: refreshes go on while the database is away.
func (s *site) judge() {
	s.Helper()
	h := s.history
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.failures {
		excuses := []trouble{dead, deaf}
		if f.kind != refresh {
			excuses = append(excuses, away)
		}
		if !h.excusedLocked(f.event, excuses...) {
			s.complain("from %s to %s, node %d, login %d: %s, and the node has no excuse", ago(f.call), ago(f.ret), f.node, f.login, f.what)
		}
	}
	h.failures = nil
}
