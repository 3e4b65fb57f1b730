// Package notice keeps what no longer holds: it polls the store for notices, and answers whether a notice ended a
// session or a signed-in browser. Sessions in, a fault or nothing out, without touching the database.
package notice

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Board holds every live notice in memory. It is safe for concurrent use.
//
// Notices are few: a row for each revoked session, changed password or removed assignment of the last hours.
type Board struct {
	source store.Notices
	limit  time.Duration

	mu    sync.RWMutex
	heard time.Time     // when all that the source had was read
	last  signin.Notice // of the highest Seq seen; zero: none
	ended map[signin.Reason]map[string]entry
	count map[signin.Reason]uint64 // notices read since the start
	reset uint64                   // how often the source turned out to be another copy
	lower bool                     // the numbers that sessions carry are above those of the source

	// ahead is the highest number that a session carried when it was above all that was heard; 0: none did.
	ahead atomic.Int64
}

// entry is the latest notice about a subject.
type entry struct {
	seq         int64 // 0: announced here, and not read back yet
	at, expires time.Time
	// lost is the time of the latest notice that another copy of the database does not have; zero: there is none.
	lost time.Time
}

// skew is more than the clocks of nodes may be apart. What began this much before a notice was given is over whatever the
// numbers say: those begin again lower where an old copy of the database was restored.
const skew = 10 * time.Minute

// Open reads every notice of the source. limit is how long the board may hear nothing before Fresh says so.
func Open(ctx context.Context, source store.Notices, limit time.Duration, now time.Time) (*Board, error) {
	b := &Board{source: source, limit: limit, ended: map[signin.Reason]map[string]entry{}, count: map[signin.Reason]uint64{}}
	if err := b.Poll(ctx, now); err != nil {
		return nil, err
	}
	b.count = map[signin.Reason]uint64{}
	return b, nil
}

// Resets returns how often the database turned out to be an older copy since the board was opened.
func (b *Board) Resets() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.reset
}

// Announce records n in the source and heeds it here at once, without waiting for the next Poll.
func (b *Board) Announce(ctx context.Context, n signin.Notice) error {
	if err := b.source.Announce(ctx, n); err != nil {
		return fmt.Errorf("announce notice: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(n)
	return nil
}

// put needs the lock.
func (b *Board) put(n signin.Notice) {
	of := b.ended[n.Reason]
	if of == nil {
		of = map[string]entry{}
		b.ended[n.Reason] = of
	}
	e := of[n.Subject]
	e.seq = max(e.seq, n.Seq)
	if n.Seq > 0 && !n.At.Before(e.lost) {
		e.lost = time.Time{} // the copy has it, or a later one
	}
	if e.at.Before(n.At) {
		e.at = n.At
	}
	if e.expires.Before(n.Expires) {
		e.expires = n.Expires
	}
	of[n.Subject] = e
}

// Prune forgets notices that expired before now.
func (b *Board) Prune(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, of := range b.ended {
		for subject, e := range of {
			if e.expires.Before(now) {
				delete(of, subject)
			}
		}
	}
}

// Len returns how many notices are held.
func (b *Board) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := 0
	for _, of := range b.ended {
		n += len(of)
	}
	return n
}

// Count returns how many notices were read since the board was opened, by reason.
func (b *Board) Count() map[signin.Reason]uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return maps.Clone(b.count)
}

// CatchUp is a Poll that returns the Seq of the newest notice heard. What is issued on the strength of the directory
// carries this number, taken before the directory and the board were asked: then every change that was missed has a
// notice with a higher one, however far the clocks of nodes are apart.
func (b *Board) CatchUp(ctx context.Context, now time.Time) (asOf int64, err error) {
	if err := b.Poll(ctx, now); err != nil {
		return 0, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.last.Seq, nil
}

// Read returns how many notices of that reason were read since the board was opened.
func (b *Board) Read(reason signin.Reason) uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.count[reason]
}

// Heard returns when the source last answered.
func (b *Board) Heard() time.Time {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.heard
}

// Fresh returns nil, or an Overloaded fault when the board has heard nothing for longer than its limit. Then nobody here
// can know whether a session was revoked, so no session may be accepted.
func (b *Board) Fresh(now time.Time) error {
	// By the time of the wall: a machine that slept heard nothing either.
	if b.limit > 0 && now.Round(0).Sub(b.Heard()) > b.limit {
		return &signin.Fault{
			Kind:       signin.Overloaded,
			Message:    "This server has not heard of revocations for too long, so it accepts no session until it does. Try again shortly.",
			RetryAfter: 5 * time.Second,
		}
	}
	return nil
}

// Ended tells whether a notice with that reason and subject ended what was issued at issued, by somebody who had heard of
// notices up to asOf.
func (b *Board) Ended(reason signin.Reason, subject string, asOf int64, issued time.Time) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if asOf > b.last.Seq {
		b.meet(asOf)
	}
	e, ok := b.ended[reason][subject]
	if !ok {
		return false
	}
	// Where an older copy of the database was restored, a higher number says nothing.
	meaningless := b.lower && asOf > b.last.Seq && e.at.Add(skew).After(issued)
	return e.seq > asOf || meaningless || e.at.After(issued.Add(skew)) || !e.lost.IsZero() && e.lost.Add(skew).After(issued)
}

// meet notes that a session carries a number above all that was heard here. Either another node heard it first, and the next
// poll brings it; or there is no such number any more.
func (b *Board) meet(asOf int64) {
	for {
		ahead := b.ahead.Load()
		if asOf <= ahead || b.ahead.CompareAndSwap(ahead, asOf) {
			return
		}
	}
}

// Named tells whether there is a notice with that reason and subject at all. It is for subjects that are the one thing
// that the notice ended, such as a session.
func (b *Board) Named(reason signin.Reason, subject string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	_, ok := b.ended[reason][subject]
	return ok
}

// Revoked tells whether the session was revoked.
func (b *Board) Revoked(id signin.SessionID) bool { return b.Named(signin.RevokedSession, id.String()) }

// Check returns nil while s holds, else the fault that says why it is over.
func (b *Board) Check(s signin.Session) error {
	if b.Revoked(s.ID) {
		return signin.Refuse(signin.SessionRevoked, "This session was revoked. Sign in again.")
	}
	if id, ok := signin.ParseDynamicClientID(s.ClientID); ok && b.Named(signin.RemovedClient, id.String()) {
		return signin.Refuse(signin.SessionRevoked, "The client of this session was removed. Ask the administrator.")
	}
	return b.CheckPrincipal(s.Principal, s.AsOf, s.Issued)
}

// CheckPrincipal returns nil while p, who was let in at issued on what was known up to asOf, still holds, else the fault
// that says what changed.
func (b *Board) CheckPrincipal(p signin.Principal, asOf int64, issued time.Time) error {
	switch {
	case b.Ended(signin.DisabledPerson, p.PersonID, asOf, issued):
		return signin.Refuse(signin.PermissionMissing, "This person was disabled since the login. Sign in again; if that is refused, ask the administrator.")
	case b.Ended(signin.ChangedCredentials, p.PersonID, asOf, issued):
		return signin.Refuse(signin.CredentialsChanged, "The password was changed since the login. Sign in again with the new one.")
	case b.Ended(signin.RemovedAssignment, signin.AssignmentSubject(p.PersonID, p.RoleID), asOf, issued):
		return signin.Refuse(signin.PermissionMissing, "The role %s in account %s is no longer assigned to this person. Ask the administrator.", p.Role, p.Account)
	case b.Ended(signin.DeniedRole, p.RoleID, asOf, issued):
		return signin.Refuse(signin.PermissionMissing, "The policy of role %s in account %s no longer allows signin:CreateOAuth2Token. Ask the administrator.", p.Role, p.Account)
	case b.Ended(signin.ChangedRole, p.RoleID, asOf, issued):
		return signin.Refuse(signin.SessionRevoked, "The policy of role %s in account %s was changed since the login. Sign in again.", p.Role, p.Account)
	case b.Ended(signin.ChangedPolicies, p.PersonID, asOf, issued),
		b.Ended(signin.ChangedPolicies, p.RoleID, asOf, issued),
		b.Ended(signin.ChangedPolicies, p.Account, asOf, issued):
		return signin.Refuse(signin.SessionRevoked, "The policies that apply to this person in role %s of account %s were changed since the login. Sign in again.", p.Role, p.Account)
	}
	return nil
}
