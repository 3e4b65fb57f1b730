package cluster

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// How many work at once. Whoever logs in may wait for a database that does not answer; whoever refreshes never does.
const (
	loginWorkers   = 3
	refreshWorkers = 4
	agentWorkers   = 3
)

// load is clients at work.
type load struct {
	*site
	stop atomic.Bool
	work sync.WaitGroup

	mu     sync.Mutex
	logins []*login // of tools, with a session
	grants []*login // the same of agents
	codes  []*login // all, also those whose redemption was not answered
	agents []*agent // whose registration was answered
}

// begin starts the load of a phase.
func (s *site) begin(phase uint64) *load {
	w := &load{site: s}
	for i := range loginWorkers {
		w.work.Go(func() { w.logIn(s.random(phase<<8|uint64(i)), i) })
	}
	for i := range refreshWorkers {
		w.work.Go(func() { w.refreshMuch(s.random(phase<<8 | 0x40 | uint64(i))) })
	}
	for i := range agentWorkers {
		w.work.Go(func() { w.workAsAgent(s.random(phase<<8 | 0x20 | uint64(i))) })
	}
	w.work.Go(func() { w.administer(s.random(phase<<8 | 0x80)) })
	return w
}

// end ends the load and waits until all have their answers.
func (w *load) end() {
	w.stop.Store(true)
	w.work.Wait()
}

func (w *load) pause(rng *rand.Rand, most time.Duration) {
	time.Sleep(time.Duration(rng.Int64N(int64(most))))
}

// logIn signs people in, and sometimes sends a code twice: at once, as a nervous client does, or later, as a thief. Some log
// out again, or do so twice.
func (w *load) logIn(rng *rand.Rand, worker int) {
	browsers := make([]*browser, len(w.people))
	for i := range browsers {
		browsers[i] = w.browser(i)
	}
	for !w.stop.Load() {
		w.pause(rng, 40*time.Millisecond)
		person := rng.IntN(len(w.people))
		l := newLogin(person)
		if !w.approve(w.pick(rng), browsers[person], l, w.isShut(person)) {
			continue
		}
		w.mu.Lock()
		w.codes = append(w.codes, l)
		w.mu.Unlock()
		var twin sync.WaitGroup
		if rng.IntN(8) == 0 {
			second, n := w.newRedemption(l), w.pick(rng)
			twin.Go(func() { w.redeem(n, l, second) })
		}
		q := w.newRedemption(l)
		a := w.persist(rng, w.pick(rng), func(n *node) answer { return w.redeem(n, l, q) })
		twin.Wait()
		if _, token := l.now(); token != "" {
			w.mu.Lock()
			w.logins = append(w.logins, l)
			w.mu.Unlock()
		}
		if a.status != http.StatusOK {
			continue
		}
		if rng.IntN(12) == 0 {
			w.pause(rng, 200*time.Millisecond)
			w.redeem(w.pick(rng), l, w.newRedemption(l))
		}
		if rng.IntN(12) == 0 {
			w.pause(rng, 200*time.Millisecond)
			for range 1 + rng.IntN(2) {
				w.logOut(w.pick(rng), l, rng.IntN(2) == 0)
			}
		}
	}
}

// refreshMuch refreshes the sessions of all, as many programs with one cache file do.
func (w *load) refreshMuch(rng *rand.Rand) {
	stranger := testkit.NewKey()
	for !w.stop.Load() {
		w.pause(rng, 12*time.Millisecond)
		l := w.anyLogin(rng)
		if l == nil {
			continue
		}
		if rng.IntN(40) == 0 {
			w.steal(w.pick(rng), l, stranger)
			continue
		}
		q := w.newRefresh(l, l.key)
		a := w.persist(rng, w.pick(rng), func(n *node) answer { return w.refresh(n, l, q) })
		if a.status == http.StatusOK && rng.IntN(4) == 0 { // its answer was lost on the way, say
			w.persist(rng, w.pick(rng), func(n *node) answer { return w.refresh(n, l, q) })
		}
	}
}

// anyLogin returns one of the newest logins, more often a new one.
func (w *load) anyLogin(rng *rand.Rand) *login {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.logins) == 0 {
		return nil
	}
	const newest = 40
	return w.logins[len(w.logins)-1-rng.IntN(min(newest, len(w.logins)))]
}

// administer shuts people out and lets them in again, in either of two ways.
func (w *load) administer(rng *rand.Rand) {
	fickle := slices.IndexFunc(w.people, func(p person) bool { return p.fickle })
	for !w.stop.Load() {
		person := fickle + rng.IntN(len(w.people)-fickle)
		name := w.people[person].name
		ways := [2][]string{{"user", "disable", name}, {"user", "enable", name}}
		if rng.IntN(2) == 0 {
			ways = [2][]string{{"role", "unassign", account, roleName, name}, {"role", "assign", account, roleName, name}}
		}
		w.setShut(person, true)
		w.insist(shut, person, ways[0])
		w.pause(rng, 150*time.Millisecond)
		w.insist(open, person, ways[1])
		w.setShut(person, false)
		w.pause(rng, 150*time.Millisecond)
	}
}

// insist runs a command of the administrator until it succeeds. One that fails may have had its effect, and so it took
// effect between the first call and the last return. It is the same effect each time, so it counts once.
func (w *load) insist(k kind, person int, args []string) {
	e := event{kind: k, login: -1, person: person, call: w.history.now(), ret: forever}
	for range 50 {
		_, err := w.command(w.Context(), args...)
		// Without an answer, it had its effect before.
		if err == nil || k == shut && strings.Contains(err.Error(), "there is no assignment") {
			e.ret = w.history.now()
			w.history.add(e)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	w.history.add(e)
	w.Errorf("the administrator does not get through: latchkey %v", args)
}
