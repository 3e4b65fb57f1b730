package dpop

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const window = 5 * time.Minute

// numbered returns a proof that differs from all with another n.
func numbered(n int, issued time.Time) Proof {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return Proof{ID: sha256.Sum256(b[:]), IssuedAt: issued}
}

func body(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// A client whose answer was lost sends the same proof and body again, perhaps in a later step: it gets the step of the
// first answer. Whoever sends the proof with another body gets nothing.
func TestProofBelongsToItsFirstAnswer(t *testing.T) {
	m := NewMemory(window)
	p := numbered(1, now)
	calls := []struct {
		body string
		step int64
		at   time.Duration
		want int64
		kind signin.Kind
	}{
		{"refresh-0", 3, 0, 3, -1},
		{"refresh-0", 3, time.Second, 3, -1},
		{"refresh-0", 4, 4 * time.Minute, 3, -1},
		{"refresh-1", 4, 4 * time.Minute, 0, signin.ProofReplayed},
		{"refresh-1", 3, 0, 0, signin.ProofReplayed},
		{"refresh-0", 4, 5 * time.Minute, 3, -1},
	}
	for i, c := range calls {
		got, err := m.Answer(p, body(c.body), c.step, now.Add(c.at))
		if c.kind == -1 {
			if err != nil || got != c.want {
				t.Errorf("call %d: Answer = %d, %v, want %d", i, got, err, c.want)
			}
		} else if signin.KindOf(err) != c.kind {
			t.Errorf("call %d: Answer: %v, want %v", i, err, c.kind)
		}
	}
	if got, err := m.Answer(numbered(2, now), body("refresh-1"), 7, now); err != nil || got != 7 {
		t.Errorf("another proof: Answer = %d, %v, want 7", got, err)
	}
}

// As long as Verify accepts a proof, Memory knows it; and not for ever.
func TestProofIsRememberedWhileItIsAccepted(t *testing.T) {
	for _, w := range []time.Duration{time.Second, 7 * time.Second, time.Minute, window, time.Hour} {
		for _, skew := range []time.Duration{-w, -w / 2, 0, w / 3, w} {
			m := NewMemory(w)
			issued := now.Add(skew).Truncate(time.Second)
			p := numbered(1, issued)
			if _, err := m.Answer(p, body("a"), 1, now); err != nil {
				t.Fatalf("window %v, skew %v: Answer: %v", w, skew, err)
			}
			last := issued.Add(w)
			step := max(w/40, 100*time.Millisecond)
			for at := now; !at.After(last); at = at.Add(step) {
				m.Len(at)
				if got, err := m.Answer(p, body("a"), 2, at); err != nil || got != 1 {
					t.Fatalf("window %v, skew %v, after %v: Answer = %d, %v, want 1", w, skew, at.Sub(now), got, err)
				}
				if _, err := m.Answer(p, body("b"), 2, at); signin.KindOf(err) != signin.ProofReplayed {
					t.Fatalf("window %v, skew %v, after %v: Answer: %v, want ProofReplayed", w, skew, at.Sub(now), err)
				}
			}
			if n := m.Len(last.Add(w/2 + 2*margin)); n != 0 {
				t.Errorf("window %v, skew %v: %d proofs remembered half a window too late", w, skew, n)
			}
		}
	}
}

// A proof that may have been forgotten is refused rather than answered as new.
func TestForgottenProofIsNotNew(t *testing.T) {
	m := NewMemory(window)
	p := numbered(1, now)
	if _, err := m.Answer(p, body("a"), 1, now); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Duration{10 * time.Minute, 9 * time.Minute /* the clock goes back */, time.Hour} {
		if _, err := m.Answer(p, body("b"), 1, now.Add(at)); signin.KindOf(err) != signin.ProofStale {
			t.Errorf("after %v: Answer: %v, want ProofStale", at, err)
		}
	}
	if _, err := m.Answer(numbered(2, now.Add(24*time.Hour)), body("a"), 1, now.Add(time.Hour)); signin.KindOf(err) != signin.ProofStale {
		t.Errorf("a proof of tomorrow: Answer: %v, want ProofStale", err)
	}
}

// A clock that is set back a little does not bring forgotten proofs back to life.
func TestClockSetBackDoesNotReviveProofs(t *testing.T) {
	m := NewMemory(window)
	p := numbered(1, now)
	if _, err := m.Answer(p, body("a"), 1, now); err != nil {
		t.Fatal(err)
	}
	gone := now.Add(window + window/perWindow + 2*margin)
	if n := m.Len(gone); n != 0 {
		t.Fatalf("%d proofs remembered at %v, want 0", n, gone)
	}
	back := now.Add(window) // Verify would accept it
	if _, err := m.Answer(numbered(33, back), body("a"), 1, back); err != nil {
		t.Errorf("a new proof: Answer: %v", err)
	}
	if _, err := m.Answer(p, body("b"), 1, back); signin.KindOf(err) != signin.ProofStale {
		t.Errorf("the forgotten proof: Answer: %v, want ProofStale", err)
	}
}

// A clock that was a year ahead, and is set right, must not stop all refreshes for a year.
func TestClockSetBackDoesNotStopRefreshes(t *testing.T) {
	m := NewMemory(window)
	m.Len(now.AddDate(1, 0, 0))
	for i := range 200 {
		if got, err := m.Answer(numbered(i, now), body("a"), 5, now); err != nil || got != 5 {
			t.Fatalf("Answer = %d, %v, want 5", got, err)
		}
	}
}

// Of many calls at one time with different steps, all get the step of one.
func TestRacingRetriesGetOneStep(t *testing.T) {
	m := NewMemory(window)
	for round := range 50 {
		p := numbered(round, now)
		steps := make([]int64, 16)
		var wg sync.WaitGroup
		for i := range steps {
			wg.Go(func() {
				got, err := m.Answer(p, body("a"), int64(i), now)
				if err != nil {
					t.Errorf("Answer: %v", err)
				}
				steps[i] = got
			})
		}
		wg.Go(func() { m.Len(now) })
		wg.Wait()
		for _, s := range steps {
			if s != steps[0] {
				t.Fatalf("round %d: steps %v, want all the same", round, steps)
			}
		}
	}
}

// An hour of refreshes: what is held is what came in a window and some, and an entry costs about what the doc says.
func TestMemoryIsBounded(t *testing.T) {
	const perSecond, seconds = 500, 1200
	m := NewMemory(window)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range perSecond * seconds {
		at := now.Add(time.Duration(i/perSecond) * time.Second)
		if _, err := m.Answer(numbered(i, at), body("a"), 1, at); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := m.Len(now.Add(seconds * time.Second))
	if low, high := 300*perSecond, 400*perSecond; n < low || n > high {
		t.Errorf("%d proofs remembered, want %d to %d", n, low, high)
	}
	each := float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
	t.Logf("%d proofs, %.1f bytes each", n, each)
	if each > 80 {
		t.Errorf("a proof costs %.1f bytes, want at most 80", each)
	}
	runtime.KeepAlive(m)
}
