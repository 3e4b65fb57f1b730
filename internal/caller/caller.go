// Package caller tells who signed a request with SigV4: a request goes in, a service user or the principal of a session
// comes out. It joins what package sigv4 verifies with where secrets come from: the directory for long-lived access
// keys, the session token for temporary ones.
package caller

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/sigv4"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Caller is who signed a request. One of User and Session is set.
type Caller struct {
	ARN     string
	UserID  string
	Account string
	User    *store.ServiceUser // signed with a long-lived access key
	Session *signin.Session    // signed with temporary credentials
	Expires time.Time          // of temporary credentials; zero for a long-lived access key

	Signature [sha256.Size]byte // to know the request by when it comes again, however its signature is written
	SignedAt  time.Time
}

// Refusal is why a request is not taken for anybody's, in the words that AWS has for it (STS, common errors).
type Refusal struct {
	Code    string // e.g. SignatureDoesNotMatch
	Status  int    // the HTTP status of that code
	Message string // for the caller; holds nothing of the request
	Err     error
}

// Error returns code, message and cause, for the log.
func (r *Refusal) Error() string {
	s := r.Code + ": " + r.Message
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// NotSigned tells whether the request carried no signature at all.
func (r *Refusal) NotSigned() bool { return r.Code == codeNotSigned }

// The codes of AWS.
const (
	codeNotSigned    = "MissingAuthenticationToken"
	codeIncomplete   = "IncompleteSignature"
	codeUnknownKey   = "InvalidClientTokenId"
	codeMismatch     = "SignatureDoesNotMatch"
	codeExpiredToken = "ExpiredToken"
	codeExpired      = "RequestExpired"
)

// Skew is how far the clock of a caller may be off, both ways (SigV4: five minutes).
const Skew = 5 * time.Minute

// Resolver finds out who signed. All its fields are needed.
type Resolver struct {
	Ring      *keyring.Ring
	Board     *notice.Board
	Directory store.Directory
	Lifetimes signin.Lifetimes
	// Hosts are what the Host header of a request may be. A request that was signed for another server is that server's,
	// whoever brought it here.
	Hosts map[string]bool
}

// Identify returns who signed r, whose body is body, for service, or a *Refusal. Whether the caller may do anything is
// for the operation to decide.
func (v *Resolver) Identify(ctx context.Context, r *http.Request, body []byte, service string, now time.Time) (Caller, error) {
	return v.identify(ctx, r, body, sigv4.Rules{Service: service, Skew: Skew}, now)
}

func (v *Resolver) identify(ctx context.Context, r *http.Request, body []byte, rules sigv4.Rules, now time.Time) (Caller, error) {
	signed, err := sigv4.Parse(sigv4.FromHTTP(r, body))
	if err != nil {
		return Caller{}, refuse(err)
	}
	if !v.Hosts[strings.ToLower(r.Host)] {
		return Caller{}, &Refusal{Code: codeMismatch, Status: http.StatusForbidden,
			Message: "The request is signed for a host name that is not this server's; the operator can add it to base_urls."}
	}
	found, err := v.lookup(ctx, signed)
	if err != nil {
		return Caller{}, err
	}
	// The signature is verified for unknown keys too, with a secret that nobody has, so that an answer takes the same
	// time whether a key exists or not.
	err = signed.Verify(found.secret, rules, now)
	switch {
	case found.secret == noSecret:
		return Caller{}, &Refusal{Code: codeUnknownKey, Status: http.StatusForbidden, Message: "The access key id or the session token of the request is not valid here."}
	case err != nil:
		return Caller{}, refuse(err)
	}
	who := found.Caller
	who.Signature, who.SignedAt = signed.Signature(), signed.SignedAt
	if who.Session != nil {
		return who, v.checkSession(*who.Session, who.Expires, now)
	}
	return who, nil
}

// noSecret is what unknown keys are verified with. No key has an empty secret.
const noSecret = ""

// found is who a request claims to be from, and what they must have signed with.
type found struct {
	Caller
	secret string
}

// expiry returns when temporary credentials end: with their step, or with the session, where its lifetime was shortened.
func expiry(o credential.Opened, l signin.Lifetimes) time.Time {
	if end := o.Session.EndsAt(l); end.Before(o.Expires) {
		return end
	}
	return o.Expires
}

// lookup returns who the access key id and the session token belong to; of unknown ones, a found with noSecret.
func (v *Resolver) lookup(ctx context.Context, signed *sigv4.Signed) (found, error) {
	id := signed.AccessKeyID
	switch {
	case strings.HasPrefix(id, signin.PrefixTemporary):
		opened, err := credential.Open(v.Ring, id, signed.SessionToken)
		if err != nil {
			return found{}, nil
		}
		s := opened.Session
		return found{
			Caller: Caller{
				ARN: s.Principal.ARN(), UserID: s.Principal.UserID(), Account: s.Principal.Account, Session: &s, Expires: expiry(opened, v.Lifetimes),
			},
			secret: opened.Secret,
		}, nil
	case strings.HasPrefix(id, signin.PrefixAccessKey) && signed.SessionToken == "":
		return v.lookupKey(ctx, id)
	}
	return found{}, nil
}

func (v *Resolver) lookupKey(ctx context.Context, id string) (found, error) {
	key, user, err := v.Directory.AccessKeyByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return found{}, nil
	}
	if err != nil {
		return found{}, fmt.Errorf("find access key: %w", err)
	}
	ringKey, ok := v.Ring.AccessKeyByID(key.RingKey)
	if key.Disabled || !ok {
		return found{}, nil
	}
	return found{
		Caller: Caller{ARN: user.ARN(), UserID: user.ID, Account: user.Account, User: &user},
		secret: credential.LongLivedSecret(ringKey, id),
	}, nil
}

// checkSession refuses temporary credentials that are over: by time, or by a notice.
func (v *Resolver) checkSession(s signin.Session, expires, now time.Time) error {
	if !now.Before(expires) {
		return &Refusal{Code: codeExpiredToken, Status: http.StatusForbidden, Message: "The security token included in the request is expired."}
	}
	if err := v.Board.Fresh(now); err != nil {
		return err
	}
	if err := v.Board.Check(s); err != nil {
		message := "The session of the security token included in the request has been ended."
		if f, ok := errors.AsType[*signin.Fault](err); ok {
			message = f.Message
		}
		return &Refusal{Code: codeExpiredToken, Status: http.StatusForbidden, Message: message, Err: err}
	}
	return nil
}

// refuse gives a signature that was refused the code that AWS has for it.
func refuse(err error) error {
	e, ok := errors.AsType[*sigv4.Error](err)
	if !ok {
		return err
	}
	r := &Refusal{Code: codeMismatch, Status: http.StatusForbidden, Message: e.Message}
	switch e.Reason {
	case sigv4.NotSigned:
		r.Code = codeNotSigned
	case sigv4.Malformed, sigv4.Duplicate, sigv4.HeaderMissing:
		r.Code, r.Status = codeIncomplete, http.StatusBadRequest
	case sigv4.Expired:
		r.Code, r.Status = codeExpired, http.StatusBadRequest
	}
	return r
}
