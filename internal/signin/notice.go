package signin

import "time"

// Notice tells every node and verifier that what began before it no longer holds. It is never taken back: whoever is
// let in again signs in again.
type Notice struct {
	// Seq orders notices; the store gives it. Zero before that.
	Seq     int64
	Reason  Reason
	Subject string    // what it is about; see Reason
	At      time.Time // sessions that began at or before this are over
	Expires time.Time // after this no session that it could end is left, and it is forgotten
}

// Reason is why a notice was given, and so what Subject names.
type Reason int

// The reasons. Their numbers are stored; never reuse one.
const (
	RevokedSession     Reason = 1  // Subject: session id
	ChangedCredentials Reason = 2  // Subject: person id
	DisabledPerson     Reason = 3  // Subject: person id
	RemovedAssignment  Reason = 4  // Subject: AssignmentSubject
	DeniedRole         Reason = 5  // Subject: role id; its policy denies sign-in now
	SignedOutBrowser   Reason = 6  // Subject: id of the browser session
	ChangedRole        Reason = 7  // Subject: role id; its policy was replaced by one that still allows sign-in
	ChangedRing        Reason = 8  // Subject: empty; the key ring was changed out of turn, so load it now
	ChangedPolicies    Reason = 9  // Subject: id of the person, role or account whose attached policies changed
	ChangedPerimeter   Reason = 10 // Subject: account; its resource permission statements changed, so load them now
	RemovedClient      Reason = 11 // Subject: UUID of a client that had registered itself
)

// String returns a short name for logs and metrics.
func (r Reason) String() string {
	switch r {
	case RevokedSession:
		return "session-revoked"
	case ChangedCredentials:
		return "credentials-changed"
	case DisabledPerson:
		return "person-disabled"
	case RemovedAssignment:
		return "assignment-removed"
	case DeniedRole:
		return "role-denied"
	case ChangedRole:
		return "role-changed"
	case SignedOutBrowser:
		return "browser-signed-out"
	case ChangedRing:
		return "ring-changed"
	case ChangedPolicies:
		return "policies-changed"
	case ChangedPerimeter:
		return "perimeter-changed"
	case RemovedClient:
		return "client-removed"
	}
	return "unknown"
}

// AssignmentSubject names the assignment of a role to a person.
func AssignmentSubject(personID, roleID string) string { return personID + "/" + roleID }
