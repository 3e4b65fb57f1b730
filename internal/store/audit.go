package store

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// AuditEvent is one line of the audit trail. It holds names and ids, never anything secret.
type AuditEvent struct {
	// ID orders events: its first six bytes are the milliseconds of At, and the rest is random (see signin.SessionID).
	ID signin.SessionID
	At time.Time
	// Kind is one of package audit's closed list.
	Kind string
	// The rest is what the event is about; what does not apply is empty.
	Request   string // X-Amzn-RequestId of the request
	Session   string // signin.SessionID in the form of a UUID
	Client    string
	Principal string // ARN
	Person    string // id of the person
	Remote    string // address of the caller
	Detail    string // a sentence for the reader
}

// AuditQuery says which events are asked for.
type AuditQuery struct {
	// Before: only events with an ID below this. The zero value: all.
	Before signin.SessionID
	// Person: only events about the person of that id; empty: about anybody.
	Person string
	// Kind: only events of that kind; empty: of any. It is for a Person, of whom there are few enough to look through.
	Kind string
	// Limit is the most events that are returned; 0 or less: none.
	Limit int
}

// Audit keeps the audit trail.
type Audit interface {
	// RecordAudit keeps events; one whose ID is there already is passed over, so that a caller who does not know whether
	// it was kept may try again.
	RecordAudit(ctx context.Context, events []AuditEvent) error
	// AuditEvents returns the newest events that q asks for, by descending ID.
	AuditEvents(ctx context.Context, q AuditQuery) ([]AuditEvent, error)
	// SweepAudit deletes at most limit events that happened before then, oldest first, and returns how many.
	SweepAudit(ctx context.Context, then time.Time, limit int) (int, error)
}
