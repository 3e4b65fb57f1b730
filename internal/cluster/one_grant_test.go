package cluster

import (
	"slices"
	"time"
)

// The model, as far as it is about sessions of agents, whose refresh tokens are good once. Beside what one_login_test.go says
// of every login:
//
//	advance   A request brings the token of a generation.
//	          200: the session was in that generation and goes on to the next, at a time that the clock of this node shows;
//	          or the same request brought it there before, at most the grace ago, and the answer is the same. This node has
//	          heard nothing against it.
//	          400: the session had left that generation, and not by the same request within the grace. That revokes the
//	          session, and this node knows at once.
//	          401, 403: this node has heard of a revocation.
//	          No answer, 5xx: it is what it would have been with an answer, at any time after its call, or nothing.
//
// What is the grace ago goes by the clocks of two nodes: of that which brought the session into its generation, and of that
// which is asked again. So a retry is in vain at a node whose clock is ahead by more than the grace. The model knows all
// clocks, and holds each node to its own.

// grace is how long the same request gets the same answer (docs/tokens.md).
const grace = 10 * time.Second

// grant is how far the refresh tokens of an agent's session got.
type grant struct {
	generation int64
	request    int    // that brought the session here
	by         moment // when that was sent
	said       uint64 // all that was answered to it, hashed; 0: nobody has seen it
	// When that was, by the clock of the node: milliseconds between which it lies.
	low, high int64
}

// queued is how long a request lies at a node at most that its client does not wait for any more.
const queued = 5 * time.Second

// clocks returns what the clock of the node showed when o was sent, and when it was answered at the latest, in milliseconds.
func (o operation) clocks() (sent, answered int64) {
	done := o.done.Add(time.Millisecond)
	if o.ret == forever {
		done = o.done.Add(queued)
	}
	return o.began.Add(skews[o.node]).UnixMilli(), done.Add(skews[o.node]).UnixMilli()
}

// advance returns the state after o, an agent's refresh, and whether it may be answered so in s.
func (s state) advance(o operation, refuses bool) (state, bool) {
	sent, answered := o.clocks()
	same := s.grant.generation == o.step+1 && s.grant.request == o.proof
	within := same && sent-s.grant.high <= grace.Milliseconds()
	late := s.redeemed && s.grant.generation > o.step && s.grant.by != o.call && (!same || answered-s.grant.low > grace.Milliseconds())
	next := grant{o.step + 1, o.proof, o.call, o.said, sent, answered}
	switch {
	case o.status == 401 || o.status == 403:
		return s, refuses
	case o.status == 400:
		s = s.revoke(o.revocation, true)
		s.heard[o.node] |= o.revocation
		return s, late
	case o.ret == forever && o.revokes:
		return s.revoke(o.revocation, late), true
	case o.ret == forever:
		if s.redeemed && s.grant.generation == o.step {
			s.grant = next
		}
		return s, true
	case !s.redeemed || refuses:
		return s, false
	case s.grant.generation == o.step:
		s.grant = next
		return s, next.began(o.issued)
	case within && (s.grant.said == 0 || s.grant.said == o.said):
		s.grant.said = o.said
		return s, s.grant.began(o.issued)
	}
	return s, false
}

// began tells whether the generation can have begun at t, which is known to the second.
func (g grant) began(t time.Time) bool {
	return t.UnixMilli() >= g.low-g.low%1000 && t.UnixMilli() <= g.high
}

// mayBeReuse tells whether an agent's refresh without an answer can have been a second use: another request brought the token
// of that generation, or the same one so long before, by the clocks, that it is taken for another. For most there is no such
// request, and then the checker need not think of it.
func (s *story) mayBeReuse(e event) bool {
	_, answered := operation{event: e}.clocks()
	return slices.ContainsFunc(s.own, func(other event) bool {
		if other.kind != advance || other.step != e.step || other.call == e.call {
			return false
		}
		sent, _ := operation{event: other}.clocks()
		return other.proof != e.proof || answered-sent > grace.Milliseconds()
	})
}
