package identity

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func attempt(name, address string) Attempt {
	return Attempt{Name: name, Password: "guess", Address: netip.MustParseAddr(address)}
}

// fail makes n attempts that fail, and returns how many of them were refused.
func (t *throttle) fail(n int, at Attempt, known bool, now time.Time) (refused int) {
	for range n {
		if _, _, err := t.admit(at, known, now); err != nil {
			refused++
		}
	}
	return refused
}

func TestGuessingFromOneAddressIsSlow(t *testing.T) {
	th := newThrottle()
	if refused := th.fail(pairBurst, attempt("alice", "203.0.113.1"), false, noon); refused != 0 {
		t.Errorf("%d of the first %d attempts were refused, want 0", refused, pairBurst)
	}
	_, _, err := th.admit(attempt("alice", "203.0.113.1"), false, noon)
	fault, ok := err.(*signin.Fault)
	if !ok || fault.Kind != signin.Throttled || fault.RetryAfter != pairEvery || !strings.Contains(fault.Message, "Try again in 30 seconds.") {
		t.Errorf("next attempt: %+v, want Throttled that says to wait 30 seconds", err)
	}
	if _, _, err := th.admit(attempt("alice", "203.0.113.1"), false, noon.Add(pairEvery)); err != nil {
		t.Errorf("attempt after waiting: %v, want none refused", err)
	}
	if _, _, err := th.admit(attempt("alice", "::ffff:203.0.113.1"), false, noon.Add(pairEvery)); err == nil {
		t.Error("attempt from the same address in the form of IPv6 was let through")
	}
}

func TestSprayingNamesFromOneAddressIsSlow(t *testing.T) {
	th := newThrottle()
	for i := range addressBurst {
		if _, _, err := th.admit(attempt(fmt.Sprint("name", i), "203.0.113.1"), false, noon); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	if _, _, err := th.admit(attempt("one more", "203.0.113.1"), false, noon); signin.KindOf(err) != signin.Throttled {
		t.Errorf("attempt %d: %v, want Throttled", addressBurst+1, err)
	}
}

// A person behind an address that is throttled for others' attempts has all of their own left.
func TestRefusedAttemptIsNotCounted(t *testing.T) {
	th := newThrottle()
	for i := range addressBurst {
		th.admit(attempt(fmt.Sprint("name", i), "203.0.113.1"), false, noon)
	}
	if refused := th.fail(3*pairBurst, attempt("alice", "203.0.113.1"), false, noon); refused != 3*pairBurst {
		t.Fatalf("%d of %d attempts were refused, want all", refused, 3*pairBurst)
	}
	later := noon.Add(pairBurst * addressEvery)
	if refused := th.fail(pairBurst, attempt("alice", "203.0.113.1"), false, later); refused != 0 {
		t.Errorf("%d of %d attempts were refused after waiting for the address, want 0", refused, pairBurst)
	}
}

// Whoever has one address of an IPv6 /64 has all of them.
func TestIPv6NetworkIsOneAddress(t *testing.T) {
	th := newThrottle()
	for i := range pairBurst {
		th.admit(attempt("alice", fmt.Sprintf("2001:db8:1:2::%x", i+1)), false, noon)
	}
	if _, _, err := th.admit(attempt("alice", "2001:db8:1:2:ffff::1"), false, noon); signin.KindOf(err) != signin.Throttled {
		t.Errorf("sixth address of the /64: %v, want Throttled", err)
	}
	if _, _, err := th.admit(attempt("alice", "2001:db8:1:3::1"), false, noon); err != nil {
		t.Errorf("address of another /64: %v, want none", err)
	}
}

// The attack: fail in a person's name from everywhere, to keep the person out.
func TestNobodyCanLockAnotherOut(t *testing.T) {
	th := newThrottle()
	for i := range 5000 {
		th.fail(2*pairBurst, attempt("alice", fmt.Sprintf("198.18.%d.%d", i/250, i%250)), false, noon)
	}
	delay, _, err := th.admit(attempt("alice", "203.0.113.7"), false, noon)
	if err != nil || delay <= 0 || delay > nameMaxDelay {
		t.Errorf("alice at a browser of her own, not known: delay %v, %v; want one of at most %v", delay, err, nameMaxDelay)
	}
	known := attempt("alice", "198.18.0.1") // even behind an address that attacks
	known.Device = seal.Device{ID: [16]byte{1}, PersonID: "AIDA"}
	delay, _, err = th.admit(known, true, noon)
	if err != nil || delay != 0 {
		t.Errorf("alice at a known browser: delay %v, %v; want none", delay, err)
	}
	if delay, _, err := th.admit(attempt("bob", "203.0.113.7"), false, noon); err != nil || delay != 0 {
		t.Errorf("bob: delay %v, %v; want none", delay, err)
	}
}

// A stolen device cookie must not give unlimited attempts.
func TestKnownBrowserHasItsOwnLimit(t *testing.T) {
	th := newThrottle()
	at := attempt("alice", "203.0.113.1")
	at.Device = seal.Device{ID: [16]byte{1}, PersonID: "AIDA"}
	if refused := th.fail(deviceBurst+3, at, true, noon); refused != 3 {
		t.Errorf("%d of %d attempts were refused, want 3", refused, deviceBurst+3)
	}
}

func TestAttemptThatIsForgivenDoesNotCount(t *testing.T) {
	th := newThrottle()
	for i := range 10 * addressBurst {
		delay, forgive, err := th.admit(attempt("alice", "203.0.113.1"), false, noon)
		if err != nil || delay != 0 {
			t.Fatalf("attempt %d after successes only: delay %v, %v", i+1, delay, err)
		}
		forgive()
	}
	if n := th.pairs.Len() + th.addresses.Len() + th.names.Len() + th.devices.Len(); n != 0 {
		t.Errorf("%d entries after successes only, want 0", n)
	}
}
