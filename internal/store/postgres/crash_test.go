package postgres

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// crashRounds is an environment variable with the number of times to kill the server; 3 when it is not set.
const crashRounds = "LATCHKEY_PG_CRASH_ROUNDS"

// A server that is killed takes nothing with it that was answered, and brings nothing back that was not.
func TestKilledServerLosesNothingThatWasAnswered(t *testing.T) {
	rounds := 3
	if v := os.Getenv(crashRounds); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("%s: %v", crashRounds, err)
		}
		rounds = n
	}
	server := pgtest.Start(t, pglocal.Options{}) // on the disk, and with fsync
	l := &load{t: t, nodes: []*Store{open(t, server.URL("postgres")), open(t, server.URL("postgres"))}}
	must(t, "AddAccount", l.nodes[0].AddAccount(t.Context(), acme))
	must(t, "AddRole", l.nodes[0].AddRole(t.Context(), store.Role{ID: admin.ID, Account: acme.ID, Name: admin.Name, Policy: "0"}))
	for range 3 {
		l.rotations = append(l.rotations, newRotation(t, l.nodes))
	}
	for round := range rounds {
		l.answers.Store(0)
		l.killAfter(server, int64(20+rand.IntN(1500)))
		must(t, "Restart", server.Restart(t.Context()))
		l.check()
		if t.Failed() {
			t.Fatalf("in round %d, after %d answers", round, l.answers.Load())
		}
	}
	l.checkAll()
	generations := int64(0)
	for _, r := range l.rotations {
		generations += r.from
	}
	t.Logf("%d rounds: %d codes redeemed, %d notices given, %d generations advanced, %d writes of which the outcome was not known",
		rounds, len(l.redeemed), len(l.announced), generations, l.unknown.Load())
}

// load writes to a server from two nodes until it is killed.
type load struct {
	t         *testing.T
	nodes     []*Store
	rotations []*rotation

	answers, unknown atomic.Int64

	mu         sync.Mutex
	attempted  []signin.Session           // in this round
	winners    map[signin.SessionID]int64 // calls of this round that redeemed the code
	announced  []string                   // subjects of notices that were answered, of all rounds
	redeemed   []signin.SessionID         // of all rounds
	lastPolicy int
}

// killAfter runs the load, and kills the server when about n writes were answered.
func (l *load) killAfter(server *pglocal.Server, n int64) {
	l.attempted, l.winners = nil, make(map[signin.SessionID]int64)
	killed := make(chan struct{})
	enough := sync.OnceFunc(func() {
		go func() {
			defer close(killed)
			if err := server.Kill(); err != nil {
				l.t.Error(err)
			}
		}()
	})
	var writers sync.WaitGroup
	until := func(write func(i int) error) {
		writers.Go(func() {
			for i := 0; ; i++ {
				err := write(i)
				if errors.Is(err, errUnknown) {
					l.unknown.Add(1)
				}
				if err != nil && !errors.Is(err, store.ErrSpent) {
					return
				}
				if l.answers.Add(1) >= n {
					enough()
				}
			}
		})
	}
	for range 8 {
		until(l.redeemAtBoth)
	}
	for i := range 2 {
		until(func(int) error { return l.announce(l.nodes[i]) })
	}
	until(func(int) error { return l.changePolicy() })
	for _, r := range l.rotations {
		until(func(int) error { return r.advance() })
	}
	writers.Wait()
	enough() // something else ended the load
	<-killed
}

// redeemAtBoth redeems one code at both nodes at once.
func (l *load) redeemAtBoth(int) error {
	code := session(noon)
	l.mu.Lock()
	l.attempted = append(l.attempted, code)
	l.mu.Unlock()
	var errs [2]error
	var both sync.WaitGroup
	for i, s := range l.nodes {
		both.Go(func() { errs[i] = l.redeem(s, code) })
	}
	both.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, store.ErrSpent) {
			return err
		}
	}
	return nil
}

func (l *load) redeem(s *Store, code signin.Session) error {
	err := s.RedeemCode(l.t.Context(), code)
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.winners[code.ID]++
		l.redeemed = append(l.redeemed, code.ID)
	}
	return err
}

func (l *load) announce(s *Store) error {
	subject := signin.NewSessionID(noon).String()
	err := s.Announce(l.t.Context(), signin.Notice{Reason: signin.RevokedSession, Subject: subject})
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.announced = append(l.announced, subject)
	}
	return err
}

// changePolicy counts in the policy of a role, so that the number of notices about it can be told from it.
func (l *load) changePolicy() error {
	err := l.nodes[0].SetRolePolicy(l.t.Context(), admin.ID, strconv.Itoa(l.lastPolicy+1), true, noon, later)
	if err == nil {
		l.lastPolicy++
	}
	return err
}

// check looks at the database after the server has come back.
func (l *load) check() {
	l.t.Helper()
	ctx := l.t.Context()
	for i, code := range l.attempted {
		before := l.winners[code.ID]
		err := l.redeem(l.nodes[i%2], code)
		switch {
		case err != nil && !errors.Is(err, store.ErrSpent):
			l.t.Errorf("RedeemCode after the crash = %v", err)
		case l.winners[code.ID] > 1:
			l.t.Errorf("a code was redeemed %d times, %d of them before the crash", l.winners[code.ID], before)
		}
		if _, err := l.nodes[i%2].SessionByID(ctx, code.ID); err != nil && i%10 == 0 {
			l.t.Errorf("SessionByID of a code that was redeemed = %v", err)
		}
	}
	for _, r := range l.rotations {
		r.check()
	}
	role, err := l.nodes[0].RoleByName(ctx, acme.ID, admin.Name)
	if err != nil {
		l.t.Fatalf("RoleByName after the crash = %v", err)
	}
	policy, err := strconv.Atoi(role.Policy)
	if err != nil || policy < l.lastPolicy || policy > l.lastPolicy+1 {
		l.t.Errorf("the policy is %q, %v, want %d or the next, which may have been on its way", role.Policy, err, l.lastPolicy)
	}
	l.lastPolicy = policy
}

// checkAll looks for everything that was answered in any round: an earlier crash must not come back to life either.
func (l *load) checkAll() {
	l.t.Helper()
	ctx := l.t.Context()
	subjects := make(map[string]int)
	changes := 0
	for after := int64(0); ; {
		got, err := l.nodes[1].NoticesAfter(ctx, after, 1000)
		must(l.t, "NoticesAfter", err)
		if len(got) == 0 {
			break
		}
		for _, n := range got {
			if n.Seq <= after {
				l.t.Fatalf("NoticesAfter gave Seq %d after %d", n.Seq, after)
			}
			after = n.Seq
			if subjects[n.Subject]++; n.Reason == signin.DeniedRole {
				changes++
			}
		}
	}
	for _, subject := range l.announced {
		if subjects[subject] != 1 {
			l.t.Errorf("a notice that was answered is there %d times", subjects[subject])
		}
	}
	if changes != l.lastPolicy {
		l.t.Errorf("there are %d notices of a changed policy, want one for each of the %d changes", changes, l.lastPolicy)
	}
	for _, id := range l.redeemed {
		if _, err := l.nodes[0].SessionByID(ctx, id); err != nil {
			l.t.Errorf("SessionByID of a code that was redeemed = %v", err)
		}
	}
}
