package signin

import (
	"errors"
	"fmt"
	"time"
)

// Kind says which check a request failed. The list is closed: package wire maps every Kind to a status and an error
// code, and a test walks all of them.
type Kind int

// The kinds are named after facts of this service, never after HTTP.
const (
	// Internal is everything that is not the caller's doing. Its detail goes to the log only.
	Internal Kind = iota

	PathUnknown            // no operation at this path
	MethodNotAllowed       // the path exists, the method does not
	ContentTypeUnsupported // neither JSON nor a form
	BodyTooLarge           // more than the limit of the operation
	BodyMalformed          // not parseable, or data after the value
	OperationUnknown       // the query of /v1/token names an operation that is not served
	GrantUnknown           // grant_type is not one of this path
	ParameterMissing       // a required member is absent or empty
	ParameterInvalid       // a member breaks its documented length or pattern

	ClientUnknown      // no such client id
	SignatureMissing   // a confidential client did not sign
	SignatureInvalid   // the signature does not verify, or names what it may not
	SignatureForbidden // the signer is known but is not the client's principal, or its policy denies

	ProofMissing     // a public client sent no DPoP header
	ProofInvalid     // the proof is malformed, for another URL or method, or its signature is wrong
	ProofStale       // the proof's iat lies outside the window
	ProofReplayed    // the proof was answered before with another body
	ProofKeyMismatch // the proof is by another key than the one the session is bound to

	CodeUnknown  // not a code of this service
	CodeExpired  // the code outlived its life
	CodeSpent    // the code was redeemed before
	CodeMismatch // client, redirect URI or PKCE verifier is not the one of the authorization

	RefreshUnknown     // not a refresh token of this service
	RefreshMismatch    // a refresh token of another client
	SessionEnded       // the session reached its end
	SessionRevoked     // the session was ended by a notice
	CredentialsChanged // the person's password changed since the login
	PermissionMissing  // the person, the assignment or the policy no longer allows it

	PasswordWrong  // no such person, or not their password, or a person who is disabled: the page never says which
	PageExpired    // the hidden field of a form is too old, or not of this service
	OriginForeign  // a form was sent from a page of another site
	ConsentRefused // the person, or the directory, did not let the client in

	ClientGrantMissing  // the client did not register this grant type
	RedirectRefused     // a redirect URI that nobody may register here
	MetadataInvalid     // client metadata that this server cannot serve
	TargetInvalid       // the resource is not registered, or not the one that was authorised
	ScopeInvalid        // a scope that does not exist, or would widen
	SubjectTokenInvalid // the token of another issuer is not good
	IssuerUnavailable   // the keys of another issuer, or the document of a client, cannot be had
	RefreshReused       // a refresh token that was used before, so its session was ended
	TokenTypeRefused    // a token of a kind that cannot be revoked here
	RecordUnknown       // a control plane operation names what is not there
	RecordConflict      // what is asked for contradicts what was asked for before
	QuotaExceeded       // an account has as many of these as it may have

	Throttled   // too many requests of one client or address
	Abandoned   // the caller left while it waited; nobody reads the answer
	Overloaded  // the server has too much to do, or cannot hear its store
	kindsLength // keep last
)

// Kinds returns every Kind, for tests that check that a table covers them all.
func Kinds() []Kind {
	all := make([]Kind, 0, kindsLength)
	for k := range kindsLength {
		all = append(all, k)
	}
	return all
}

var kindNames = [kindsLength]string{
	"Internal", "PathUnknown", "MethodNotAllowed", "ContentTypeUnsupported", "BodyTooLarge", "BodyMalformed",
	"OperationUnknown", "GrantUnknown", "ParameterMissing", "ParameterInvalid",
	"ClientUnknown", "SignatureMissing", "SignatureInvalid", "SignatureForbidden",
	"ProofMissing", "ProofInvalid", "ProofStale", "ProofReplayed", "ProofKeyMismatch",
	"CodeUnknown", "CodeExpired", "CodeSpent", "CodeMismatch",
	"RefreshUnknown", "RefreshMismatch", "SessionEnded", "SessionRevoked", "CredentialsChanged", "PermissionMissing",
	"PasswordWrong", "PageExpired", "OriginForeign", "ConsentRefused",
	"ClientGrantMissing", "RedirectRefused", "MetadataInvalid", "TargetInvalid", "ScopeInvalid", "SubjectTokenInvalid",
	"IssuerUnavailable", "RefreshReused", "TokenTypeRefused", "RecordUnknown", "RecordConflict", "QuotaExceeded",
	"Throttled", "Abandoned", "Overloaded",
}

// String returns the name of the constant; it is what logs and metric labels show.
func (k Kind) String() string {
	if k < 0 || k >= kindsLength {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}

// Fault is a refusal: which check failed, and a sentence for the caller.
//
// Functions return it as a plain error. An error that wraps no Fault is Internal.
type Fault struct {
	Kind Kind
	// Message tells the caller what failed and how to mend it. It is constant text, or carries names and limits;
	// never a code, token, key or other input of the caller.
	Message string
	// RetryAfter is how long to wait before the next try; zero where waiting does not help.
	RetryAfter time.Duration
	// Err is the cause, for the log.
	Err error
}

// Refuse returns a Fault of kind k whose message is formatted as by fmt.Sprintf.
func Refuse(k Kind, format string, args ...any) error {
	if len(args) == 0 {
		return &Fault{Kind: k, Message: format}
	}
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// RefuseBecause is Refuse with a cause that is logged and never shown.
func RefuseBecause(err error, k Kind, format string, args ...any) error {
	return &Fault{Kind: k, Message: fmt.Sprintf(format, args...), Err: err}
}

// Error returns the kind, the message and the cause; it is for the log.
func (f *Fault) Error() string {
	s := f.Kind.String() + ": " + f.Message
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// KindOf returns the Kind of err, Internal when it wraps no Fault.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	return Internal
}
