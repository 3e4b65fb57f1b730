package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// The kinds of events. The words are stored; never reuse one.
const (
	CodeReplayed     = "code-replayed"     // a code came a second time; the session that it had started was revoked
	ProofKeyRefused  = "proof-key-refused" // a refresh token was brought with another key than the session's
	ReuseSuspected   = "reuse-suspected"   // a refresh token was brought that is older than one that was brought before
	ReuseRevoked     = "reuse-revoked"     // the same, in an account whose sessions are revoked for it
	GrantReused      = "grant-reused"      // a dynamic client's refresh token was used twice; its session was revoked
	SessionRevoked   = "session-revoked"   // a session was ended at the wish of its holder, or of a caller who may
	SignInRefused    = "sign-in-refused"   // somebody typed a wrong password for a person that there is
	ClientRegistered = "client-registered" // a client registered itself
	RingChanged      = "ring-changed"      // an operator rotated, retired or rewrapped keys
	SignInKeptOut    = "sign-in-kept-out"  // somebody typed the right password in a network that permission statements exclude
	StatementPut     = "statement-put"     // a resource permission statement was added to an account
	StatementDeleted = "statement-deleted" // one was deleted
	PerimeterOn      = "perimeter-on"      // console authorization was switched on: the statements of an account take effect
	PerimeterOff     = "perimeter-off"     // it was switched off
	ApplicationAdded = "application-added" // an application for trusted identity propagation was added
)

const (
	// longest is how many events wait to be kept.
	longest = 4096
	// quiet is how long the same about the same is noted once: whoever repeats an attack must not fill the trail.
	quiet = time.Minute
	// batch is how many events are kept at a time.
	batch = 500
)

// Trail is the way of events to the store. It is safe for concurrent use.
type Trail struct {
	store store.Audit
	log   *slog.Logger

	mu     sync.Mutex
	queue  []store.AuditEvent
	recent map[subject]time.Time
	lost   uint64

	flushing sync.Mutex
}

// subject is what an event is about, as far as repetition goes.
type subject struct{ kind, session, person, client string }

// New returns a Trail that keeps events in st and writes each to log.
func New(st store.Audit, log *slog.Logger) *Trail {
	return &Trail{store: st, log: log, recent: map[subject]time.Time{}}
}

// Note takes e, and gives it an ID. It never waits. What was noted of the same kind, session, person and client within
// the last minute is passed over.
func (t *Trail) Note(e store.AuditEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.repeated(e) {
		t.take(e)
	}
}

// NoteEach is Note for what somebody was allowed to do: each time counts.
func (t *Trail) NoteEach(e store.AuditEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take(e)
}

// repeated tells whether the same was noted a moment ago. The caller holds the lock.
func (t *Trail) repeated(e store.AuditEvent) bool {
	about := subject{e.Kind, e.Session, e.Person, e.Client}
	if last, ok := t.recent[about]; ok && e.At.Sub(last).Abs() < quiet {
		return true
	}
	if len(t.recent) >= longest {
		t.forget(e.At)
	}
	t.recent[about] = e.At
	return false
}

// take puts e into the log and the queue. The caller holds the lock.
func (t *Trail) take(e store.AuditEvent) {
	e.ID = signin.NewSessionID(e.At)
	t.log.LogAttrs(context.Background(), slog.LevelInfo, "audit",
		slog.String("kind", e.Kind), slog.String("request_id", e.Request), slog.String("session", e.Session), slog.String("client", e.Client),
		slog.String("principal", e.Principal), slog.String("person_id", e.Person), slog.String("remote", e.Remote), slog.String("detail", e.Detail))
	if len(t.queue) >= longest {
		t.lost++
		return
	}
	t.queue = append(t.queue, e)
}

// forget makes room among what was noted recently. The caller holds the lock.
func (t *Trail) forget(now time.Time) {
	for about, at := range t.recent {
		if now.Sub(at).Abs() >= quiet {
			delete(t.recent, about)
		}
	}
	if len(t.recent) >= longest { // an attack with many faces; repetition is then noted again
		clear(t.recent)
	}
}

// Flush keeps what was noted. On an error it stays in the queue for the next time.
func (t *Trail) Flush(ctx context.Context) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	for {
		t.mu.Lock()
		n := min(batch, len(t.queue))
		events := t.queue[:n:n]
		t.mu.Unlock()
		if n == 0 {
			return nil
		}
		if err := t.keep(ctx, events); err != nil {
			return fmt.Errorf("keep audit events: %w", err)
		}
		t.mu.Lock()
		t.queue = append([]store.AuditEvent(nil), t.queue[n:]...)
		t.mu.Unlock()
	}
}

// keep keeps events. When the store answers and does not take them all together, each is kept by itself, so that one which
// cannot be kept does not hold up the others for ever. It is in the log.
func (t *Trail) keep(ctx context.Context, events []store.AuditEvent) error {
	err := t.store.RecordAudit(ctx, events)
	if err == nil || ctx.Err() != nil || signin.KindOf(err) == signin.Overloaded { // the store is away: asking on would take long
		return err
	}
	kept := 0
	for _, e := range events {
		if t.store.RecordAudit(ctx, []store.AuditEvent{e}) == nil {
			kept++
		}
	}
	if kept == 0 { // the store is away
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost += uint64(len(events) - kept)
	return nil
}

// Lost returns how many events could not be kept since the start, because the store was away for long or did not take them.
// They are in the log only.
func (t *Trail) Lost() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}
