package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

var (
	// ErrConflict: the same client token came before, with another request.
	ErrConflict = errors.New("client token was used for another request")
	// ErrQuota: there are as many as there may be.
	ErrQuota = errors.New("quota exceeded")
	// ErrInUse: something refers to it.
	ErrInUse = errors.New("in use")
)

// PermissionStatement is a resource permission statement of an account (PutResourcePermissionStatement): who comes from
// elsewhere than it says is kept out.
type PermissionStatement struct {
	Account string
	// ID begins with the time of its making, so that IDs of an account ascend with time.
	ID string // statementId: 64 characters of base64
	// Statement is a JSON document of package perimeter. The store does not look into it.
	Statement   string
	ClientToken string            // idempotency token; empty: none
	Request     [sha256.Size]byte // of the request that it came with
	Created     time.Time
}

// ConsoleAuthorization says that the permission statements of an account take effect. There is a row where it was switched on.
type ConsoleAuthorization struct {
	Account string
	Created time.Time
}

// PropagationApplication is an application of an IAM Identity Center instance
// (CreateTrustedIdentityPropagationApplicationForConsole).
type PropagationApplication struct {
	Account  string
	Instance string // ARN of the instance; unique in the account
	ARN      string
	Created  time.Time
}

// Perimeter keeps what the control plane operations write. Whatever changes the statements of an account, or whether they
// take effect, announces signin.ChangedPerimeter about it in the same transaction, also where they take none.
type Perimeter interface {
	// PutStatement keeps s unless its account has quota statements already (ErrQuota). Where its client token is not empty
	// and came before in the account with the same request, it returns the statement of then and nothing changes, whatever the
	// quota; with another request, ErrConflict. ErrNotFound: the account is missing. ErrExists: the ID is taken.
	PutStatement(ctx context.Context, s PermissionStatement, quota int, at, noticeExpires time.Time) (PermissionStatement, error)
	// DeleteStatement: ErrNotFound when there was none.
	DeleteStatement(ctx context.Context, account, id string, at, noticeExpires time.Time) error
	// Statements returns at most limit statements of the account whose ID is above after, by ID as bytes.
	Statements(ctx context.Context, account, after string, limit int) ([]PermissionStatement, error)

	// SetConsoleAuthorization switches it on or off for the account; again is not an error, and changes and announces nothing.
	// ErrNotFound: the account is missing.
	SetConsoleAuthorization(ctx context.Context, account string, on bool, at, noticeExpires time.Time) error
	// ConsoleAuthorizationOf: ErrNotFound when it was never switched on, or was switched off.
	ConsoleAuthorizationOf(ctx context.Context, account string) (ConsoleAuthorization, error)
	// EffectiveStatements returns, from one moment, all statements of the accounts where console authorization is on, by
	// account and ID. They are few: quota for each account.
	EffectiveStatements(ctx context.Context) ([]PermissionStatement, error)

	// AddPropagationApplication keeps a, or returns the one that the account has for the instance already. ErrNotFound: the
	// account is missing.
	AddPropagationApplication(ctx context.Context, a PropagationApplication) (PropagationApplication, error)
	// PropagationApplications returns those of the account for the instance, by ARN.
	PropagationApplications(ctx context.Context, account, instance string) ([]PropagationApplication, error)
}
