package store

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Archive lets all that a database holds be copied to another database, also of another engine. It is for commands of the
// administrator; no request needs it.
type Archive interface {
	// Contents returns every record of the part, by ascending Key, which is the same order in every engine. It ends with
	// the first error. What others change meanwhile may be seen or not; nothing else is missed and nothing comes twice.
	// Memory does not grow with the number of records.
	Contents(ctx context.Context, p Part) iter.Seq2[Record, error]
	// Restore keeps records of one part as they are, in place of those with the same keys. ErrNotFound: what one of them
	// refers to is missing. ErrExists: a name is taken by a record with another key. With an error nothing changed.
	Restore(ctx context.Context, records []Record) error
	// Remove deletes the records of one part with the keys of records; those that are not there are passed over.
	Remove(ctx context.Context, records []Record) error

	// Mark returns what became of the database as a whole.
	Mark(ctx context.Context) (Mark, error)
	// SetMark replaces it. The zero value makes the database one that servers may use.
	SetMark(ctx context.Context, m Mark) error
	// MoveAway calls check and then marks the database as Moved to place. Where the engine can do it, nobody else writes
	// while check runs, and from the mark on every write fails, also of servers that run: then the mark and that are one
	// transaction, and nothing happened when check failed or this program was killed. Elsewhere (PostgreSQL) the mark is
	// there while check runs and is taken off when that fails, and no server may run. check must not write to this store.
	MoveAway(ctx context.Context, place string, at time.Time, check func(context.Context) error) error
}

// Mark is what became of a database as a whole. Servers and commands refuse to open one that has a mark; an option of
// each driver lets the command in that copies it.
type Mark struct {
	State State
	Place string // where it is copied from, or was moved to: for people
	At    time.Time
}

// State is the kind of a Mark. The texts are stored.
type State string

// The states.
const (
	InUse   State = ""        // no mark
	Copying State = "copying" // it is being filled from another database, and lacks something
	Moved   State = "moved"   // another database took its place
)

// MarkedError is what opening a marked database fails with.
type MarkedError struct{ Mark Mark }

func (e *MarkedError) Error() string {
	if e.Mark.State == Copying {
		return fmt.Sprintf("it is an unfinished copy of %s, begun at %s, and must not be used: run the same latchkey store copy again, or use the other",
			e.Mark.Place, e.Mark.At.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("it was moved to %s at %s, and must not be used any more: start with the configuration that names the new place. "+
		"The section \"Move to PostgreSQL\" of docs/operations.md says how to go back", e.Mark.Place, e.Mark.At.UTC().Format(time.RFC3339))
}

// Part is one kind of record.
type Part int

// The parts, with the type of their records' values. What a record refers to is in an earlier part.
const (
	PartAccounts              Part = iota + 1 // Account
	PartPeople                                // Person
	PartRoles                                 // Role, without its account's name
	PartAssignments                           // Assigned
	PartServiceUsers                          // ServiceUser
	PartAccessKeys                            // AccessKey
	PartClients                               // signin.Client, without RedirectURIs
	PartRedirects                             // Redirect
	PartRingKeys                              // RingKey
	PartNotices                               // signin.Notice, with its Seq
	PartNoticeCounter                         // NoticeCounter, exactly one
	PartSessions                              // signin.Session
	PartSteps                                 // StepReport: the highest step of a session
	PartEvents                                // AuditEvent
	PartGroups                                // Group
	PartMembers                               // Member
	PartManagedPolicies                       // ManagedPolicy
	PartAttachments                           // Attachment
	PartResources                             // Resource
	PartTrustedIssuers                        // TrustedIssuer
	PartDynamicClients                        // DynamicClient
	PartGenerations                           // Generation
	PartStatements                            // PermissionStatement
	PartConsoleAuthorizations                 // ConsoleAuthorization
	PartApplications                          // PropagationApplication
)

// Parts returns all parts, in the order in which they can be restored.
func Parts() []Part {
	var all []Part
	for p := PartAccounts; p <= PartApplications; p++ {
		all = append(all, p)
	}
	return all
}

// String returns the name of the part, in the plural.
func (p Part) String() string {
	names := [...]string{"", "accounts", "people", "roles", "assignments", "service users", "access keys", "clients", "redirect URIs",
		"ring keys", "notices", "notice counter", "sessions", "steps", "audit events",
		"groups", "members of groups", "managed policies", "attached policies", "resources", "trusted issuers", "dynamic clients",
		"generations", "permission statements", "console authorizations", "propagation applications"}
	if p < PartAccounts || p > PartApplications {
		return fmt.Sprintf("part %d", int(p))
	}
	return names[p]
}

// Assigned lets a person act as a role.
type Assigned struct{ PersonID, RoleID string }

// Member is a person in a group.
type Member struct{ GroupID, PersonID string }

// Redirect is a redirect URI of a confidential client.
type Redirect struct {
	Client   string
	Position int64 // 0 first
	URI      string
}

// NoticeCounter is the highest Seq that a notice ever got.
type NoticeCounter int64

// Record is one thing that a database keeps.
type Record struct {
	Part  Part
	Value any // of the type that the part names
}

// Key returns what the record is found by. The order of keys as bytes is that of Contents.
func (r Record) Key() []byte { return keyOf(r.Fields()[:r.Part.KeyFields()]) }

// KeyFields is how many of the first Fields are the key.
func (p Part) KeyFields() int {
	switch p {
	case PartAssignments, PartRedirects, PartMembers, PartResources, PartStatements, PartApplications:
		return 2
	case PartAttachments:
		return 3
	}
	return 1
}

// Fields returns what the record says: string, int64, bool, []byte, or nil for a time that is never. Times are
// milliseconds since the epoch. Drivers have a column for each, in this order.
func (r Record) Fields() []any {
	ms := time.Time.UnixMilli
	switch v := r.Value.(type) {
	case Account:
		return []any{v.ID, v.Name, ms(v.Created)}
	case Person:
		return []any{v.ID, v.Name, v.PasswordHash, v.Disabled, ms(v.Created), ms(v.PasswordChanged)}
	case Role:
		return []any{v.ID, v.Account, v.Name, v.Policy, ms(v.Created)}
	case Assigned:
		return []any{v.PersonID, v.RoleID}
	case ServiceUser:
		return []any{v.ID, v.Account, v.Name, v.Policy, ms(v.Created)}
	case AccessKey:
		return []any{v.ID, v.User, int64(v.RingKey), v.Disabled, ms(v.Created)}
	case signin.Client:
		return []any{v.ID, v.Name, v.Principal}
	case Redirect:
		return []any{v.Client, v.Position, v.URI}
	case RingKey:
		var expires any
		if !v.Expires.IsZero() {
			expires = ms(v.Expires)
		}
		return []any{int64(v.ID), v.Purpose, ms(v.Created), ms(v.UseFrom), expires, v.Wrapped, v.PublicID}
	case signin.Notice:
		return []any{v.Seq, int64(v.Reason), v.Subject, ms(v.At), ms(v.Expires)}
	case NoticeCounter:
		return []any{int64(1), int64(v)}
	case signin.Session:
		p := &v.Principal
		return []any{v.ID[:], ms(v.End), ms(v.Start), ms(v.Issued), ms(v.AuthTime), v.Key[:],
			v.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, v.Methods, v.AsOf}
	case StepReport:
		return []any{v.Session[:], v.Step, ms(v.End)}
	case Group:
		return []any{v.ID, v.Name, ms(v.Created)}
	case Member:
		return []any{v.GroupID, v.PersonID}
	case ManagedPolicy:
		return []any{v.ARN, v.Account, v.Document, ms(v.Created)}
	case Attachment:
		return []any{string(v.Target.Kind), v.Target.ID, v.Policy}
	case Resource:
		return []any{v.Account, v.Identifier, v.Service, ms(v.Created)}
	case TrustedIssuer:
		return []any{v.ID, v.Account, v.Issuer, v.Audience, v.Rules, ms(v.Created)}
	case DynamicClient:
		return []any{v.ID[:], v.Metadata, ms(v.Created), ms(v.Expires)}
	case Generation:
		return []any{v.Session[:], v.Generation, ms(v.At), v.Request[:], ms(v.End)}
	case PermissionStatement:
		return []any{v.Account, v.ID, v.Statement, v.ClientToken, v.Request[:], ms(v.Created)}
	case ConsoleAuthorization:
		return []any{v.Account, ms(v.Created)}
	case PropagationApplication:
		return []any{v.Account, v.Instance, v.ARN, ms(v.Created)}
	case AuditEvent:
		return []any{v.ID[:], ms(v.At), v.Kind, v.Request, v.Session, v.Client, v.Principal, v.Person, v.Remote, v.Detail}
	}
	panic(fmt.Sprintf("a record of %s holds a %T", r.Part, r.Value)) // drivers make records of nothing else
}
