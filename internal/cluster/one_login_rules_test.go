package cluster

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// tale makes a history by hand. Times are milliseconds.
type tale struct{ *history }

// at sets when e is called and answered.
func (h tale) at(call, ret int64, e event) {
	e.call, e.ret = call*1e6, ret*1e6
	if ret == forever {
		e.ret = forever
	}
	e.login = 1
	if e.kind == advance {
		e.began = noon.Add(time.Duration(call) * time.Millisecond)
		if e.done = e.began; ret != forever {
			e.done = noon.Add(time.Duration(ret) * time.Millisecond)
		}
	}
	if e.kind == shut || e.kind == open || e.kind == rotate {
		e.login = -1
	}
	h.add(e)
}

// away takes the database from a node.
func (h tale) away(node int, from, to int64) {
	h.troubles[away] = map[int][]span{node: {{from * 1e6, to * 1e6}}}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// redeemed is an answer to a code.
func redeemed(node, status int) event {
	return event{kind: redeem, node: node, status: status, start: noon}
}

// refreshed is an answer to a proof that was made so long after the login.
func refreshed(node, proof int, made time.Duration, step int64) event {
	return event{
		kind: refresh, node: node, status: 200, proof: proof, made: noon.Add(made),
		start: noon, step: step, key: 1, said: uint64(100 + step),
	}
}

// rejected is the answer to a refresh of a session that is over.
func rejected(node int) event {
	return event{kind: refresh, node: node, status: 401, code: "TOKEN_EXPIRED"}
}

// loggedOut is an answer to the holder who ends the session.
func loggedOut(node, status int) event { return event{kind: logOut, node: node, status: status} }

// A model that allows everything would let every history pass. Each of these must be told from its neighbour.
func TestModelTellsGoodHistoriesFromBrokenOnes(t *testing.T) {
	begin := func(h tale) {
		h.at(0, 1, event{kind: approve, status: 302})
		h.at(2, 5, redeemed(0, 200))
	}
	for _, tt := range []struct {
		name string
		good bool
		tell func(tale)
	}{
		{"a login and its refreshes", true, func(h tale) {
			h.at(10, 11, refreshed(1, 1, time.Minute, 0))
			h.at(12, 13, refreshed(2, 2, 6*time.Minute, 1))
			h.at(14, 15, refreshed(0, 3, 2*time.Minute, 0)) // an old proof is answered for its own step
		}},
		{"a code redeemed twice", false, func(h tale) { h.at(10, 11, redeemed(1, 200)) }},
		{"a code redeemed twice at once", false, func(h tale) { h.at(1, 7, redeemed(1, 200)) }},
		{"a second redemption refused", true, func(h tale) { h.at(10, 11, redeemed(1, 400)) }},
		{"a refusal before anybody redeemed", false, func(h tale) { h.at(1, 1, redeemed(1, 400)) }},
		{"no answer, then the code is refused", true, func(h tale) { h.at(10, forever, redeemed(1, 0)); h.at(12, 13, redeemed(2, 400)) }},
		{"no answer, and the session is revoked", true, func(h tale) { h.at(10, forever, redeemed(1, 0)); h.at(3000, 3001, rejected(2)) }},
		{"no answer, and the session lives on", true, func(h tale) { h.at(10, forever, redeemed(1, 0)); h.at(5000, 5001, refreshed(2, 1, 5*time.Second, 0)) }},
		{"refused without a reason", false, func(h tale) { h.at(10, 11, rejected(1)) }},
		{"refused before the revocation", false, func(h tale) { h.at(10, 11, rejected(1)); h.at(12, 13, redeemed(0, 400)) }},

		{"refreshed elsewhere within the bound", true, func(h tale) { h.at(10, 11, redeemed(0, 400)); h.at(1990, 2000, refreshed(1, 1, 2*time.Second, 0)) }},
		{"refreshed elsewhere after the bound", false, func(h tale) { h.at(10, 11, redeemed(0, 400)); h.at(2020, 2030, refreshed(1, 1, 2*time.Second, 0)) }},
		{"refreshed at the node that revoked", false, func(h tale) { h.at(10, 11, redeemed(0, 400)); h.at(20, 30, refreshed(0, 1, time.Second, 0)) }},
		{"refused, and then accepted again", false, func(h tale) {
			h.at(10, 11, redeemed(0, 400))
			h.at(100, 110, rejected(1))
			h.at(120, 130, refreshed(1, 1, time.Second, 0))
		}},
		{"a cut-off node accepts until it hears", true, func(h tale) {
			h.away(1, 0, 8000)
			h.at(10, 11, redeemed(0, 400))
			h.at(9000, 9001, refreshed(1, 1, time.Second, 0))
		}},
		{"a cut-off node accepts long after", false, func(h tale) {
			h.away(1, 0, 8000)
			h.at(10, 11, redeemed(0, 400))
			h.at(10500, 10501, refreshed(1, 1, time.Second, 0))
		}},
		{"another node is cut off", false, func(h tale) {
			h.away(2, 0, 8000)
			h.at(10, 11, redeemed(0, 400))
			h.at(2020, 2030, refreshed(1, 1, time.Second, 0))
		}},

		{"logged out, and refused here", true, func(h tale) { h.at(10, 11, loggedOut(1, 200)); h.at(12, 13, rejected(1)) }},
		{"logged out, and refreshed here", false, func(h tale) { h.at(10, 11, loggedOut(1, 200)); h.at(12, 13, refreshed(1, 1, time.Second, 0)) }},
		{"logged out, and refreshed here at once", true, func(h tale) { h.at(10, 15, loggedOut(1, 200)); h.at(12, 13, refreshed(1, 1, time.Second, 0)) }},
		{"logged out, and refreshed elsewhere within the bound", true, func(h tale) { h.at(10, 11, loggedOut(1, 200)); h.at(1990, 2000, refreshed(2, 1, 2*time.Second, 0)) }},
		{"logged out, and refreshed elsewhere after the bound", false, func(h tale) { h.at(10, 11, loggedOut(1, 200)); h.at(2020, 2030, refreshed(2, 1, 2*time.Second, 0)) }},
		{"logged out twice", true, func(h tale) {
			h.at(10, 11, loggedOut(1, 200))
			h.at(12, 13, loggedOut(2, 200))
			h.at(14, 15, rejected(2))
		}},
		{"logged out twice, and refreshed there", false, func(h tale) {
			h.at(10, 11, loggedOut(1, 200))
			h.at(12, 13, loggedOut(2, 200))
			h.at(14, 15, refreshed(2, 1, time.Second, 0))
		}},
		{"no answer to logging out, and over", true, func(h tale) { h.at(10, forever, loggedOut(1, 0)); h.at(3000, 3001, rejected(2)) }},
		{"no answer to logging out, and alive", true, func(h tale) { h.at(10, forever, loggedOut(1, 0)); h.at(5000, 5001, refreshed(2, 1, 5*time.Second, 0)) }},
		{"shut out, and heard in time", true, func(h tale) {
			h.at(10, 90, event{kind: shut})
			h.at(100, 101, refreshed(1, 1, time.Second, 0))
			h.at(1000, 1001, rejected(1))
		}},
		{"shut out, and not heard in time", false, func(h tale) { h.at(10, 90, event{kind: shut}); h.at(2100, 2101, refreshed(1, 1, time.Second, 0)) }},
		{"let in again, but the session stays over", false, func(h tale) {
			h.at(10, 90, event{kind: shut})
			h.at(100, 190, event{kind: open})
			h.at(2100, 2101, refreshed(1, 1, time.Second, 0))
		}},
		{"shut out by an administrator who got no answer", true, func(h tale) {
			h.at(10, forever, event{kind: shut})
			h.at(2100, 2101, refreshed(1, 1, time.Second, 0))
			h.at(2200, 2201, rejected(1))
		}},

		{"the wrong step", false, func(h tale) { h.at(10, 11, refreshed(1, 1, time.Minute, 1)) }},
		{"two answers for one step", false, func(h tale) {
			h.at(10, 11, refreshed(1, 1, time.Minute, 0))
			e := refreshed(2, 2, time.Minute, 0)
			e.said++
			h.at(12, 13, e)
		}},
		{"one proof for two steps", false, func(h tale) {
			h.at(10, 11, refreshed(1, 1, 5*time.Minute, 0)) // by a clock that is behind
			h.at(12, 13, refreshed(2, 1, 5*time.Minute, 1))
		}},
		{"another session's start", false, func(h tale) {
			e := refreshed(1, 1, time.Minute, 0)
			e.start = noon.Add(time.Second)
			h.at(10, 11, e)
		}},
		{"a new key for a new step", true, func(h tale) {
			h.at(10, 11, event{kind: rotate, key: 2, from: noon.Add(10 * time.Minute)})
			h.at(12, 13, refreshed(1, 1, 9*time.Minute, 1))
			e := refreshed(1, 2, 10*time.Minute, 2)
			e.key = 2
			h.at(14, 15, e)
		}},
		{"the old key for a new step", false, func(h tale) {
			h.at(10, 11, event{kind: rotate, key: 2, from: noon.Add(10 * time.Minute)})
			h.at(14, 15, refreshed(1, 2, 10*time.Minute, 2))
		}},
		{"a new key before its time", false, func(h tale) {
			h.at(10, 11, event{kind: rotate, key: 2, from: noon.Add(10 * time.Minute)})
			e := refreshed(1, 2, 9*time.Minute, 1)
			e.key = 2
			h.at(14, 15, e)
		}},
	} {
		h := tale{newHistory()}
		begin(h)
		tt.tell(h)
		model := modelOf(signin.DefaultLifetimes(), []ringKey{{1, noon.Add(-time.Hour)}})
		if got := porcupine.CheckOperations(model, h.operationsLocked(h.storiesLocked()[1])); got != tt.good {
			t.Errorf("%s: the model says %v, want %v", tt.name, got, tt.good)
		}
	}
}

// Whoever is shut out cannot approve, until let in again.
func TestModelHoldsApprovalsToTheDirectory(t *testing.T) {
	for _, tt := range []struct {
		name string
		good bool
		open bool
		ret  int64
	}{
		{"while shut out", false, false, 2},
		{"after being let in again", true, true, 2},
		{"when nobody knows whether the person is shut out", true, false, forever},
	} {
		h := tale{newHistory()}
		h.at(1, tt.ret, event{kind: shut})
		if tt.open {
			h.at(3, 4, event{kind: open})
		}
		h.at(5, 6, event{kind: approve, status: 302})
		model := modelOf(signin.DefaultLifetimes(), []ringKey{{1, noon}})
		if got := porcupine.CheckOperations(model, h.operationsLocked(h.storiesLocked()[1])); got != tt.good {
			t.Errorf("approved %s: the model says %v, want %v", tt.name, got, tt.good)
		}
	}
}
