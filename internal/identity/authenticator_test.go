package identity

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

func TestPasswordLetsInWhoHasIt(t *testing.T) {
	w := newWorld(t)
	at := attempt("alice", "203.0.113.1")
	at.Password = password
	if p, err := w.Password(t.Context(), at, noon); err != nil || p.ID != w.alice.ID {
		t.Errorf("Password of alice = %+v, %v; want alice", p, err)
	}
}

// Nobody may learn from an answer who there is.
func TestEveryKindOfNoIsOneAnswer(t *testing.T) {
	w := newWorld(t)
	w.add(t, "broken", "$argon2id$not a hash")
	w.add(t, "passkey", "")
	long := string(make([]byte, MaxPassword+1))
	for _, tt := range []struct{ why, name, password string }{
		{"wrong password", "alice", "wrong"},
		{"empty password", "alice", ""},
		{"password longer than any", "alice", long},
		{"nobody of that name", "mallory", password},
		{"no name", "", password},
		{"a name in another case", "Alice", password},
		{"a name with blanks", " alice", password},
		{"a name that no person can have", "../../\x00", password},
		{"disabled, right password", "bob", password},
		{"disabled, wrong password", "bob", "wrong"},
		{"hash that cannot be read", "broken", password},
		{"no password set", "passkey", ""},
	} {
		_, err := w.Password(t.Context(), Attempt{Name: tt.name, Password: tt.password, Address: netip.MustParseAddr("203.0.113.1")}, noon)
		fault, ok := err.(*signin.Fault)
		if !ok || fault.Kind != signin.PasswordWrong || fault.Message != "The name or the password is wrong." || fault.RetryAfter != 0 {
			t.Errorf("%s: %v, want the one answer", tt.why, err)
		}
	}
}

// The time of an answer must not tell either. The shortest of a few is compared, because a busy machine only adds.
func TestUnknownPersonTakesAsLongAsWrongPassword(t *testing.T) {
	w := newWorld(t)
	hash, err := HashPassword(password)
	must(t, err)
	w.add(t, "real", hash)
	disabled := w.add(t, "gone", hash)
	must(t, w.store.DisablePerson(t.Context(), disabled.ID, noon, noon))
	attempts := []struct{ name, password string }{{"real", "wrong"}, {"nobody", "wrong"}, {"gone", "wrong"}, {"gone", password}}
	shortest := []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour}
	for round := range 6 { // in turn, so that a busy moment is the same for all
		for i, at := range attempts {
			begin := time.Now()
			w.Password(t.Context(), Attempt{Name: at.name, Password: at.password, Address: netip.AddrFrom4([4]byte{203, 0, 113, byte(round)})}, noon)
			shortest[i] = min(shortest[i], time.Since(begin))
		}
	}
	for i, got := range shortest {
		if known := shortest[0]; got < known/2 || got > known*2 {
			t.Errorf("answer for %v takes %v, for a known person %v; want about the same", attempts[i], got, known)
		}
	}
}

func TestGuessingIsStoppedAndSuccessIsNotCounted(t *testing.T) {
	w := newWorld(t)
	right, wrong := attempt("alice", "203.0.113.1"), attempt("alice", "203.0.113.1")
	right.Password = password
	for i := range 3 * pairBurst {
		if _, err := w.Password(t.Context(), right, noon); err != nil {
			t.Fatalf("sign-in %d: %v", i+1, err)
		}
	}
	for range pairBurst {
		w.Password(t.Context(), wrong, noon)
	}
	if _, err := w.Password(t.Context(), right, noon); signin.KindOf(err) != signin.Throttled {
		t.Errorf("attempt after %d failed: %v, want Throttled, whatever the password", pairBurst, err)
	}
	if _, err := w.Password(t.Context(), right, noon.Add(pairEvery)); err != nil {
		t.Errorf("attempt after waiting: %v", err)
	}
}

// While somebody guesses from everywhere, the person waits a little at a new browser, and not at all at a known one.
func TestAttackDelaysOnlyUnknownBrowsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.store.Close()
		for i := range nameBurst + 10 {
			w.throttle.fail(1, attempt("alice", fmt.Sprint("198.18.0.", i)), false, noon)
		}
		try := func(device seal.Device) time.Duration {
			t.Helper()
			begin := time.Now()
			at := Attempt{Name: "alice", Password: password, Address: netip.MustParseAddr("203.0.113.1"), Device: device}
			if _, err := w.Password(t.Context(), at, noon); err != nil {
				t.Errorf("alice with device %v: %v", device, err)
			}
			return time.Since(begin)
		}
		device := seal.Device{ID: [16]byte{1}, PersonID: w.alice.ID, Issued: noon.Add(-time.Minute)}
		if took := try(device); took != 0 {
			t.Errorf("at a known browser it took %v, want no delay", took)
		}
		for why, d := range map[string]seal.Device{
			"an unknown browser":                           {},
			"a browser of another person":                  {ID: [16]byte{2}, PersonID: w.bob.ID, Issued: noon},
			"a browser of nobody":                          {ID: [16]byte{3}, PersonID: "AIDANOBODYNOBODYNOBO", Issued: noon},
			"a browser known before the password's change": {ID: [16]byte{4}, PersonID: w.alice.ID, Issued: noon.Add(-2 * time.Hour)},
		} {
			if took := try(d); took != nameMaxDelay {
				t.Errorf("at %s it took %v, want %v", why, took, nameMaxDelay)
			}
		}
	})
}

// The delay must not become a way to fill the memory.
func TestDelayedAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Authenticator{}
		begin, done := time.Now(), make(chan time.Duration)
		for range maxDelayed + 7 {
			go func() {
				a.wait(t.Context(), time.Minute)
				done <- time.Since(begin)
			}()
		}
		quick := 0
		for range maxDelayed + 7 {
			if <-done == 0 {
				quick++
			}
		}
		if quick != 7 || a.delayed.Load() != 0 {
			t.Errorf("%d went on without delay, %d are still counted; want 7, 0", quick, a.delayed.Load())
		}
	})
}
