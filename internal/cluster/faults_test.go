package cluster

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

// fault is something that goes wrong, from its beginning to its end, while clients are at work.
type fault struct {
	name string
	do   func(*site, *rand.Rand)
}

var faults = []fault{
	{"a node is killed", killNode},
	{"a node is cut off, and a key comes into use", cutNode},
	{"the database is slow and refuses", disturbDatabase},
	{"the database is killed and the standby promoted", failOver},
	{"the program is upgraded or taken back", upgrade},
}

// Three nodes, one of them 3 minutes ahead and one 3 behind, and clients who redeem, refresh, bring codes twice and steal,
// agents who register and rotate their tokens, and an administrator who shuts people out. Whatever goes wrong, no code is
// redeemed twice, no generation has two successors, no login that was answered is lost, what is revoked is refused in time,
// everybody sees only what is theirs, and the refreshes of tools go on.
func TestNodesKeepTheirPromises(t *testing.T) {
	pgtest.Need(t)
	began := time.Now()
	s := newSite(t)
	s.Logf("a database, a standby and %d nodes: %v", len(s.nodes), time.Since(began).Round(time.Millisecond))
	rng := s.random(0)
	phase := uint64(0)
	for range s.rounds {
		for _, i := range rng.Perm(len(faults)) {
			phase++
			began := time.Now()
			w := s.begin(phase)
			s.wait()
			faults[i].do(s, rng)
			s.wait()
			w.end()
			s.audit(w)
			s.Logf("%s: %v", faults[i].name, time.Since(began).Round(time.Millisecond))
			if s.Failed() {
				s.Fatalf("stopped after: %s", faults[i].name)
			}
		}
	}
	s.finish()
	for _, quiet := range []struct {
		name string
		do   func()
	}{
		{"statements", s.switchStatements}, {"policies", s.attachPolicies}, {"without the database", s.withoutDatabase},
	} {
		began := time.Now()
		quiet.do()
		s.Logf("%s: %v", quiet.name, time.Since(began).Round(time.Millisecond))
	}
	s.verdict()
}

// wait lets the load go on for a while.
func (s *site) wait() { time.Sleep(s.span) }

// killNode kills one or two nodes as the kernel does when memory is short, and starts them again.
func killNode(s *site, rng *rand.Rand) {
	for _, i := range rng.Perm(len(s.nodes))[:1+rng.IntN(2)] {
		n := s.nodes[i]
		over := s.history.trouble(dead, i)
		n.kill()
		s.wait()
		if err := n.start(); err != nil {
			s.Fatal(err)
		}
		// A connection of before the end may be found broken by the first request after it.
		over(50 * time.Millisecond)
	}
}

// cutNode cuts a node off from the database, for so long that it must refuse. It goes on serving what it has served
// before, and what others have answered since; when it hears again, it refuses what was revoked; and then a key comes into
// use that was made while it heard nothing.
func cutNode(s *site, rng *rand.Rand) {
	n := s.nodes[rng.IntN(len(s.nodes))]
	forget := rng.IntN(2) == 0 && s.rounds > 1 // it takes a while until nobody waits for an answer on those any more
	over := s.history.trouble(away, n.number)
	n.cut()
	s.wait()
	s.rotate()
	s.jump(9*time.Minute, n)
	s.wait()
	refusing := s.history.trouble(deaf, n.number)
	s.jump(2*time.Minute, n)
	if status, body := n.ready(); status != http.StatusServiceUnavailable || !strings.Contains(body, "deaf") {
		s.Errorf("GET /readyz of a node without news for 11 minutes = %d %s, want 503 and deaf", status, body)
	}
	s.wait()
	healed := time.Now()
	n.heal(forget)
	if !await(n.hears) {
		s.Fatalf("node %d does not hear from the database", n.number)
	}
	s.Logf("node %d was cut off, and hears again after %v (old connections forgotten: %v)", n.number, time.Since(healed).Round(time.Millisecond), forget)
	refusing(0)
	if forget {
		over(forgottenFound)
	} else {
		over(hearAgain)
	}
	s.jump(10 * time.Minute) // so that the step in which it comes into use is under way
	s.wait()
}

const (
	// hearAgain is within what time a node that hears from the database again has all the news.
	hearAgain = time.Second
	// forgottenFound is the same where connections are dead and nobody was told: they are found one after the other.
	forgottenFound = 20 * time.Second
)

// rotate makes the next keys, and waits until every node that hears of them must have heard.
func (s *site) rotate() {
	s.Helper()
	e := event{kind: rotate, login: -1, call: s.history.now()}
	if _, err := s.command(s.Context(), "ring", "rotate"); err != nil {
		s.Fatal(err)
	}
	e.ret = s.history.now()
	time.Sleep(bound)
	keys := s.readRing()
	newest := keys[len(keys)-1]
	e.key, e.from = newest.id, newest.from
	s.history.add(e)
}

// disturbDatabase makes the network slow for one node, and resets the connections of another.
func disturbDatabase(s *site, rng *rand.Rand) {
	order := rng.Perm(len(s.nodes))
	over := s.history.trouble(away, order[1])
	for _, k := range s.nodes[order[0]].links {
		k.set(fair, 20*time.Millisecond)
	}
	for _, k := range s.nodes[order[1]].links {
		k.set(refused, 0)
	}
	s.wait()
	for _, i := range order[:2] {
		s.nodes[i].heal(false)
	}
	over(hearAgain)
}

// failOver kills the primary, and promotes the standby a while later. For the next time, it gets a standby of its own.
func failOver(s *site, _ *rand.Rand) {
	over := s.history.trouble(away, 0, 1, 2)
	if err := s.db.failover(s.Context(), s.wait); err != nil {
		s.Fatal(err)
	}
	over(2 * time.Second)
	s.wait()
	s.db.copyPrimary(s.T)
	for i, target := range s.db.addresses() {
		for _, n := range s.nodes {
			n.links[i].lead(target)
		}
		s.admin[i].lead(target)
	}
}

// upgrade replaces the nodes one by one with those of the other version, as an operator does behind a load balancer that
// asks /readyz. Nobody notices: there is no excuse for a failure.
func upgrade(s *site, _ *rand.Rand) {
	const variable = "REHEARSAL_SCHEMA="
	for _, n := range s.nodes {
		stopped, began := make(chan error, 1), time.Now()
		go func() { stopped <- n.stop() }()
		if !await(func() bool { status, _ := n.ready(); return status != http.StatusOK }) {
			s.Fatalf("node %d is told to stop, and stays ready", n.number)
		}
		s.takeOut(n, true)
		if err := <-stopped; err != nil {
			s.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			s.Logf("node %d took %v to stop", n.number, took.Round(time.Millisecond))
		}
		next := variable + "next"
		for i, v := range n.env {
			if strings.HasPrefix(v, variable) {
				n.env, next = append(n.env[:i:i], n.env[i+1:]...), ""
				break
			}
		}
		if next != "" {
			n.env = append(n.env, next)
		}
		if err := n.start(); err != nil {
			s.Fatal(err)
		}
		s.takeOut(n, false)
	}
}
