package cluster

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	// refreshes is how often an agent refreshes at most before it signs in anew: a history must be checked in the end.
	refreshes = 12
	// mostAgents is how many register in one phase.
	mostAgents = 12
)

// workAsAgent registers clients at one node, signs people in to them at another, and refreshes at whatever node. Answers get
// lost, programs send twice, and tokens get into the wrong hands.
func (w *load) workAsAgent(rng *rand.Rand) {
	browsers := make([]*browser, len(w.people)) // who had to sign in again stays signed in: too many passwords are refused
	for i := range browsers {
		browsers[i] = w.browser(i)
	}
	for !w.stop.Load() {
		w.pause(rng, 60*time.Millisecond)
		a := w.someAgent(rng)
		person := rng.IntN(len(w.people))
		if a == nil {
			continue
		}
		l := newAgentLogin(person, a, rng.IntN(2) == 0)
		if !w.approve(w.pick(rng), browsers[person], l, w.isShut(person)) {
			continue
		}
		w.mu.Lock()
		w.codes = append(w.codes, l)
		w.mu.Unlock()
		q := w.newRedemption(l)
		w.persist(rng, w.pick(rng), func(n *node) answer { return w.redeem(n, l, q) })
		if _, token := l.now(); token == "" {
			continue
		}
		w.mu.Lock()
		w.grants = append(w.grants, l)
		w.mu.Unlock()
		for range refreshes {
			if w.pause(rng, 60*time.Millisecond); w.stop.Load() || !w.refreshAsAgent(rng, l) {
				break
			}
		}
	}
}

// someAgent returns a client that is registered, and now and then registers one.
func (w *load) someAgent(rng *rand.Rand) *agent {
	w.mu.Lock()
	known := w.agents
	w.mu.Unlock()
	if len(known) > 0 && (len(known) >= mostAgents || rng.IntN(3) > 0) {
		return known[rng.IntN(len(known))]
	}
	a, ok := w.register(w.pick(rng))
	if !ok {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.agents = append(w.agents, a)
	return a
}

// refreshAsAgent refreshes l once, in one of the ways in which that happens, and tells whether it may go on.
func (w *load) refreshAsAgent(rng *rand.Rand, l *login) bool {
	token, generation := l.newest()
	next := func() *node { return w.pick(rng) }
	q := w.newAdvance(l)
	switch rng.IntN(40) {
	case 0: // two programs with one token
		other, at := w.newAdvance(l), next()
		var both sync.WaitGroup
		both.Go(func() { w.advance(at, l, other) })
		w.advance(next(), l, q)
		both.Wait()
		return false
	case 1:
		return w.logOut(next(), l, true) != http.StatusOK
	case 2:
		return w.logOut(next(), l, false) != http.StatusOK
	case 3, 4, 5, 6: // the same request twice at once, as a proxy that is in a hurry sends it
		at := next()
		var both sync.WaitGroup
		both.Go(func() { w.advance(at, l, q) })
		w.tryAgain(next(), l, q, next)
		both.Wait()
	default:
		w.tryAgain(next(), l, q, next)
	}
	_, now := l.newest()
	if now > generation && rng.IntN(6) == 0 { // its answer was lost on the way, say
		w.advance(next(), l, q)
	}
	if now > generation && rng.IntN(20) == 0 { // somebody found the token in a log
		number := w.history.number()
		w.world.RLock()
		stolen := l.advancing(token, generation, number, w.now())
		w.world.RUnlock()
		w.advance(next(), l, stolen)
		return false
	}
	return now > generation
}
