package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// The model: what many nodes may answer about one login, if they were one.
//
// A login is approved, redeemed, refreshed and revoked. Between its call and its return, each operation takes effect at
// one instant; a history is good when such instants can be found for all of them, so that one after the other every answer
// is one that the rules below allow. Logins know nothing of each other, so each is checked alone.
//
//	approve   makes the code. Not while the person is shut out.
//	redeem    200: the code was approved, nobody redeemed it before, and this node has heard nothing against it.
//	          400: it was redeemed before. That revokes the session, and this node knows at once.
//	          401, 403: this node has heard that the person was shut out since.
//	          No answer, 5xx: it redeems the code, or revokes if that was redeemed, at any time after its call, or never.
//	refresh   200: the code was redeemed, and this node has not heard of a revocation. What it says belongs to the step in
//	          which its proof was made, whatever the clock of the node shows, is sealed by the key in use when that step
//	          began, and is the same that any node says for the step, at any time, before and after any rotation.
//	          401, 403: this node has heard of a revocation.
//	log out   200: revokes the session, if nothing did before, and this node knows at once. Without an answer it is as with
//	          redeem.
//	shut      revokes what was approved before it. An administrator does it, or tries: without an answer it is as with
//	          redeem.
//	open      lets the person approve again. It gives back nothing.
//	rotate    names the next key, and from when it is used. It changes no answer for a step that began before.
//	hear      Each revocation has one for each node: the instant at which the node learns of it, which nobody sees. It
//	          lies after the revocation's own instant, and within 2 s of its return; of a node without the database,
//	          within 2 s after it has that again. From then on the node refuses, and before it must not.
//
// So the one thing that nodes may be apart in is what they have heard, for 2 s, and what they refuse they refuse for good.

// state is what is true of one login. It can be compared with ==.
type state struct {
	approved, redeemed, shut bool
	start                    int64     // of the session, seconds since 1970; 0: not known
	given                    uint64    // revocations that took effect, a bit each
	struck                   uint64    // those that ended this login
	heard                    [3]uint64 // by node: those that it has learned of
	steps                    string    // what was said for each step; see tell
	keys                     string    // the ring: see use
	grant                    grant     // of an agent
}

// operation is an event with what the checker must know of it.
type operation struct {
	event
	revocation uint64 // the bit of the revocation that it is, may be, or hears of
	// revokes tells of an agent's refresh without an answer that it stands for what it may have revoked; what it may have
	// brought stands beside it.
	revokes bool
}

// ringKey is a key that seals from some time on.
type ringKey struct {
	id   uint32
	from time.Time
}

// modelOf returns the model of a login that begins when the ring has these keys.
func modelOf(l signin.Lifetimes, ring []ringKey) porcupine.Model {
	var first state
	for _, k := range ring {
		first.keys = use(first.keys, k)
	}
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(s, input, _ any) (bool, any) {
			after, ok := s.(state).step(input.(operation), l)
			return ok, after
		},
		DescribeOperation: func(input, _ any) string { return input.(operation).String() },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

// step returns the state after o, and whether o may be answered so in s.
func (s state) step(o operation, l signin.Lifetimes) (state, bool) {
	refuses := s.struck&s.heard[o.node] != 0
	switch o.kind {
	case approve:
		ok := !s.approved && !s.shut
		s.approved = true
		return s, ok
	case redeem:
		return s.redeem(o, refuses)
	case refresh:
		if o.status != 200 {
			return s, refuses
		}
		return s.refresh(o, l, refuses)
	case logOut:
		s = s.revoke(o.revocation, s.redeemed)
		if o.status == 200 {
			s.heard[o.node] |= o.revocation
		}
		return s, s.redeemed
	case advance:
		return s.advance(o, refuses)
	case shut:
		s.shut = true
		return s.revoke(o.revocation, s.approved), true
	case open:
		s.shut = false
		return s, true
	case rotate:
		s.keys = use(s.keys, ringKey{o.key, o.from})
		return s, true
	case hear:
		s.heard[o.node] |= o.revocation
		return s, s.given&o.revocation != 0
	}
	return s, false
}

func (s state) redeem(o operation, refuses bool) (state, bool) {
	switch {
	case o.status == 200:
		ok := s.approved && !s.redeemed && !refuses
		s.redeemed, s.start = true, o.start.Unix()
		return s, ok
	case o.status == 400:
		s = s.revoke(o.revocation, true)
		s.heard[o.node] |= o.revocation
		return s, s.redeemed
	case o.ret == forever:
		s = s.revoke(o.revocation, s.redeemed)
		s.redeemed = true
		return s, true
	}
	return s, refuses
}

func (s state) refresh(o operation, l signin.Lifetimes, refuses bool) (state, bool) {
	step := max(0, int64(o.made.Sub(o.start)/l.Step))
	began := o.start.Add(time.Duration(step) * l.Step)
	ok := s.redeemed && !refuses && o.step == step && (s.start == 0 || s.start == o.start.Unix()) && o.key == s.keyAt(began)
	s.start = o.start.Unix()
	var same bool
	s.steps, same = tell(s.steps, fmt.Sprintf("%d", o.step), fmt.Sprint(o.said))
	return s, ok && same
}

// revoke makes a revocation take effect; ends tells whether it ends this login.
func (s state) revoke(bit uint64, ends bool) state {
	s.given |= bit
	if ends {
		s.struck |= bit
	}
	return s
}

// tell adds that value was said for name to what was told before, and returns whether nothing else was said for it.
func tell(told, name, value string) (string, bool) {
	all := strings.Split(told, "\n")
	for _, line := range all {
		if before, ok := strings.CutPrefix(line, name+": "); ok {
			return told, before == value
		}
	}
	all = append(all, name+": "+value)
	slices.Sort(all) // so that the order in which things were told makes no other state
	return strings.Join(all, "\n"), true
}

// use adds a key to the ring.
func use(keys string, k ringKey) string {
	keys, _ = tell(keys, fmt.Sprintf("%015d", k.from.UnixMilli()), fmt.Sprint(k.id))
	return keys
}

// keyAt returns the key in use at a time; of a time before all keys, the first.
func (s state) keyAt(at time.Time) (id uint32) {
	for _, line := range strings.Split(s.keys, "\n") { // by time
		var from int64
		var key uint32
		if _, err := fmt.Sscanf(line, "%d: %d", &from, &key); err != nil {
			continue // the empty line
		}
		if id == 0 || from <= at.UnixMilli() {
			id = key
		}
	}
	return id
}
