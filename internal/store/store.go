// Package store is the contract between the rooms and the database: what must happen exactly once, and what must be
// remembered. Callers state what happened; a driver makes it durable.
//
// Package storetest is the proof of the contract; every driver passes it.
//
// These rules hold for every method:
//
//   - One call is one transaction. When it returns nil, what it says is durable, also over a crash or loss of power.
//     When it returns an error, nothing of it happened, except where the context ended while it waited, or
//     the connection to a database server was lost: then it may have happened, and the caller must not tell anybody that
//     it did not.
//   - Time comes in as a parameter and is kept to the millisecond, in UTC. A driver never asks for the time.
//   - Names and ids are compared byte by byte.
//   - Text is valid UTF-8 without NUL, so that every engine can keep it as it is. A call that would keep other text fails.
//   - No secret comes in, except sealed by a key that the database does not hold, or hashed by argon2id.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// The errors that callers tell apart. Drivers wrap them with what was not found, or is in conflict.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	// ErrSpent: the code was redeemed before.
	ErrSpent = errors.New("code was redeemed before")
)

// Store is everything that a database keeps for the service.
type Store interface {
	Sessions
	Notices
	Directory
	Policies
	Resources
	Grants
	Perimeter
	Keys
	Rewrapper
	Steps
	Audit
	Archive

	// Ping tells whether the store answers at all.
	Ping(ctx context.Context) error
	// Sweep deletes at most limit rows each of sessions that ended, of their steps, of their generations, and of the dynamic
	// clients and the notices that expired before now, and returns how many rows it deleted. It is meant to be called again
	// until it returns 0, and every few minutes. What ended may stay for some such rounds where thousands of older sessions
	// have not ended.
	Sweep(ctx context.Context, now time.Time, limit int) (int, error)
	// Close waits for writes under way and releases the database. Later calls fail.
	Close() error
}

// Sessions remembers which codes were redeemed.
type Sessions interface {
	// RedeemCode records the session that a code becomes, under the id that the code carries.
	//
	// Of any number of calls with one id, in any processes and over any crash, exactly one returns nil. ErrSpent: the id
	// was redeemed before; nothing changed. A row lives until Sweep finds its session ended, which is after its code has
	// expired.
	RedeemCode(ctx context.Context, s signin.Session) error
	// SessionByID returns what RedeemCode recorded. ErrNotFound: never redeemed, or swept.
	SessionByID(ctx context.Context, id signin.SessionID) (signin.Session, error)
}

// Notices carries word of what no longer holds to every node.
type Notices interface {
	// Announce records n, whose Seq is given here. The same reason and subject may come again.
	Announce(ctx context.Context, n signin.Notice) error
	// NoticesAfter returns every notice with a Seq above after, ascending, at most limit of them. No notice ever appears
	// below a Seq that was returned before, so a caller that keeps the highest Seq misses none.
	NoticesAfter(ctx context.Context, after int64, limit int) ([]signin.Notice, error)
	// LastNotice returns the highest Seq that was ever given, also where that notice was swept; 0: none. It is lower than
	// one that was heard before only where an older copy of the database was restored.
	LastNotice(ctx context.Context) (int64, error)
}

// Waker is a store that can tell at once that another node gave notice, beside the polling that every caller does anyway.
type Waker interface {
	// Wake returns a channel that receives soon after a notice was given anywhere. It holds at most one word, and may stay
	// silent: the connection that listens can be lost. One reader at most.
	Wake() <-chan struct{}
}

// Account is an account that roles and service users belong to.
type Account struct {
	ID      string // 12 digits
	Name    string // what people read when they choose
	Created time.Time
}

// Person can sign in at a browser.
type Person struct {
	ID           string // AIDA…
	Name         string // unique; see signin.ValidPersonName
	PasswordHash string // argon2id in PHC form
	Disabled     bool
	Created      time.Time
	// PasswordChanged is when the hash was set. A browser session that began at or before it is over.
	PasswordChanged time.Time
}

// Role is what people act as in an account.
type Role struct {
	ID      string // AROA…
	Account string
	Name    string // unique in its account
	// Policy is an IAM policy document, which limits what a session of the role may do with the sign-in service.
	Policy  string
	Created time.Time
}

// Assignment lets a person act as a role.
type Assignment struct {
	AccountName string
	Role        Role
}

// ServiceUser is a program's identity, which signs requests with access keys.
type ServiceUser struct {
	ID      string // AIDA…
	Account string
	Name    string // unique in its account
	Policy  string // an IAM policy document
	Created time.Time
}

// ARN returns arn:aws:iam::<account>:user/<name>.
func (u ServiceUser) ARN() string { return "arn:aws:iam::" + u.Account + ":user/" + u.Name }

// AccessKey is a long-lived access key. Its secret is not kept: it is derived from the ring key RingKey.
type AccessKey struct {
	ID       string // AKIA…
	User     string // id of the service user
	RingKey  uint32
	Disabled bool
	Created  time.Time
}

// Directory is who there is and what they may do.
//
// Methods that add return ErrExists when the name or id is taken, and ErrNotFound when what they refer to is missing.
// Methods that take something away also announce the notice that ends the sessions which relied on it, in the same
// transaction; the notice's At is the time of the change, and noticeExpires is when it may be forgotten.
type Directory interface {
	AddAccount(ctx context.Context, a Account) error
	AccountByID(ctx context.Context, id string) (Account, error)
	Accounts(ctx context.Context) ([]Account, error) // by id

	AddPerson(ctx context.Context, p Person) error
	PersonByName(ctx context.Context, name string) (Person, error)
	PersonByID(ctx context.Context, id string) (Person, error)
	People(ctx context.Context) ([]Person, error) // by name
	// SetPassword replaces the hash and announces ChangedCredentials.
	SetPassword(ctx context.Context, personID, hash string, at, noticeExpires time.Time) error
	// DisablePerson announces DisabledPerson. EnablePerson announces nothing.
	DisablePerson(ctx context.Context, personID string, at, noticeExpires time.Time) error
	EnablePerson(ctx context.Context, personID string) error

	AddRole(ctx context.Context, r Role) error
	RoleByName(ctx context.Context, account, name string) (Role, error)
	Roles(ctx context.Context) ([]Role, error) // by account, then name
	// SetRolePolicy replaces the document. It announces DeniedRole when denies says that the document denies sign-in, else
	// ChangedRole: sessions were let in under the document before.
	SetRolePolicy(ctx context.Context, roleID, policy string, denies bool, at, noticeExpires time.Time) error
	// Assign lets the person act as the role; again is not an error.
	Assign(ctx context.Context, personID, roleID string) error
	// Unassign announces RemovedAssignment. ErrNotFound: there was no such assignment.
	Unassign(ctx context.Context, personID, roleID string, at, noticeExpires time.Time) error
	// AssignmentsOf returns what the person may act as, by account, then name of the role.
	AssignmentsOf(ctx context.Context, personID string) ([]Assignment, error)

	AddServiceUser(ctx context.Context, u ServiceUser) error
	ServiceUserByName(ctx context.Context, account, name string) (ServiceUser, error)
	AddAccessKey(ctx context.Context, k AccessKey) error
	// AccessKeyByID returns the key and its user. A disabled key is returned as such.
	AccessKeyByID(ctx context.Context, id string) (AccessKey, ServiceUser, error)
	DisableAccessKey(ctx context.Context, id string) error

	AddClient(ctx context.Context, c signin.Client) error
	// ClientByID returns a confidential client. The devtools clients are not stored.
	ClientByID(ctx context.Context, id string) (signin.Client, error)
}

// RingKey is one key of the key ring, wrapped by the root key.
type RingKey struct {
	ID       uint32 // unique; shown at the front of what the key seals
	Purpose  string // what the ring uses it for; the store does not look into it
	Created  time.Time
	UseFrom  time.Time // seal or sign with it from here on, until a newer key of the purpose is in use
	Expires  time.Time // nothing it sealed is good after this; zero: never
	Wrapped  []byte
	PublicID string // the kid of a signing key, else empty
}

// Keys keeps the ring.
type Keys interface {
	// RingKeys returns every key, by id.
	RingKeys(ctx context.Context) ([]RingKey, error)
	// AddRingKeys adds all of keys, provided that the ring still has exactly have keys, so that of several nodes that
	// find the ring in need of keys one makes them. ErrExists: it had another number; nothing changed.
	AddRingKeys(ctx context.Context, have int, keys []RingKey) error
	// RetireRingKey sets when the key expires. An expiry that was set is only ever moved by a call that names it: was is what
	// the caller saw (zero: none). ErrNotFound: the key is gone, or somebody else set another expiry; nothing changed.
	RetireRingKey(ctx context.Context, id uint32, was, expires time.Time) error
	// DeleteRingKeys deletes the keys that expired before now.
	DeleteRingKeys(ctx context.Context, now time.Time) error
}

// Rewrap is a ring key that another root key wraps from now on.
type Rewrap struct {
	ID       uint32
	From, To []byte // what is in Wrapped, and what will be
}

// Rewrapper changes the root key of the ring.
type Rewrapper interface {
	// RewrapRingKeys replaces Wrapped of all of keys. ErrNotFound: one of them is not there or is not wrapped as From
	// says, because somebody else was first; nothing changed.
	RewrapRingKeys(ctx context.Context, keys []Rewrap) error
}
