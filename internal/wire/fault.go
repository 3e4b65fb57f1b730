package wire

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// row says how a kind looks on the wire (wire: "Exceptions and HTTP statuses", "The error vocabulary").
type row struct {
	status    int
	exception string // X-Amzn-ErrorType and __type
	code      string // error
}

const (
	accessDenied = "AccessDeniedException"
	validation   = "ValidationException"
	internalErr  = "InternalServerException"
	tooMany      = "TooManyRequestsError"
	unavailable  = "ServiceUnavailableException"
	notFound     = "ResourceNotFoundException"

	invalidRequest = "INVALID_REQUEST"
	noPermission   = "INSUFFICIENT_PERMISSIONS"
	tokenExpired   = "TOKEN_EXPIRED"
)

// rows is the one table from kinds to the wire.
var rows = map[signin.Kind]row{
	signin.Internal: {500, internalErr, "server_error"},

	signin.PathUnknown:            {404, notFound, "RESOURCE_NOT_FOUND"},
	signin.MethodNotAllowed:       {405, validation, invalidRequest},
	signin.ContentTypeUnsupported: {415, validation, invalidRequest},
	signin.BodyTooLarge:           {413, validation, invalidRequest},
	// The service answers broken bodies and unknown grants with this OAuth code, and without an exception. The exception
	// is added here, for without one every SDK hides the message.
	signin.BodyMalformed:    {400, validation, "unsupported_grant_type"},
	signin.GrantUnknown:     {400, validation, "unsupported_grant_type"},
	signin.OperationUnknown: {400, validation, invalidRequest},
	signin.ParameterMissing: {400, validation, invalidRequest},
	signin.ParameterInvalid: {400, validation, invalidRequest},

	signin.ClientUnknown:      {400, validation, invalidRequest},
	signin.SignatureMissing:   {403, accessDenied, noPermission},
	signin.SignatureInvalid:   {403, accessDenied, noPermission},
	signin.SignatureForbidden: {403, accessDenied, noPermission},

	signin.ProofMissing:     {400, validation, invalidRequest},
	signin.ProofInvalid:     {400, validation, invalidRequest},
	signin.ProofStale:       {400, validation, invalidRequest},
	signin.ProofReplayed:    {400, validation, invalidRequest},
	signin.ProofKeyMismatch: {400, validation, invalidRequest},

	signin.CodeUnknown:  {400, validation, invalidRequest},
	signin.CodeExpired:  {401, accessDenied, "AUTHCODE_EXPIRED"},
	signin.CodeSpent:    {400, validation, invalidRequest},
	signin.CodeMismatch: {400, validation, invalidRequest},

	signin.RefreshUnknown:     {401, accessDenied, tokenExpired},
	signin.RefreshMismatch:    {400, validation, invalidRequest},
	signin.SessionEnded:       {401, accessDenied, tokenExpired},
	signin.SessionRevoked:     {401, accessDenied, tokenExpired},
	signin.CredentialsChanged: {403, accessDenied, "USER_CREDENTIALS_CHANGED"},
	signin.PermissionMissing:  {403, accessDenied, noPermission},

	// These four are told by pages; the rows give them their status.
	signin.PasswordWrong:  {403, accessDenied, noPermission},
	signin.PageExpired:    {400, validation, invalidRequest},
	signin.OriginForeign:  {403, accessDenied, noPermission},
	signin.ConsentRefused: {403, accessDenied, noPermission},

	signin.Throttled:  {429, tooMany, invalidRequest},
	signin.Abandoned:  {503, unavailable, "service_unavailable"},
	signin.Overloaded: {503, unavailable, "service_unavailable"},
}

// Status returns the HTTP status of kind k.
func Status(k signin.Kind) int { return rows[k].status }

// WriteFault answers with err: the exception in X-Amzn-ErrorType and __type, the code in error, the sentence in message
// and, for forms and OAuth clients, in error_description. An error that wraps no signin.Fault is answered without any
// detail. The outcome and the cause go to the record.
func WriteFault(w http.ResponseWriter, c *Call, err error) {
	fault, ok := errors.AsType[*signin.Fault](err)
	if !ok && c.Context().Err() != nil {
		fault, ok = &signin.Fault{Kind: signin.Abandoned, Message: "The caller left before the answer."}, true
	}
	if !ok {
		fault = &signin.Fault{
			Kind:    signin.Internal,
			Message: "The server could not complete the request. Try again; if it persists, give the operator the request id " + c.ID + ".",
		}
	}
	c.Record.Outcome = fault.Kind.String()
	c.Record.Err = err

	r := rows[fault.Kind]
	h := w.Header()
	h["X-Amzn-ErrorType"] = []string{r.exception} // as AWS spells it; Set would write another case
	if fault.RetryAfter > 0 {
		seconds := int64((fault.RetryAfter + time.Second - 1) / time.Second)
		h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	body := make([]byte, 0, 256+2*len(fault.Message))
	body = append(body, `{"__type":"`...)
	body = append(body, r.exception...)
	body = append(body, `","error":"`...)
	body = append(body, r.code...)
	body = append(body, `","message":`...)
	body = appendString(body, fault.Message)
	body = append(body, `,"error_description":`...)
	body = appendString(body, fault.Message)
	body = append(body, '}')
	WriteJSON(w, c, r.status, body)
}

// WriteJSON answers with body, which is JSON. It sets every header that all answers of the API share.
func WriteJSON(w http.ResponseWriter, c *Call, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Cache-Control"] = noStore
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if c.Method != http.MethodHead {
		w.Write(body)
	}
}

var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
)

// appendString appends s as a JSON string. Every s is text of this program or was checked to be UTF-8.
func appendString(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(b, "(text that is not UTF-8)")
	}
	return out
}
