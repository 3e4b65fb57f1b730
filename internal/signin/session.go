package signin

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"
)

// Principal is a person acting as a role of an account.
type Principal struct {
	Account  string // 12 digits
	Role     string // name of the role
	RoleID   string // AROA…
	Person   string // name of the person; the role session name
	PersonID string // AIDA…
}

// ARN returns arn:aws:sts::<account>:assumed-role/<role>/<person>. It is the same at every login of the same person in
// the same role, because clients name their cache file after it.
func (p Principal) ARN() string {
	return "arn:aws:sts::" + p.Account + ":assumed-role/" + p.Role + "/" + p.Person
}

// RoleARN returns arn:aws:iam::<account>:role/<role>, which is aws:PrincipalArn in policies (IAM, global condition keys: of a
// role session, the role).
func (p Principal) RoleARN() string { return "arn:aws:iam::" + p.Account + ":role/" + p.Role }

// UserID returns the STS form of the user id, <role id>:<person>.
func (p Principal) UserID() string { return p.RoleID + ":" + p.Person }

// Request is a checked GET /v1/authorize: the client exists and the redirect URI is one that it may be sent to.
type Request struct {
	ClientID    string
	RedirectURI string
	Challenge   Challenge
	State       string // 1–128 characters, or empty; of a dynamic client up to 1024
	// Of a dynamic client: what its tokens will be for (RFC 8707), and the scope that it asked for.
	Resource string
	Scope    Scope
}

// Authorization is what a code says: who approved what for whom.
type Authorization struct {
	ID        SessionID // the session that redemption will start
	Salt      [16]byte  // random, so that no two codes are alike
	ClientID  string
	Redirect  RedirectHash
	Challenge Challenge
	Principal Principal
	AuthTime  time.Time // when the person authenticated, to the millisecond
	Issued    time.Time // when the person approved, to the millisecond
	AsOf      int64     // Seq of the newest notice that was heard before the directory was asked
	Expires   time.Time // to the second
	Methods   string    // how the person authenticated (RFC 8176), space-separated, e.g. "pwd"

	// Of a dynamic client, whose id and resource do not fit into a code, these two stand for them, and ClientID is empty.
	Client   ClientHash
	Resource ResourceHash
	Scope    Scope // that was approved
}

// IsFor tells whether a was approved for the client of that id.
func (a Authorization) IsFor(clientID string) bool {
	if a.ClientID == "" {
		hash := HashClient(clientID)
		return subtle.ConstantTimeCompare(a.Client[:], hash[:]) == 1
	}
	return a.ClientID == clientID
}

// RedirectHash is the beginning of the SHA-256 of a redirect URI: enough to compare by, and short enough that a code
// stays within 512 characters.
type RedirectHash [16]byte

// HashRedirect returns the hash of uri, byte for byte as it was sent.
func HashRedirect(uri string) RedirectHash {
	sum := sha256.Sum256([]byte(uri))
	return RedirectHash(sum[:16])
}

// Thumbprint is the SHA-256 JWK thumbprint of a proof key (RFC 7638). The zero value means: bound to no key.
type Thumbprint [sha256.Size]byte

// Session is what a redeemed code became. A refresh token carries all of it.
type Session struct {
	ID        SessionID
	ClientID  string
	Principal Principal
	Key       Thumbprint // the DPoP key; zero for clients that sign instead
	AuthTime  time.Time  // when the person authenticated, to the millisecond
	Issued    time.Time  // when the person approved, to the millisecond
	AsOf      int64      // Seq of the newest notice that was heard before the directory was asked; later ones may end it
	Start     time.Time  // the second of redemption
	End       time.Time  // no credentials after this
	Methods   string
	// Resource is what the tokens of a dynamic client's session are for (RFC 8707); empty for sessions that yield credentials.
	// The store does not keep it.
	Resource string
}

// ARN returns the ARN of the session, arn:aws:signin:<region>:<account>:session/<uuid>.
func (s Session) ARN(region string) string {
	return "arn:aws:signin:" + region + ":" + s.Principal.Account + ":session/" + s.ID.String()
}

// Begin turns a redeemed authorization into its session. Of a dynamic client, whose code has no room for them, the caller
// adds the client id and the resource.
func Begin(a Authorization, key Thumbprint, now time.Time, l Lifetimes) Session {
	start := now.Truncate(time.Second)
	return Session{
		ID: a.ID, ClientID: a.ClientID, Principal: a.Principal, Key: key,
		AuthTime: a.AuthTime, Issued: a.Issued, AsOf: a.AsOf, Start: start, End: start.Add(l.Session), Methods: a.Methods,
	}
}

// Lifetimes are the spans that rule a session. All are whole seconds.
type Lifetimes struct {
	CodeSameDevice  time.Duration // from approval to redemption
	CodeCrossDevice time.Duration // the same where a person carries the code over
	Step            time.Duration // how often a session's credentials change
	Credentials     time.Duration // from the start of a step to the end of its credentials
	AccessToken     time.Duration // how long an access token is good that is not credentials
	Session         time.Duration // from redemption to the end, whatever is refreshed
	IDToken         time.Duration // exp − iat of the id token
	Proof           time.Duration // how far a proof's iat may lie from now, both ways
	Browser         time.Duration // how long a browser stays signed in
}

// DefaultLifetimes are AWS's where they are known.
func DefaultLifetimes() Lifetimes {
	return Lifetimes{
		CodeSameDevice:  5 * time.Minute,
		CodeCrossDevice: 10 * time.Minute,
		Step:            5 * time.Minute,
		Credentials:     15 * time.Minute,
		AccessToken:     time.Hour,
		Session:         12 * time.Hour,
		IDToken:         15 * time.Minute,
		Proof:           5 * time.Minute,
		Browser:         12 * time.Hour,
	}
}

// Code returns how long a code for the client lives.
func (l Lifetimes) Code(clientID string) time.Duration {
	if clientID == CrossDevice {
		return l.CodeCrossDevice
	}
	return l.CodeSameDevice
}

// StepAt returns the step that s is in at now; 0 before its start.
func (s Session) StepAt(now time.Time, l Lifetimes) int64 {
	return max(0, int64(now.Sub(s.Start)/l.Step))
}

// StepFor returns the step that a request is answered for whose proof was made at made and which came at now: that of when
// it was made. So every node gives the same answer, also to a copy of the request that comes later.
//
// That holds for a proof that was made in the future as well, by the clock of a node that is behind. A proof that is older
// than half of what Credentials has over Step is taken to be just so old, so that a client whose clock is behind gets
// credentials with some life in them; with the default lifetimes no proof is both acceptable and older than that.
func (s Session) StepFor(made, now time.Time, l Lifetimes) int64 {
	if oldest := now.Add(-(l.Credentials - l.Step) / 2); made.Before(oldest) {
		made = oldest
	}
	return s.StepAt(made, l)
}

// StepStart returns when step k of s begins.
func (s Session) StepStart(k int64, l Lifetimes) time.Time {
	return s.Start.Add(time.Duration(k) * l.Step)
}

// StepExpiry returns when the credentials of step k expire: Credentials after the step's start, or the session's end.
func (s Session) StepExpiry(k int64, l Lifetimes) time.Time {
	end := s.EndsAt(l)
	if t := s.StepStart(k, l).Add(l.Credentials); t.Before(end) {
		return t
	}
	return end
}

// EndsAt returns when s ends. A session never outlives the lifetime that it began under, nor the one that is configured
// now: an operator who shortens sessions means those under way too.
func (s Session) EndsAt(l Lifetimes) time.Time {
	if t := s.Start.Add(l.Session); t.Before(s.End) {
		return t
	}
	return s.End
}

// MaxSession is the longest lifetime that sessions and signed-in browsers can be configured to have.
const MaxSession = 90 * 24 * time.Hour

// MaxBearer is the longest lifetime of an access token that is no credentials (CreateBearerToken, duration).
const MaxBearer = 12 * time.Hour

// RevocationExpiry returns when a notice that s is revoked may be forgotten: a day after its end, which no later
// configuration moves on.
func (s Session) RevocationExpiry() time.Time { return s.End.Add(24 * time.Hour) }

// NoticeExpiry returns when a notice of now may be forgotten: when nothing that began before it can still be good, under
// whatever lifetimes it began.
func NoticeExpiry(now time.Time) time.Time { return now.Add(MaxSession + 24*time.Hour) }
