package cluster

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// advanced is an answer to an agent's request: what it brought, and by which request. In the tale, it was noon when the
// history began, and the answer tells the second after noon in which its tokens were made.
func advanced(node int, from int64, request, second int) event {
	return event{
		kind: advance, node: node, status: 200, step: from, proof: request, start: noon, said: uint64(1000*from) + uint64(request),
		issued: noon.Add(skews[node] + time.Duration(second)*time.Second),
	}
}

// by makes an answer one that another node gave before.
func (e event) by(node int) event {
	e.issued = e.issued.Add(skews[node] - skews[e.node])
	return e
}

// reused is the answer to an agent whose token was used before; gone is what it reads once the session is revoked, and
// unanswered is no answer.
func reused(node int, from int64, request int) event {
	return event{kind: advance, node: node, status: 400, step: from, proof: request}
}

func gone(node int, from int64, request int) event {
	return event{kind: advance, node: node, status: 401, step: from, proof: request}
}

func unanswered(node int, from int64, request int) event {
	return event{kind: advance, node: node, step: from, proof: request}
}

func TestModelTellsGoodRotationFromBroken(t *testing.T) {
	begin := func(h tale) {
		h.at(0, 1, event{kind: approve, status: 302})
		h.at(2, 5, redeemed(0, 200))
	}
	for _, tt := range []struct {
		name string
		good bool
		tell func(tale)
	}{
		{"one after the other, at all nodes", true, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			h.at(30, 40, advanced(1, 1, 2, 0))
			h.at(50, 60, advanced(2, 2, 3, 0))
		}},
		{"a generation with two successors", false, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(30, 40, advanced(1, 0, 2, 0)) }},
		{"two successors at once", false, func(h tale) { h.at(10, 40, advanced(0, 0, 1, 0)); h.at(15, 45, advanced(1, 0, 2, 0)) }},
		{"a generation that is left out", false, func(h tale) { h.at(10, 20, advanced(0, 1, 1, 0)) }},
		{"before the code was redeemed", false, func(h tale) { h.at(1, 1, advanced(0, 0, 1, 0)) }},
		{"the same request again", true, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(9000, 9100, advanced(0, 0, 1, 0)) }},
		{"the same request at another node", true, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(3000, 3100, advanced(2, 0, 1, 0).by(0)) }},
		{"the same request, and another answer", false, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			e := advanced(0, 0, 1, 0)
			e.said++
			h.at(30, 40, e)
		}},
		{"the same request, and tokens that were made anew", false, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(3000, 3100, advanced(0, 0, 1, 3)) }},
		{"the same request after the grace", false, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(10030, 10040, advanced(0, 0, 1, 0)) }},
		{"refused after the grace", true, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(10030, 10040, reused(0, 0, 1)) }},
		{"refused within the grace", false, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(9000, 9100, reused(0, 0, 1)) }},
		{"refused by a clock that is ahead", true, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(30, 40, reused(1, 0, 1)) }},
		{"answered by a clock that is ahead", false, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(30, 40, advanced(1, 0, 1, 0).by(0)) }},
		{"refused by a clock that is behind", false, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0)); h.at(30, 40, reused(2, 0, 1)) }},
		{"tokens that were made by no clock of theirs", false, func(h tale) { h.at(10, 20, advanced(0, 0, 1, 0).by(1)) }},
		{"a request of an earlier generation", false, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			h.at(30, 40, advanced(0, 1, 2, 0))
			h.at(50, 60, advanced(0, 0, 1, 0))
		}},

		{"a second use, and what follows", true, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			h.at(30, 40, reused(0, 0, 2))
			h.at(50, 60, gone(0, 1, 3))
			h.at(70, 80, advanced(1, 1, 4, 0)) // which has not heard
			h.at(2100, 2110, gone(1, 2, 5))
		}},
		{"a second use is not heeded in time", false, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			h.at(30, 40, reused(0, 0, 2))
			h.at(2050, 2060, advanced(1, 1, 3, 2))
		}},
		{"a second use is not heeded at its node", false, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			h.at(30, 40, reused(0, 0, 2))
			h.at(50, 60, advanced(0, 1, 3, 0))
		}},
		{"refused before any use", false, func(h tale) { h.at(10, 20, reused(0, 0, 1)) }},
		{"gone without a reason", false, func(h tale) { h.at(10, 20, gone(0, 0, 1)) }},

		{"no answer, and the same request again", true, func(h tale) { h.at(10, forever, unanswered(0, 0, 1)); h.at(30, 40, advanced(0, 0, 1, 0)) }},
		{"no answer, and another request", true, func(h tale) { h.at(10, forever, unanswered(0, 0, 1)); h.at(30, 40, reused(0, 0, 2)) }},
		{"no answer, nothing happened, and another request", true, func(h tale) { h.at(10, forever, unanswered(0, 0, 1)); h.at(30, 40, advanced(0, 0, 2, 0)) }},
		{"no answer, and the session ends", false, func(h tale) { h.at(10, forever, unanswered(0, 0, 1)); h.at(30, 40, gone(0, 0, 2)) }},
		{"no answer to a second use, and the session ends", true, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			h.at(30, forever, unanswered(0, 0, 2))
			h.at(50, 60, gone(0, 1, 3))
		}},
		{"no answer to the same request, and the session ends", false, func(h tale) {
			h.at(10, 20, advanced(0, 0, 1, 0))
			h.at(30, forever, unanswered(2, 0, 1)) // within the grace by that node's clock
			h.at(50, 60, gone(2, 1, 2))
		}},

		{"ended by who may, and heard", true, func(h tale) {
			h.at(10, 20, event{kind: logOut, node: 1, status: 200})
			h.at(30, 40, gone(1, 0, 1))
			h.at(50, 60, advanced(0, 0, 2, 0))
			h.at(2100, 2110, gone(0, 1, 3))
		}},
		{"ended, and not heeded", false, func(h tale) {
			h.at(10, 20, event{kind: logOut, node: 1, status: 200})
			h.at(30, 40, advanced(1, 0, 1, 0))
		}},
		{"ended, and not heard in time", false, func(h tale) {
			h.at(10, 20, event{kind: logOut, node: 1, status: 200})
			h.at(2030, 2040, advanced(0, 0, 1, 2))
		}},
		{"ended without an answer", true, func(h tale) { h.at(10, forever, event{kind: logOut, node: 1}); h.at(2030, 2040, advanced(0, 0, 1, 2)) }},
		{"shut out", false, func(h tale) { h.at(10, 20, event{kind: shut}); h.at(2100, 2110, advanced(0, 0, 1, 2)) }},
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
