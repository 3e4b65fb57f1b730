package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/identity"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/server"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/postgres"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	base     = "https://signin.example.com"
	account  = "111122223333"
	roleName = "Developer"
	password = "correct horse battery"
)

// shared is what all nodes have in their configuration. Codes live longer than by default, because clocks are 6 minutes
// apart, and because time may jump while a code is on its way.
const shared = `base_urls: [` + base + `]
root_key: {file: root.key}
id_token: {algorithm: ES256}
lifetimes: {code: 1h}
limits: {client: {per_second: 0}, address: {per_second: 0}}
registration: {address: {per_second: 0}}
log: {level: warn, format: text}
shutdown: {delay: 400ms, timeout: 5s}
`

// skews are by how much the clocks of the nodes are wrong.
var skews = []time.Duration{0, keyring.Skew, -keyring.Skew}

// person is somebody who signs in.
type person struct {
	id, name string
	fickle   bool // is shut out and let in again by the administrator
}

// site is everything that one test has.
type site struct {
	*testing.T
	plan
	dir, binary string
	config      config.Config
	db          *database
	store       *postgres.Store
	root        *keyring.Root
	ring        atomic.Pointer[keyring.Ring] // opens what nodes have sealed
	url         string                       // of the database, for the administrator and for onlookers
	nodes       []*node
	people      []person
	history     *history
	rules       rules
	crowd       crowd
	auditor     testkit.Credentials // of a service user who may do everything
	admin       [2]*link            // from the administrator to the servers
	complaints  atomic.Int64
	keepers     []*login // of earlier phases, with a session

	// world is held for reading by every request, and for writing while time jumps.
	world  sync.RWMutex
	offset time.Duration // it is later by this in the world of the nodes
}

// newSite starts a database and three nodes.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, plan: planned(t), dir: t.TempDir(), history: newHistory()}
	var builds sync.WaitGroup
	builds.Go(func() { s.binary = build(t, s.dir) })
	s.db = startDatabase(t)
	builds.Wait()
	key := keyring.NewRootKey()
	s.write("root.key", key)
	s.write("clock", "0s")
	for i, target := range s.db.addresses() {
		s.admin[i] = newLink(t, target)
	}
	s.url = urlThrough([2]string{s.admin[0].address(), s.admin[1].address()})
	s.write("admin.yaml", fmt.Sprintf("listen: 127.0.0.1:1\ndatabase: {url: %q}\n%s", s.url, shared))
	var err error
	if s.config, err = config.Read(filepath.Join(s.dir, "admin.yaml")); err != nil {
		t.Fatal(err)
	}
	if s.root, err = keyring.ParseRoot(key); err != nil {
		t.Fatal(err)
	}
	if s.store, err = postgres.Open(t.Context(), postgres.Options{URL: s.url, Connections: 2, Now: s.now()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	s.fill()
	for i, skew := range skews {
		env := append(s.env(), "REHEARSAL_CLOCK="+skew.String())
		n := newNode(t, i, s.binary, s.dir, shared, s.db.addresses(), env)
		s.nodes = append(s.nodes, n)
	}
	s.atAllNodes(func(n *node) error { return n.start() })
	s.rules = rules{s.config.Lifetimes.Signin(), s.readRing()}
	s.hireAuditor()
	s.crowd = crowd{shut: map[int]bool{}, out: map[int]bool{}, browsers: map[int]*browser{}}
	s.signInAll()
	return s
}

// readRing opens the ring as an onlooker, and returns the keys that seal.
func (s *site) readRing() (keys []ringKey) {
	s.Helper()
	ring, err := keyring.Open(s.Context(), s.store, s.root, server.RingOptions(s.config), s.now())
	if err != nil {
		s.Fatal(err)
	}
	rows, err := s.store.RingKeys(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for _, row := range rows {
		if row.Purpose == "seal" {
			keys = append(keys, ringKey{row.ID, row.UseFrom})
		}
	}
	s.ring.Store(ring)
	return keys
}

// fill makes the directory: six people with one role, of whom the administrator leaves three alone.
func (s *site) fill() {
	s.Helper()
	hash, err := identity.HashPassword(password)
	if err != nil {
		s.Fatal(err)
	}
	now, ctx := s.now(), s.Context()
	role := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: account, Name: roleName, Policy: everything, Created: now}
	steps := []error{
		s.store.AddAccount(ctx, store.Account{ID: account, Name: "Test", Created: now}), s.store.AddRole(ctx, role),
		s.store.AddResource(ctx, store.Resource{Resource: signin.Resource{Account: account, Identifier: resource, Service: signin.ServiceOf(resource)}, Created: now}),
	}
	for i := range 6 {
		p := person{id: signin.NewUniqueID(signin.PrefixPerson), name: fmt.Sprint("steady-", i), fickle: i >= 3}
		if p.fickle {
			p.name = fmt.Sprint("fickle-", i)
		}
		s.people = append(s.people, p)
		steps = append(steps,
			s.store.AddPerson(ctx, store.Person{ID: p.id, Name: p.name, PasswordHash: hash, Created: now, PasswordChanged: now.Add(-time.Hour)}),
			s.store.Assign(ctx, p.id, role.ID))
	}
	for _, err := range steps {
		if err != nil {
			s.Fatal(err)
		}
	}
}

// everything is what all may do: tools and agents alike.
const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:*","Resource":"*"}}`

// hireAuditor adds a service user who may ask about tokens, revoke them, and rule from where people come.
func (s *site) hireAuditor() {
	s.Helper()
	now, key := s.now(), s.ring.Load().AccessKeyKey()
	u := store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: account, Name: "auditor", Policy: everything, Created: now}
	k := store.AccessKey{ID: signin.NewUniqueID(signin.PrefixAccessKey), User: u.ID, RingKey: key.ID(), Created: now}
	for _, err := range []error{s.store.AddServiceUser(s.Context(), u), s.store.AddAccessKey(s.Context(), k)} {
		if err != nil {
			s.Fatal(err)
		}
	}
	s.auditor = testkit.Credentials{AccessKeyID: k.ID, SecretAccessKey: credential.LongLivedSecret(key, k.ID)}
}

func (s *site) write(name, text string) {
	s.Helper()
	// The clock is read at any moment, so it is replaced and never half there.
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.Fatal(err)
	}
}

func (s *site) env() []string {
	return []string{"REHEARSAL_CLOCK_FILE=" + filepath.Join(s.dir, "clock")}
}

// now is the time in the world of the nodes. Whoever calls it while others may jump holds the world.
func (s *site) now() time.Time { return time.Now().Add(s.offset) }

// jump makes it later everywhere, between two requests. It returns when every node but those that are cut off has heard
// from the database since.
func (s *site) jump(d time.Duration, cutOff ...*node) {
	s.Helper()
	s.world.Lock()
	defer s.world.Unlock()
	s.offset += d
	s.write("clock", s.offset.String())
	// Nodes look after their rings once a minute, which is not over when time only jumps; so they are told to.
	told := signin.Notice{Reason: signin.ChangedRing, At: s.now(), Expires: s.now().Add(time.Hour)}
	if err := s.store.Announce(s.Context(), told); err != nil {
		s.Fatal(err)
	}
	for _, n := range s.nodes {
		if contains(cutOff, n) {
			continue
		}
		began, said := time.Now(), ""
		if !await(func() bool {
			if _, body := n.ready(); time.Since(began) > 2*time.Second {
				said = body
			}
			return n.hears()
		}) {
			s.Fatalf("node %d is not ready after time went on by %v: %s", n.number, d, said)
		}
		if said != "" {
			s.Logf("node %d was ready only %v after time went on by %v: %s", n.number, time.Since(began).Round(time.Millisecond), d, said)
		}
	}
}

func contains(nodes []*node, n *node) bool {
	for _, other := range nodes {
		if other == n {
			return true
		}
	}
	return false
}

// atAllNodes does something at all nodes at once.
func (s *site) atAllNodes(do func(*node) error) {
	s.Helper()
	errs := make([]error, len(s.nodes))
	var all sync.WaitGroup
	for i, n := range s.nodes {
		all.Go(func() { errs[i] = do(n) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			s.Fatal(err)
		}
	}
}

// command runs a command of the administrator.
func (s *site) command(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary, append(args, "--config", filepath.Join(s.dir, "admin.yaml"))...)
	cmd.Env = append(os.Environ(), s.env()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("latchkey %q: %w: %s", args, err, out)
	}
	return string(out), err
}

// complain fails the test, with words for the first few times only: what goes wrong under load goes wrong often.
func (s *site) complain(format string, args ...any) {
	s.Helper()
	switch n := s.complaints.Add(1); {
	case n <= 10:
		s.Errorf(format, args...)
	case n == 11:
		s.Error("and so on")
	}
}
