package cluster

import (
	"math/rand/v2"
	"sync"
)

// crowd is what the test knows of people and nodes, for those who choose among them.
type crowd struct {
	mu       sync.Mutex
	shut     map[int]bool     // people who may be shut out at the moment
	out      map[int]bool     // nodes that the load balancer has taken out
	browsers map[int]*browser // where each person is signed in
}

func (s *site) setShut(person int, shut bool) {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	s.crowd.shut[person] = shut
}

func (s *site) isShut(person int) bool {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	return s.crowd.shut[person]
}

// takeOut takes a node out of the balance, or puts it in again.
func (s *site) takeOut(n *node, out bool) {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	s.crowd.out[n.number] = out
}

// pick returns a node that is not taken out.
func (s *site) pick(rng *rand.Rand) *node {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	for {
		if n := s.nodes[rng.IntN(len(s.nodes))]; !s.crowd.out[n.number] {
			return n
		}
	}
}

// signInAll signs everybody in once, because a password costs the server as much as many logins.
func (s *site) signInAll() {
	s.Helper()
	for i := range s.people {
		b := &browser{cookies: map[string]string{}}
		if !s.approve(s.nodes[i%len(s.nodes)], b, newLogin(i), false) {
			s.Fatalf("%s cannot sign in", s.people[i].name)
		}
		s.crowd.browsers[i] = b
	}
}

// browser returns a browser in which the person is signed in, or was.
func (s *site) browser(person int) *browser { return s.crowd.browsers[person].clone() }
