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
	// oauth is error in the plain shape (RFC 6749 section 5.2, RFC 7591 section 3.2.2); empty: code.
	oauth string
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
	signin.Internal: {500, internalErr, "server_error", ""},

	signin.PathUnknown:            {404, notFound, "RESOURCE_NOT_FOUND", "invalid_request"},
	signin.MethodNotAllowed:       {405, validation, invalidRequest, "invalid_request"},
	signin.ContentTypeUnsupported: {415, validation, invalidRequest, "invalid_request"},
	signin.BodyTooLarge:           {413, validation, invalidRequest, "invalid_request"},
	// The service answers broken bodies and unknown grants with this OAuth code, and without an exception. The exception
	// is added here, for without one every SDK hides the message.
	signin.BodyMalformed:    {400, validation, "unsupported_grant_type", "invalid_request"},
	signin.GrantUnknown:     {400, validation, "unsupported_grant_type", ""},
	signin.OperationUnknown: {400, validation, invalidRequest, "invalid_request"},
	signin.ParameterMissing: {400, validation, invalidRequest, "invalid_request"},
	signin.ParameterInvalid: {400, validation, invalidRequest, "invalid_request"},

	signin.ClientUnknown:      {400, validation, invalidRequest, "invalid_client"},
	signin.SignatureMissing:   {403, accessDenied, noPermission, "invalid_client"},
	signin.SignatureInvalid:   {403, accessDenied, noPermission, "invalid_client"},
	signin.SignatureForbidden: {403, accessDenied, noPermission, "access_denied"},

	signin.ProofMissing:     {400, validation, invalidRequest, "invalid_dpop_proof"},
	signin.ProofInvalid:     {400, validation, invalidRequest, "invalid_dpop_proof"},
	signin.ProofStale:       {400, validation, invalidRequest, "invalid_dpop_proof"},
	signin.ProofReplayed:    {400, validation, invalidRequest, "invalid_dpop_proof"},
	signin.ProofKeyMismatch: {400, validation, invalidRequest, "invalid_grant"},

	signin.CodeUnknown:  {400, validation, invalidRequest, "invalid_grant"},
	signin.CodeExpired:  {401, accessDenied, "AUTHCODE_EXPIRED", "invalid_grant"},
	signin.CodeSpent:    {400, validation, invalidRequest, "invalid_grant"},
	signin.CodeMismatch: {400, validation, invalidRequest, "invalid_grant"},

	signin.RefreshUnknown:     {401, accessDenied, tokenExpired, "invalid_grant"},
	signin.RefreshMismatch:    {400, validation, invalidRequest, "invalid_grant"},
	signin.SessionEnded:       {401, accessDenied, tokenExpired, "invalid_grant"},
	signin.SessionRevoked:     {401, accessDenied, tokenExpired, "invalid_grant"},
	signin.CredentialsChanged: {403, accessDenied, "USER_CREDENTIALS_CHANGED", "invalid_grant"},
	signin.PermissionMissing:  {403, accessDenied, noPermission, "invalid_grant"},

	// These four are told by pages; the rows give them their status.
	signin.PasswordWrong:  {403, accessDenied, noPermission, ""},
	signin.PageExpired:    {400, validation, invalidRequest, "invalid_request"},
	signin.OriginForeign:  {403, accessDenied, noPermission, ""},
	signin.ConsentRefused: {403, accessDenied, noPermission, ""},

	signin.Throttled:  {429, tooMany, invalidRequest, "rate_exceeded"},
	signin.Abandoned:  {503, unavailable, "service_unavailable", ""},
	signin.Overloaded: {503, unavailable, "service_unavailable", ""},

	signin.ClientGrantMissing:  {400, validation, invalidRequest, "unauthorized_client"},
	signin.RedirectRefused:     {400, validation, "invalid_redirect_uri", ""},
	signin.MetadataInvalid:     {400, validation, "invalid_client_metadata", ""},
	signin.TargetInvalid:       {400, validation, "invalid_target", ""},
	signin.ScopeInvalid:        {400, "InvalidScopeException", "invalid_scope", ""},
	signin.SubjectTokenInvalid: {400, "InvalidGrantException", "invalid_grant", ""},
	signin.IssuerUnavailable:   {503, unavailable, "service_unavailable", ""},
	signin.RefreshReused:       {400, validation, invalidRequest, "invalid_grant"},
	signin.TokenTypeRefused:    {400, validation, invalidRequest, "unsupported_token_type"},
	signin.RecordUnknown:       {404, notFound, "RESOURCE_NOT_FOUND", ""},
	signin.RecordConflict:      {409, "ConflictException", "CONFLICT", ""},
	signin.QuotaExceeded:       {402, "ServiceQuotaExceededException", "SERVICE_QUOTA_EXCEEDED", ""},
}

// Status returns the HTTP status of kind k.
func Status(k signin.Kind) int { return rows[k].status }

// WriteFault answers with err: the exception in X-Amzn-ErrorType and __type, the code in error, the sentence in message
// and, for forms and OAuth clients, in error_description. An error that wraps no signin.Fault is answered without any
// detail. The outcome and the cause go to the record.
func WriteFault(w http.ResponseWriter, c *Call, err error) {
	fault, r := c.fault(w, err)
	w.Header()["X-Amzn-ErrorType"] = []string{r.exception} // as AWS spells it; Set would write another case
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

// WriteOAuthFault answers with err in the plain shape of OAuth (RFC 6749 section 5.2), which clients that registered
// themselves read: error and error_description, and no exception.
func WriteOAuthFault(w http.ResponseWriter, c *Call, err error) {
	fault, r := c.fault(w, err)
	code := r.oauth
	if code == "" {
		code = r.code
	}
	body := make([]byte, 0, 128+len(fault.Message))
	body = append(body, `{"error":"`...)
	body = append(body, code...)
	body = append(body, `","error_description":`...)
	body = appendString(body, fault.Message)
	body = append(body, '}')
	status := r.status
	if code == "invalid_client" { // RFC 6749 section 5.2
		status = http.StatusUnauthorized
	} else if status == http.StatusUnauthorized || status == http.StatusForbidden {
		status = http.StatusBadRequest // the same: what is not about the client's own authentication is 400
	}
	WriteJSON(w, c, status, body)
}

// fault returns the fault that err wraps, or one that tells nothing, and its row. It fills the record, and sets Retry-After.
func (c *Call) fault(w http.ResponseWriter, err error) (*signin.Fault, row) {
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
	if fault.RetryAfter > 0 {
		seconds := int64((fault.RetryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	return fault, rows[fault.Kind]
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
