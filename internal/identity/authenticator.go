package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// PasswordMethod is the authentication method of Password (RFC 8176).
const PasswordMethod = "pwd"

// Attempt is what somebody typed, and from where.
type Attempt struct {
	Name     string
	Password string
	Address  netip.Addr
	// Device is what the browser's device cookie says, or the zero value; see Browsers.Device.
	Device seal.Device
}

// Authenticator checks passwords. It is safe for concurrent use. What it counts is of this process only.
type Authenticator struct {
	people   store.Directory
	throttle *throttle
	gate     *limit.Gate
	// delayed is how many attempts are waiting out a delay.
	delayed atomic.Int64
}

// maxDelayed is how many attempts may wait out a delay at a time. The delay is there to slow guessing, and must not
// become a way to fill the memory: the next attempt goes on without one, to the gate, which has its own bounds.
const maxDelayed = 512

// NewAuthenticator returns an Authenticator of the people in directory that runs as many hashes at a time as there are
// processors.
func NewAuthenticator(directory store.Directory) *Authenticator {
	return &Authenticator{people: directory, throttle: newThrottle(), gate: newGate(runtime.GOMAXPROCS(0))}
}

// The queue before the hashes is as long as its patience lasts at 40 ms each.
const (
	gateQueuePerSlot = 64
	gatePatience     = 3 * time.Second
)

// newGate lets as few hash at a time as there are slots: every hash takes a core for a while and its memory with it, so a
// flood of attempts must not run them all at once, nor keep them all waiting.
func newGate(slots int) *limit.Gate {
	return limit.NewGate(slots, slots*gateQueuePerSlot, gatePatience,
		"Too many people are signing in at this moment. Try again in a few seconds.")
}

// Password returns the person whose name and password the attempt has.
//
// A PasswordWrong fault says that the two do not belong together, and nothing else: it comes after the same work and
// with the same words when there is no such person, or when the person is disabled. With it comes the person whose name
// was typed, if there is one, for the audit trail only. A Throttled fault says when to try
// again; an Overloaded fault, that too many are being checked. Other errors are of the store.
func (a *Authenticator) Password(ctx context.Context, at Attempt, now time.Time) (store.Person, error) {
	known, err := a.knownDevice(ctx, at)
	if err != nil {
		return store.Person{}, err
	}
	delay, forgive, err := a.throttle.admit(at, known, now)
	if err != nil {
		return store.Person{}, err
	}
	person, err := a.check(ctx, at, delay)
	if err == nil || signin.KindOf(err) != signin.PasswordWrong {
		forgive()
	}
	return person, err
}

// knownDevice tells whether the attempt comes from a browser where the person of that name signed in before, and since
// the password was last changed.
func (a *Authenticator) knownDevice(ctx context.Context, at Attempt) (bool, error) {
	if at.Device.PersonID == "" {
		return false, nil
	}
	person, err := a.people.PersonByID(ctx, at.Device.PersonID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("find person of device: %w", err)
	}
	return person.Name == at.Name && at.Device.Issued.After(person.PasswordChanged), nil
}

// check looks at the attempt after the delay.
func (a *Authenticator) check(ctx context.Context, at Attempt, delay time.Duration) (store.Person, error) {
	if err := a.wait(ctx, delay); err != nil {
		return store.Person{}, err
	}
	if len(at.Password) > MaxPassword { // nobody has such a password, and its length is no news to whoever typed it
		return store.Person{}, wrong(nil)
	}
	person, err := a.people.PersonByName(ctx, at.Name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Person{}, fmt.Errorf("find person: %w", err)
	}
	h, usable := nobody(), false
	var cause error
	if err == nil && person.PasswordHash != "" {
		if parsed, bad := parseHash(person.PasswordHash); bad != nil {
			cause = fmt.Errorf("hash of person %s: %w", person.ID, bad)
		} else {
			h, usable = parsed, true
		}
	}
	leave, err := a.gate.Enter(ctx)
	if err != nil {
		return store.Person{}, err
	}
	matches := h.matches(at.Password)
	leave()
	if !matches || !usable || person.Disabled {
		return person, wrong(cause)
	}
	return person, nil
}

func (a *Authenticator) wait(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	defer a.delayed.Add(-1)
	if a.delayed.Add(1) > maxDelayed {
		return nil
	}
	return limit.Sleep(ctx, delay)
}

// wrong is the one answer for every kind of no; the cause is for the log.
func wrong(cause error) error {
	return signin.RefuseBecause(cause, signin.PasswordWrong, "The name or the password is wrong.")
}
