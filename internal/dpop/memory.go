package dpop

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const (
	// shards is how many locks share the work.
	shards = 32
	// perWindow is how many generations a window is cut into. More forget more promptly, and cost more small maps.
	perWindow = 4
	// margin covers requests that read the time before others did, and are answered after them. It is also the shortest
	// generation.
	margin = 10 * time.Second
	// generations is how many can be alive: acceptable proofs are forgotten from now to two windows and the margin from
	// now, which touches at most that many spans.
	generations = 2*perWindow + 3
)

// Memory remembers which proofs were answered, with what body and at which step, so that a client that sends a request
// again after a lost answer gets the same answer, and a captured proof gives nobody anything else (RFC 9449 section
// 11.1).
//
// It grows by answered proofs only: call Answer when everything else about the request was found good, so that nobody
// fills it with requests that are refused. A proof is forgotten soon after its iat has left the window, when Verify
// refuses it anyway; one that is issued now stays for a window and a quarter. An answered proof costs about 60 bytes.
//
// It belongs to one process. Another one answers a captured proof for the step in which it was made, which callers see to
// (signin.Session.StepFor), and so with what it gave before.
//
// Any number of goroutines may use it.
type Memory struct {
	span   int64 // seconds of a generation
	keep   int64 // seconds from a proof's iat to when it may be forgotten
	shards [shards]shard
}

// shard holds the proofs whose ID begins with certain bits.
type shard struct {
	mu     sync.Mutex
	oldest int64                   // number of the oldest generation that is not forgotten
	ring   [generations]generation // generation n at n % generations, for n from oldest
}

// generation holds the proofs that may be forgotten in one span of time, number·span seconds after 1970 and on. Keys
// and values hold no pointers, so the garbage collector does not walk them.
type generation struct {
	number  int64
	answers map[short]answer
}

// short is the first 96 bits of a SHA-256. To find other bytes with the same, for a proof or body that somebody else
// made, takes 2⁹⁶ tries. With it an entry has 28 bytes, which the blocks of a Go map hold without waste.
type short [12]byte

type answer struct {
	body short
	step int32
}

// NewMemory returns an empty Memory for proofs that a Verifier with that window accepted.
func NewMemory(window time.Duration) *Memory {
	seconds := int64((window + time.Second - 1) / time.Second)
	slack := int64(margin / time.Second)
	return &Memory{
		span: max(slack, (seconds+perWindow-1)/perWindow),
		keep: seconds + slack,
	}
}

// Answer asks which step p is answered for. body is the SHA-256 of the request body; step is the current step of the
// session that p refreshes, from 0 to 2³¹−1.
//
// The first call for p records body and step, and returns step; later calls with the same body return the step of the
// first. Faults: ProofReplayed when p was answered for another body; ProofStale when its iat lies outside the window,
// so that it may have been forgotten.
func (m *Memory) Answer(p Proof, body [sha256.Size]byte, step int64, now time.Time) (int64, error) {
	key, asked := short(p.ID[:12]), short(body[:12])
	number := (p.IssuedAt.Unix() + m.keep) / m.span
	s := &m.shards[key[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now.Unix() / m.span)
	if number < s.oldest || number >= s.oldest+generations {
		return 0, signin.Refuse(signin.ProofStale, "DPoP proof: its time is too far from now to tell whether it was answered before; make a new proof")
	}
	g := &s.ring[number%generations]
	if g.answers == nil {
		*g = generation{number: number, answers: make(map[short]answer)}
	}
	first, seen := g.answers[key]
	if !seen {
		g.answers[key] = answer{body: asked, step: int32(step)}
		return step, nil
	}
	if first.body != asked {
		return 0, signin.Refuse(signin.ProofReplayed, `DPoP proof: it was answered before for another request body; make a new proof with its own "jti" for each request`)
	}
	return int64(first.step), nil
}

// Len returns how many proofs are remembered at now, for metrics. It also frees what may be forgotten, which otherwise
// happens as proofs arrive.
func (m *Memory) Len(now time.Time) int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		s.advance(now.Unix() / m.span)
		for j := range s.ring {
			n += len(s.ring[j].answers)
		}
		s.mu.Unlock()
	}
	return n
}

// advance drops the generations before current. The caller holds the lock.
//
// A clock that is set back by less than a window does not bring back what was forgotten: those proofs stay refused.
// One that is set back further had been wrong by more than any proof may be, so the shard begins anew; else it would
// refuse every proof until the clock has caught up.
func (s *shard) advance(current int64) {
	if current < s.oldest-perWindow {
		s.ring = [generations]generation{}
		s.oldest = current
	}
	if current <= s.oldest {
		return
	}
	s.oldest = current
	for i := range s.ring {
		if s.ring[i].number < current {
			s.ring[i] = generation{}
		}
	}
}
