package store

import (
	"context"
	"time"
)

// Group is a set of people that policies can be attached to.
type Group struct {
	ID      string // AGPA…
	Name    string // unique; see signin.ValidPersonName
	Created time.Time
}

// ManagedPolicy is a policy document of an account that can be attached to many.
type ManagedPolicy struct {
	ARN      string // arn:aws:iam::<account>:policy/<name>
	Account  string
	Document string
	Created  time.Time
}

// TargetKind is what a policy is attached to. The texts are stored.
type TargetKind string

// The kinds of targets.
const (
	ToPerson      TargetKind = "person"
	ToGroup       TargetKind = "group"
	ToRole        TargetKind = "role"
	ToServiceUser TargetKind = "service-user"
	ToAccount     TargetKind = "account" // bounds everybody in the account, and gives nothing
)

// Target is one thing that policies are attached to.
type Target struct {
	Kind TargetKind
	ID   string // of the person, group, role, service user or account
}

// Attachment attaches a policy to a target. Policy is the ARN of a ManagedPolicy, or of a policy that the program has built
// in, which the store does not keep.
type Attachment struct {
	Target Target
	Policy string
}

// Attached is an attachment with the document, which is empty for a policy that the program has built in.
type Attached struct {
	Attachment
	Document string
}

// Policies keeps groups, managed policies, and what these are attached to.
//
// Whatever changes which policies apply to sessions announces signin.ChangedPolicies in the same transaction, once for each
// subject, by id: the person, role or account that the target is, or every member of the group. Who enters or leaves a group
// is announced whatever is attached to it. Service users have no sessions, so nothing is announced about them. at is the
// time of the change, and noticeExpires is when its notices may be forgotten.
type Policies interface {
	// AddGroup: ErrExists when the name or id is taken.
	AddGroup(ctx context.Context, g Group) error
	GroupByName(ctx context.Context, name string) (Group, error)
	Groups(ctx context.Context) ([]Group, error) // by name
	// AddMember puts the person into the group; again is not an error, and announces nothing. ErrNotFound: there is no such
	// group or person.
	AddMember(ctx context.Context, groupID, personID string, at, noticeExpires time.Time) error
	// RemoveMember: ErrNotFound when the person was not in the group.
	RemoveMember(ctx context.Context, groupID, personID string, at, noticeExpires time.Time) error
	Members(ctx context.Context, groupID string) ([]Person, error)  // by name
	GroupsOf(ctx context.Context, personID string) ([]Group, error) // by name

	// AddManagedPolicy: ErrNotFound when the account is missing, ErrExists when the ARN is taken.
	AddManagedPolicy(ctx context.Context, p ManagedPolicy) error
	ManagedPolicyByARN(ctx context.Context, arn string) (ManagedPolicy, error)
	ManagedPolicies(ctx context.Context) ([]ManagedPolicy, error) // by ARN
	// SetManagedPolicy replaces the document. ErrNotFound: there is no such policy.
	SetManagedPolicy(ctx context.Context, arn, document string, at, noticeExpires time.Time) error
	// RemoveManagedPolicy: ErrInUse while it is attached to anything, ErrNotFound when there is none.
	RemoveManagedPolicy(ctx context.Context, arn string) error

	// AttachPolicy: ErrNotFound when the target is missing, or of a kind that there is not, or when the policy is missing,
	// unless builtIn says that the program has it; ErrExists when it is attached already.
	AttachPolicy(ctx context.Context, a Attachment, builtIn bool, at, noticeExpires time.Time) error
	// DetachPolicy: ErrNotFound when it was not attached.
	DetachPolicy(ctx context.Context, a Attachment, at, noticeExpires time.Time) error
	// AttachedTo returns what is attached to any of targets, by kind, id and ARN; each once, however often a target comes.
	AttachedTo(ctx context.Context, targets ...Target) ([]Attached, error)
	// PoliciesOfPrincipal returns, from one moment, the role as it is now with its own document, and what is attached to
	// the person, to the person's groups, to the role and to its account, as AttachedTo does. ErrNotFound: the role, or the
	// person, is gone.
	PoliciesOfPrincipal(ctx context.Context, personID, roleID string) (Role, []Attached, error)
}
