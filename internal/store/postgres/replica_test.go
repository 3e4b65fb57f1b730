package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var (
	later = noon.Add(12 * time.Hour)
	acme  = store.Account{ID: "111122223333", Name: "Acme", Created: noon}
	alice = store.Person{ID: "AIDAALICE00000000000", Name: "alice", PasswordHash: "old", Created: noon, PasswordChanged: noon}
	admin = store.Role{ID: "AROAADMIN00000000000", Account: acme.ID, Name: "Admin", Policy: "old", Created: noon}
)

// asked counts the reads that the replica was asked for, by what came of them.
type asked struct {
	mu               sync.Mutex
	answered, behind int
	failed           int
}

func (a *asked) observe(_ context.Context, operation string, _ time.Duration, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case operation != "replica":
	case err == nil:
		a.answered++
	case errors.Is(err, errBehind):
		a.behind++
	default:
		a.failed++
	}
}

// since returns the counts, and begins again.
func (a *asked) since() (answered, behind, failed int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	answered, behind, failed = a.answered, a.behind, a.failed
	a.answered, a.behind, a.failed = 0, 0, 0
	return answered, behind, failed
}

func (a *asked) want(t *testing.T, when string, answered, behind, failed int) {
	t.Helper()
	if x, y, z := a.since(); x != answered || y != behind || z != failed {
		t.Errorf("%s: the replica answered %d, was behind %d and failed %d times, want %d, %d and %d", when, x, y, z, answered, behind, failed)
	}
}

// caughtUp waits until the standby shows all that the primary has.
func caughtUp(t *testing.T, primary, standby *pglocal.Server) {
	t.Helper()
	var at string
	if err := beside(t, primary.URL("postgres")).QueryRow(t.Context(), `SELECT pg_current_wal_lsn()::text`).Scan(&at); err != nil {
		t.Fatal(err)
	}
	c := beside(t, standby.URL("postgres"))
	for number(t, c, `SELECT count(*) FROM (SELECT 1) AS one WHERE pg_last_wal_replay_lsn() >= $1::text::pg_lsn`, at) == 0 {
		time.Sleep(time.Millisecond)
	}
}

func must(t testing.TB, call string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v", call, err)
	}
}

// A replica that has not heard what this node has heard could let in whoever was just thrown out, and the session would
// never end: it would say that it heard of the notice that was to end it.
func TestReplicaIsNotBelievedBehindWhatThisNodeHeard(t *testing.T) {
	ctx := t.Context()
	primary := pgtest.Start(t, pglocal.Options{})
	other := open(t, primary.URL("postgres")) // another node, where the changes are made
	must(t, "AddAccount", other.AddAccount(ctx, acme))
	must(t, "AddPerson", other.AddPerson(ctx, alice))
	must(t, "AddRole", other.AddRole(ctx, admin))
	must(t, "Assign", other.Assign(ctx, alice.ID, admin.ID))
	standby := pgtest.Standby(t, primary, pglocal.Options{})
	var count asked
	s := openOptions(t, Options{URL: primary.URL("postgres"), Replica: standby.URL("postgres"), Observe: count.observe})
	read := func() (hash string, disabled bool, policy string, roles int) {
		t.Helper()
		byName, err := s.PersonByName(ctx, alice.Name)
		must(t, "PersonByName", err)
		byID, err := s.PersonByID(ctx, alice.ID)
		must(t, "PersonByID", err)
		role, err := s.RoleByName(ctx, acme.ID, admin.Name)
		must(t, "RoleByName", err)
		held, err := s.AssignmentsOf(ctx, alice.ID)
		must(t, "AssignmentsOf", err)
		if byName != byID {
			t.Errorf("PersonByName = %+v, PersonByID = %+v", byName, byID)
		}
		return byName.PasswordHash, byName.Disabled, role.Policy, len(held)
	}

	caughtUp(t, primary, standby)
	if hash, _, policy, roles := read(); hash != "old" || policy != "old" || roles != 1 {
		t.Errorf("at the replica: hash %s, policy %s and %d roles, want what was added", hash, policy, roles)
	}
	count.want(t, "replica with everything", 4, 0, 0)

	// The standby receives, but does not show.
	run(t, beside(t, standby.URL("postgres")), `SELECT pg_wal_replay_pause()`)
	must(t, "SetPassword", other.SetPassword(ctx, alice.ID, "new", noon, later))
	must(t, "SetRolePolicy", other.SetRolePolicy(ctx, admin.ID, "new", true, noon, later))
	must(t, "Unassign", other.Unassign(ctx, alice.ID, admin.ID, noon, later))
	if hash, _, policy, roles := read(); hash != "old" || policy != "old" || roles != 1 {
		t.Errorf("before the notices were heard: hash %s, policy %s and %d roles, want the replica's", hash, policy, roles)
	}
	count.want(t, "before the notices were heard", 4, 0, 0)
	heard, err := s.NoticesAfter(ctx, 0, 10)
	if err != nil || len(heard) != 3 {
		t.Fatalf("NoticesAfter = %v, %v, want 3", heard, err)
	}
	if hash, _, policy, roles := read(); hash != "new" || policy != "new" || roles != 0 {
		t.Errorf("after the notices were heard: hash %s, policy %s and %d roles, want the primary's", hash, policy, roles)
	}
	count.want(t, "after the notices were heard", 0, 4, 0)

	run(t, beside(t, standby.URL("postgres")), `SELECT pg_wal_replay_resume()`)
	caughtUp(t, primary, standby)
	if hash, _, policy, roles := read(); hash != "new" || policy != "new" || roles != 0 {
		t.Errorf("at the replica that caught up: hash %s, policy %s and %d roles, want the new", hash, policy, roles)
	}
	count.want(t, "replica that caught up", 4, 0, 0)
	readsBesideTheReplica(t, s, other, standby, &count)
}

// readsBesideTheReplica goes on with s, whose replica has everything.
func readsBesideTheReplica(t *testing.T, s, other *Store, standby *pglocal.Server, count *asked) {
	ctx := t.Context()
	run(t, beside(t, standby.URL("postgres")), `SELECT pg_wal_replay_pause()`)

	// What was announced here counts as heard here.
	must(t, "DisablePerson", s.DisablePerson(ctx, alice.ID, noon, later))
	if p, err := s.PersonByName(ctx, alice.Name); err != nil || !p.Disabled {
		t.Errorf("PersonByName after DisablePerson here = %+v, %v, want disabled", p, err)
	}
	count.want(t, "after a change here", 0, 1, 0)

	// Where the replica has nothing, it may only not have it yet.
	bob := store.Person{ID: "AIDABOB0000000000000", Name: "bob", Created: noon, PasswordChanged: noon}
	must(t, "AddPerson", other.AddPerson(ctx, bob))
	run(t, beside(t, standby.URL("postgres")), `SELECT pg_wal_replay_resume()`)
	if _, err := s.PersonByName(ctx, bob.Name); err != nil {
		t.Errorf("PersonByName of one who was added a moment ago = %v", err)
	}
	for {
		if _, behind, _ := count.since(); behind == 0 {
			break
		}
		if _, err := s.PersonByName(ctx, alice.Name); err != nil {
			t.Fatal(err)
		}
	}
	run(t, beside(t, standby.URL("postgres")), `SELECT pg_wal_replay_pause()`)

	// That somebody was enabled is not announced.
	must(t, "EnablePerson", other.EnablePerson(ctx, alice.ID))
	if p, err := s.PersonByName(ctx, alice.Name); err != nil || p.Disabled {
		t.Errorf("PersonByName after EnablePerson elsewhere = %+v, %v, want enabled", p, err)
	}
	count.since()

	// These never ask the replica.
	code := session(noon)
	must(t, "RedeemCode", s.RedeemCode(ctx, code))
	_, err := s.SessionByID(ctx, code.ID)
	must(t, "SessionByID", err)
	must(t, "AddRingKeys", s.AddRingKeys(ctx, 0, []store.RingKey{{ID: 1, Wrapped: []byte("w")}}))
	if ring, err := s.RingKeys(ctx); err != nil || len(ring) != 1 {
		t.Errorf("RingKeys = %v, %v, want the one that was added", ring, err)
	}
	must(t, "Announce", other.Announce(ctx, signin.Notice{Subject: "x"}))
	if got, err := s.NoticesAfter(ctx, 0, 10); err != nil || got[len(got)-1].Subject != "x" {
		t.Errorf("NoticesAfter = %v, %v, want the newest last", got, err)
	}
	count.want(t, "reads of the primary", 0, 0, 0)

	// A replica that is gone costs one try.
	if err := standby.Kill(); err != nil {
		t.Fatal(err)
	}
	standbyGone(t, s, count)
}

func standbyGone(t *testing.T, s *Store, count *asked) {
	t.Helper()
	for range 5 {
		if _, err := s.PersonByName(t.Context(), alice.Name); err != nil {
			t.Errorf("PersonByName without the replica = %v", err)
		}
	}
	if answered, _, failed := count.since(); answered != 0 || failed == 0 {
		t.Errorf("a replica that is gone answered %d and failed %d times", answered, failed)
	}
	if !s.replica.resting.Load() {
		t.Error("a replica that is gone is asked again and again")
	}
}

// The standby takes the place of the primary, which is gone: everything that was answered is there.
func TestStoreGoesOnAtThePromotedStandby(t *testing.T) {
	ctx := t.Context()
	primary := pgtest.Start(t, pglocal.Options{})
	standby := pgtest.Standby(t, primary, pglocal.Options{})
	both := "postgres://postgres@" + primary.Address() + "," + standby.Address() + "/postgres?sslmode=disable"
	s := open(t, both)
	list := codes(20)
	for _, c := range list {
		must(t, "RedeemCode", s.RedeemCode(ctx, c))
	}
	must(t, "Announce", s.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: "a"}))
	must(t, "Kill", primary.Kill())
	if err := s.AddAccount(ctx, acme); err == nil {
		t.Error("AddAccount while only a standby is there = nil, want an error")
	}
	must(t, "Promote", standby.Promote(ctx))
	for _, c := range list {
		if err := s.RedeemCode(ctx, c); !errors.Is(err, store.ErrSpent) {
			t.Fatalf("RedeemCode again after the failover = %v, want ErrSpent", err)
		}
	}
	must(t, "RedeemCode", s.RedeemCode(ctx, session(noon)))
	must(t, "Announce", s.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: "b"}))
	got, err := s.NoticesAfter(ctx, 0, 10)
	if err != nil || len(got) != 2 || got[0].Subject != "a" || got[1].Subject != "b" {
		t.Errorf("NoticesAfter the failover = %v, %v, want a and b", got, err)
	}
}
