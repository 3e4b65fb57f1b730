package sigv4

import (
	"errors"
	"fmt"
)

// Reason says which check a signature failed. The list is closed.
type Reason int

// The reasons, in the order of the checks.
const (
	// NotSigned: neither an AWS4 Authorization header nor a presigned query.
	NotSigned Reason = iota
	// Malformed: a part of the signature is missing, unreadable, too long or of an unknown algorithm.
	Malformed
	// Duplicate: a part of the signature is there twice, so that two readers could take different ones.
	Duplicate
	// WrongDate: the day of the credential scope is not that of X-Amz-Date.
	WrongDate
	// HeaderUnsigned: a header that must be signed is not among the signed ones.
	HeaderUnsigned
	// HeaderMissing: a header is said to be signed that the request does not have.
	HeaderMissing
	// BodyUnsigned: the request says that its body is not signed.
	BodyUnsigned
	// BodyMismatch: X-Amz-Content-Sha256 is not the hash of the body.
	BodyMismatch
	// WrongService: the credential scope is for another service.
	WrongService
	// WrongRegion: the credential scope is for another region.
	WrongRegion
	// NotYetValid: signed in the future.
	NotYetValid
	// Expired: signed too long ago, or the presigned URL is over.
	Expired
	// SignatureMismatch: the secret, or the request, is not what was signed with.
	SignatureMismatch
	reasonsLength // keep last
)

var reasonNames = [reasonsLength]string{
	"NotSigned", "Malformed", "Duplicate", "WrongDate", "HeaderUnsigned", "HeaderMissing", "BodyUnsigned", "BodyMismatch",
	"WrongService", "WrongRegion", "NotYetValid", "Expired", "SignatureMismatch",
}

// Reasons returns every Reason, for tests that check that a table covers them all.
func Reasons() []Reason {
	all := make([]Reason, 0, reasonsLength)
	for r := range reasonsLength {
		all = append(all, r)
	}
	return all
}

// String returns the name of the constant; it is what logs and metric labels show.
func (r Reason) String() string {
	if r < 0 || r >= reasonsLength {
		return fmt.Sprintf("Reason(%d)", int(r))
	}
	return reasonNames[r]
}

// Error is a refused signature.
type Error struct {
	Reason Reason
	// Message tells the caller what failed and how to mend it. It holds names, limits and times, and nothing else of the
	// request.
	Message string
}

// Error returns reason and message.
func (e *Error) Error() string { return "sigv4: " + e.Reason.String() + ": " + e.Message }

// ReasonOf returns the Reason of err. It tells false when err wraps no *Error.
func ReasonOf(err error) (Reason, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return 0, false
	}
	return e.Reason, true
}

func refuse(r Reason, message string) error { return &Error{Reason: r, Message: message} }
