package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// checkerLimit is how long the checker may think about one login, which is more than it ever needs for a good history.
const checkerLimit = 5 * time.Second

// told is how many logins that break the rules are told of.
const told = 3

// rules are what histories are held against.
type rules struct {
	lifetimes signin.Lifetimes
	ring      []ringKey // at the beginning
}

// check holds what is new in the history against the model: every login that something was asked about since the last
// check. One that breaks the rules is told with all its events, and drawn in a file.
func (r rules) check(t testing.TB, h *history) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	stories := h.storiesLocked()
	broken, checked := 0, map[int]bool{-1: true}
	for _, e := range h.events[h.checked:] {
		if checked[e.login] || broken == told {
			continue
		}
		checked[e.login] = true
		operations := h.operationsLocked(stories[e.login])
		result, info := porcupine.CheckOperationsVerbose(modelOf(r.lifetimes, r.ring), operations, checkerLimit)
		if result == porcupine.Ok {
			continue
		}
		broken++
		verdict := "no order of these operations is allowed by the model"
		if result == porcupine.Unknown {
			verdict = fmt.Sprintf("the checker came to no end within %v, so most likely "+verdict, checkerLimit)
		}
		text := ""
		for _, o := range operations {
			text += fmt.Sprintf("\n%12s to %12s  %v", ago(o.Call), ago(o.Return), o.Input)
		}
		t.Errorf("login %d: %s; %s%s", e.login, verdict, r.draw(operations, info), text)
	}
	h.checked = len(h.events)
}

func ago(m moment) string {
	if m == forever {
		return "?"
	}
	return time.Duration(m).Round(10 * time.Microsecond).String()
}

// draw writes a picture of the history, and says where.
func (r rules) draw(operations []porcupine.Operation, info porcupine.LinearizationInfo) string {
	dir := filepath.Join("..", "..", "artifacts")
	if _, err := os.Stat(dir); err != nil {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, "cluster-*.html")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if err := porcupine.Visualize(modelOf(r.lifetimes, r.ring), info, f); err != nil {
		return err.Error()
	}
	return "a picture is in " + f.Name()
}

// story is what concerns one login: its own events, and those of the administrator about its person and about the ring.
type story struct {
	own, others []event
	approved    event
	// struck is when it was surely revoked for the first time: later revocations end nothing, and whoever hears of them
	// has heard of this one.
	struck moment
}

// storiesLocked returns the stories of all logins.
func (h *history) storiesLocked() map[int]*story {
	stories := map[int]*story{}
	var admin []event
	for _, e := range h.events {
		if e.login < 0 {
			admin = append(admin, e)
			continue
		}
		s := stories[e.login]
		if s == nil {
			s = &story{struck: forever}
			stories[e.login] = s
		}
		s.own = append(s.own, e)
		if e.kind == approve {
			s.approved = e
		}
		if e.surelyRevokes() {
			s.struck = min(s.struck, e.ret)
		}
	}
	for _, s := range stories {
		s.addOthers(admin)
	}
	return stories
}

// addOthers adds what the administrator did that may matter.
func (s *story) addOthers(admin []event) {
	for _, e := range admin {
		if e.kind == shut && e.person == s.approved.person && e.call > s.approved.ret {
			s.struck = min(s.struck, e.ret)
		}
	}
	for _, e := range admin {
		mine := e.person == s.approved.person && e.call <= s.struck
		if e.kind == rotate || e.kind == shut && mine || e.kind == open && mine && e.call <= s.approved.ret {
			s.others = append(s.others, e)
		}
	}
}

// revokes tells whether e may end the login.
func (s *story) revokes(e event) bool {
	switch e.kind {
	case shut:
		return e.ret >= s.approved.call
	case redeem, logOut:
		return e.surelyRevokes() || e.ret == forever
	case advance:
		return e.surelyRevokes() || e.ret == forever && s.mayBeReuse(e)
	}
	return false
}

// surelyRevokes tells whether e, of a client, ended its login, and its node knows that.
func (e event) surelyRevokes() bool {
	return e.status == 400 && (e.kind == redeem || e.kind == advance) || e.status == 200 && e.kind == logOut
}

// refusedBy tells whether a node ever refused the login.
func (s *story) refusedBy(node int) bool {
	return slices.ContainsFunc(s.own, func(e event) bool { return e.node == node && (e.status == 401 || e.status == 403) })
}

// operationsLocked returns the story of a login for the checker: for each revocation that may end it, there is an
// operation for each node: that it hears.
func (h *history) operationsLocked(s *story) []porcupine.Operation {
	var list []porcupine.Operation
	bits := 0
	put := func(o operation) {
		// In the picture each has a line of its own, because they may overlap.
		list = append(list, porcupine.Operation{ClientId: len(list), Input: o, Call: o.call, Return: o.ret})
	}
	for _, e := range append(s.own, s.others...) {
		o := operation{event: e}
		if s.revokes(e) {
			o.revocation = 1 << bits
			if bits++; bits > 64 {
				panic("a login with more than 64 revocations")
			}
			for node := range skews {
				heard := event{kind: hear, login: s.approved.login, node: node, call: e.call, ret: h.deadlineLocked(node, e.call, e.ret), key: uint32(bits)}
				switch {
				case e.surelyRevokes() && e.node == node: // knows at once
				case e.call > s.struck: // knows already, or hears of the other one first
				case heard.ret == forever && !s.refusedBy(node): // nobody says that it heard
				default:
					put(operation{event: heard, revocation: o.revocation})
				}
			}
		}
		put(o)
		if o.revocation != 0 && e.kind == advance && e.ret == forever {
			o.revokes = true
			put(o)
		}
	}
	return list
}
