package keyring

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

var seed = flag.Uint64("seed", 0, "seed of the random histories; 0: a new one")

// node is one of several servers on a database.
type node struct {
	ring  *Ring
	store *cut
	clock time.Duration // how far its clock is from the right time
}

func (n *node) now(at time.Time) time.Time { return at.Add(n.clock) }

// sealed is a token that somebody was given.
type sealed struct {
	token string
	key   uint32
	until time.Time
}

// history is a few days of three nodes whose clocks are wrong, on a database that they lose their way to, while keys are
// rotated and retired out of turn.
type history struct {
	t      *testing.T
	opts   Options
	random *rand.Rand
	nodes  []*node
	tokens []sealed
	dead   map[uint32]bool // keys that were retired out of turn
	sudden map[uint32]bool // keys that took their place at once
	// strict: nodes that are not ready serve nobody. Otherwise they do, which must go wrong.
	strict bool

	wrong    int // tokens that were refused, and should not be
	heldOver int // tokens of a retired key that were accepted, and should not be
	unready  int // how often a node was not ready
}

func newHistory(t *testing.T, seed uint64, publish time.Duration, strict bool) *history {
	h := &history{t: t, random: rand.New(rand.NewPCG(seed, 1)), dead: map[uint32]bool{}, sudden: map[uint32]bool{}, strict: strict}
	h.opts = Options{Issuer: options.Issuer, Algorithm: "ES256", Rotate: 2 * time.Hour, Publish: publish, Longest: 3 * time.Hour}
	path := filepath.Join(t.TempDir(), "latchkey.db")
	stores := []store.Store{openStore(t, path), openStore(t, path)}
	root := newRoot(t)
	for i, clock := range []time.Duration{-Skew, 0, Skew} {
		n := &node{store: &cut{Store: stores[i%2]}, clock: clock}
		n.ring = openRing(t, n.store, root, h.opts, n.now(day0))
		h.nodes = append(h.nodes, n)
	}
	return h
}

// run lets time pass. Each step is half a minute; each node loads the ring every minute when it reaches the database.
func (h *history) run(span time.Duration) {
	for at := day0; at.Before(day0.Add(span)); at = at.Add(30 * time.Second) {
		for i, n := range h.nodes {
			if h.random.IntN(40) == 0 { // for ten minutes, on average 20
				n.store.away = !n.store.away
				n.ring.Maintain(h.t.Context(), n.now(at)) // when it is back, it hears of all notices at once
			}
			if (int(at.Sub(day0)/(30*time.Second))+i)%2 == 0 {
				n.ring.Maintain(h.t.Context(), n.now(at)) // an error is that it is away
			}
		}
		h.interfere(at)
		h.serve(at)
	}
}

// interfere now and then rotates or retires keys from a node that reaches the database; the others that do hear of it.
func (h *history) interfere(at time.Time) {
	n := h.nodes[h.random.IntN(len(h.nodes))]
	if n.store.away || h.random.IntN(60) != 0 {
		return
	}
	if h.random.IntN(3) > 0 {
		rotate(h.t, n.ring, n.now(at), "seal")
	} else {
		id := n.ring.SealingKey(n.now(at)).ID()
		for _, k := range retire(h.t, n.ring, id, n.now(at)) {
			h.sudden[k.ID] = k.State == InUse
		}
		h.dead[id] = true
	}
	for _, other := range h.nodes {
		other.ring.Maintain(h.t.Context(), other.now(at))
	}
}

// serve has each node that serves seal a token, and open some of those that are still good.
func (h *history) serve(at time.Time) {
	var serving []*node
	for _, n := range h.nodes {
		if n.ring.Ready(n.now(at)) == nil || !h.strict {
			serving = append(serving, n)
		} else {
			h.unready++
		}
	}
	h.tokens = slices.DeleteFunc(h.tokens, func(s sealed) bool { return s.until.Before(at) })
	for _, n := range serving {
		k := n.ring.SealingKey(n.now(at))
		h.tokens = append(h.tokens, sealed{seal.SealRefresh(k, session(at), 0), k.ID(), at.Add(h.opts.Longest)})
	}
	picked := h.tokens[max(0, len(h.tokens)-3):] // the youngest, the oldest, and some in between
	picked = append(slices.Clone(picked), h.tokens[0], h.tokens[h.random.IntN(len(h.tokens))])
	for _, s := range picked {
		for _, n := range serving {
			opened := opens(n.ring, s.token)
			switch {
			case !opened && !h.dead[s.key] && !(h.sudden[s.key] && n.store.away): // see Retire
				h.wrong++
			case opened && h.dead[s.key] && !n.store.away:
				h.heldOver++
			}
		}
	}
}

// Whatever happens, no token is refused that is good, as long as a node that is not ready serves nobody; and a key that
// was retired out of turn opens on no node that reaches the database.
func TestNodesWithWrongClocksAndLostConnectionsAgree(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	for _, publish := range []time.Duration{10 * time.Minute, 20 * time.Minute} {
		h := newHistory(t, *seed, publish, true)
		h.run(8 * time.Hour)
		if h.wrong > 0 || h.heldOver > 0 {
			t.Errorf("keys are published for %v: %d good tokens were refused, %d of retired keys accepted; repeat with -seed %d", publish, h.wrong, h.heldOver, *seed)
		}
		if h.unready == 0 {
			t.Errorf("keys are published for %v: no node was ever away for too long; the history shows nothing", publish)
		}
	}
	// And the history is one in which it matters: without the rule, people are refused.
	h := newHistory(t, *seed, 10*time.Minute, false)
	h.run(12 * time.Hour)
	if h.wrong == 0 {
		t.Errorf("nodes that were not ready served, and no good token was refused; repeat with -seed %d", *seed)
	}
}

// The worst case: a node whose clock is late publishes a key right after another has loaded the ring and lost its way to
// the database, and a third, whose clock is early, uses it first. By then the second must not be ready.
func TestNodeThatMayLackAKeyInUseIsNotReady(t *testing.T) {
	st := newStore(t)
	root := newRoot(t)
	o := options
	o.Publish = 20 * time.Minute
	late, early, cutOff := openRing(t, st, root, o, day0), openRing(t, st, root, o, day0), openRing(t, st, root, o, day0)
	at := day0.Add(time.Hour)
	maintain(t, at, cutOff)
	next := rotate(t, late, at.Add(-Skew), "seal")[0].ID
	maintain(t, at.Add(Skew), early)
	for early.SealingKey(at.Add(Skew)).ID() != next {
		if err := cutOff.Ready(at); err != nil {
			t.Fatalf("before the key is in use, Ready = %v", err)
		}
		at = at.Add(time.Second)
	}
	if err := cutOff.Ready(at); err == nil {
		t.Error("another node seals with a key that this one lacks, and it is ready")
	}
}

// Publish is to exceed the difference of clocks, the time that a node serves without the database, and the time between
// two loads. Then a node that serves is ready, which is what the server's ten minutes are about.
func TestNodeIsReadyForAsLongAsItMayServeWithoutTheDatabase(t *testing.T) {
	const serves, loads = 10 * time.Minute, time.Minute
	for _, tt := range []struct {
		publish time.Duration
		ready   bool
	}{{serves + loads + 2*Skew + time.Second, true}, {serves + loads + 2*Skew, false}, {20 * time.Minute, true}, {10 * time.Minute, false}} {
		o := options
		o.Publish = tt.publish
		r := openRing(t, newStore(t), newRoot(t), o, day0)
		if err := r.Ready(day0.Add(serves + loads)); (err == nil) != tt.ready {
			t.Errorf("keys are published for %v: Ready %v after the ring was loaded = %v, want ready: %v", tt.publish, serves+loads, err, tt.ready)
		}
	}
}

// Several nodes find that it is time for the next keys, at once, over two connections. One set is made, again and again.
func TestRacingRotationsMakeOneSetOfKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	root := newRoot(t)
	stores := []store.Store{openStore(t, path), openStore(t, path)}
	var rings []*Ring
	for i := range 6 {
		rings = append(rings, openRing(t, stores[i%2], root, options, day0))
	}
	for round := range 3 {
		now := day0.Add(time.Duration(round+1) * 100 * day)
		var wg sync.WaitGroup
		for i, r := range rings {
			wg.Go(func() {
				var err error
				if round == 1 { // due by itself
					err = r.Maintain(t.Context(), now.Add(options.Rotate))
				} else {
					_, err = r.Rotate(t.Context(), now, nil)
				}
				if err != nil {
					t.Errorf("round %d, node %d: %v", round, i, err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		rows := rowsOf(t, stores[0])
		published := 0
		for _, row := range rows {
			if row.Created.Equal(now) || row.Created.Equal(now.Add(options.Rotate)) {
				published++
			}
		}
		if published != 3 {
			t.Errorf("round %d: %d nodes published %d keys, want 3", round, len(rings), published)
		}
		maintain(t, now.Add(options.Rotate), rings...)
		for i, r := range rings {
			if got, first := r.SealingKey(now.Add(day)).ID(), rings[0].SealingKey(now.Add(day)).ID(); got != first {
				t.Errorf("round %d: node %d seals with key %d, node 0 with %d", round, i, got, first)
			}
		}
	}
}
