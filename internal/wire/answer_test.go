package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// on is what callers see of a fault.
type on struct {
	status    int
	exception string
	code      string
}

// documented is the table of the protocol: AccessDeniedException is 401 for what a new sign-in mends and 403 for what it
// does not; all else that the caller did is ValidationException.
func documented(k signin.Kind) on {
	switch k {
	case signin.Internal:
		return on{500, "InternalServerException", "server_error"}
	case signin.Overloaded, signin.Abandoned:
		return on{503, "ServiceUnavailableException", "service_unavailable"}
	case signin.Throttled:
		return on{429, "TooManyRequestsError", "INVALID_REQUEST"}
	case signin.PathUnknown:
		return on{404, "ResourceNotFoundException", "RESOURCE_NOT_FOUND"}
	case signin.MethodNotAllowed:
		return on{405, "ValidationException", "INVALID_REQUEST"}
	case signin.ContentTypeUnsupported:
		return on{415, "ValidationException", "INVALID_REQUEST"}
	case signin.BodyTooLarge:
		return on{413, "ValidationException", "INVALID_REQUEST"}
	case signin.BodyMalformed, signin.GrantUnknown:
		return on{400, "ValidationException", "unsupported_grant_type"}
	case signin.CodeExpired:
		return on{401, "AccessDeniedException", "AUTHCODE_EXPIRED"}
	case signin.RefreshUnknown, signin.SessionEnded, signin.SessionRevoked:
		return on{401, "AccessDeniedException", "TOKEN_EXPIRED"}
	case signin.CredentialsChanged:
		return on{403, "AccessDeniedException", "USER_CREDENTIALS_CHANGED"}
	case signin.PermissionMissing, signin.SignatureMissing, signin.SignatureInvalid, signin.SignatureForbidden, signin.PasswordWrong,
		signin.OriginForeign, signin.ConsentRefused:
		return on{403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS"}
	case signin.RedirectRefused:
		return on{400, "ValidationException", "invalid_redirect_uri"}
	case signin.MetadataInvalid:
		return on{400, "ValidationException", "invalid_client_metadata"}
	case signin.TargetInvalid:
		return on{400, "ValidationException", "invalid_target"}
	case signin.ScopeInvalid:
		return on{400, "InvalidScopeException", "invalid_scope"}
	case signin.SubjectTokenInvalid:
		return on{400, "InvalidGrantException", "invalid_grant"}
	case signin.IssuerUnavailable:
		return on{503, "ServiceUnavailableException", "service_unavailable"}
	case signin.RecordUnknown:
		return on{404, "ResourceNotFoundException", "RESOURCE_NOT_FOUND"}
	case signin.RecordConflict:
		return on{409, "ConflictException", "CONFLICT"}
	case signin.QuotaExceeded:
		return on{402, "ServiceQuotaExceededException", "SERVICE_QUOTA_EXCEEDED"}
	}
	return on{400, "ValidationException", "INVALID_REQUEST"}
}

func TestEveryKindHasItsRow(t *testing.T) {
	if len(rows) != len(signin.Kinds()) {
		t.Errorf("the table has %d rows for %d kinds", len(rows), len(signin.Kinds()))
	}
	for _, k := range signin.Kinds() {
		w := httptest.NewRecorder()
		c := call(jsonContent, "")
		WriteFault(w, c, fmt.Errorf("somewhere: %w", signin.Refuse(k, "Mend it.")))
		var body struct {
			Type        string `json:"__type"`
			Error       string `json:"error"`
			Message     string `json:"message"`
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Errorf("%v: %v\n%s", k, err, w.Body)
			continue
		}
		header := w.Header()["X-Amzn-ErrorType"] // as AWS spells it
		if len(header) != 1 || header[0] != body.Type {
			t.Errorf("%v: X-Amzn-ErrorType is %q, __type %q", k, header, body.Type)
		}
		if diff := cmp.Diff(documented(k), on{w.Code, body.Type, body.Error}, cmp.AllowUnexported(on{})); diff != "" {
			t.Errorf("%v (-documented +answer):\n%s", k, diff)
		}
		if body.Message != "Mend it." || body.Description != body.Message {
			t.Errorf("%v: message %q, error_description %q", k, body.Message, body.Description)
		}
		if Status(k) != w.Code || c.Record.Outcome != k.String() || c.Record.Err == nil {
			t.Errorf("%v: Status %d, record %+v", k, Status(k), c.Record)
		}
	}
}

// What is not the caller's doing is told to the log and to nobody else.
func TestPlainErrorsAreAnsweredWithoutDetail(t *testing.T) {
	secret := errors.New("open /var/lib/latchkey/latchkey.db: s3cret")
	w := httptest.NewRecorder()
	c := call(jsonContent, "")
	WriteFault(w, c, fmt.Errorf("redeem code: %w", secret))
	if w.Code != 500 || strings.Contains(w.Body.String(), "s3cret") || strings.Contains(w.Body.String(), "redeem") || strings.Contains(w.Body.String(), "latchkey.db") {
		t.Errorf("answer to a plain error = %d %s", w.Code, w.Body)
	}
	if !strings.Contains(w.Body.String(), c.ID) {
		t.Errorf("the answer does not name the request id: %s", w.Body)
	}
	if c.Record.Outcome != "Internal" || !errors.Is(c.Record.Err, secret) {
		t.Errorf("record = %+v, want the cause", c.Record)
	}
}

// The cause of a fault is for the log too.
func TestCausesAreNotTold(t *testing.T) {
	w := httptest.NewRecorder()
	WriteFault(w, call(jsonContent, ""), signin.RefuseBecause(errors.New("s3cret"), signin.CodeUnknown, "not ours"))
	if strings.Contains(w.Body.String(), "s3cret") {
		t.Errorf("answer tells the cause: %s", w.Body)
	}
}

func TestRetryAfterIsRoundedUpToSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "", time.Nanosecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", 90 * time.Second: "90",
	} {
		w := httptest.NewRecorder()
		WriteFault(w, call(jsonContent, ""), &signin.Fault{Kind: signin.Throttled, Message: "m", RetryAfter: wait})
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("Retry-After of %v = %q, want %q", wait, got, want)
		}
	}
}

func TestMessagesAreQuotedForJSON(t *testing.T) {
	for _, message := range []string{`a "quoted" word`, "back\\slash", "line\nend", "é\u2028", "\x00", "not UTF-8 \xff"} {
		w := httptest.NewRecorder()
		WriteFault(w, call(jsonContent, ""), signin.Refuse(signin.CodeUnknown, "%s", message))
		var body struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Message != message && !strings.Contains(message, "\xff") {
			t.Errorf("message %q was read as %q, %v", message, body.Message, err)
		}
	}
}

func TestAnswersAreInTheSpellingOfTheRequest(t *testing.T) {
	answer := TokenAnswer{
		AccessKeyID: "ASIA234567ABCDEFGHIJ", SecretAccessKey: "s3cret/+", SessionToken: "t0ken==", ExpiresIn: 899, RefreshToken: "ASORx", IDToken: "a.b.c",
	}
	camel := `{"accessToken":{"accessKeyId":"ASIA234567ABCDEFGHIJ","secretAccessKey":"s3cret/+","sessionToken":"t0ken=="},` +
		`"tokenType":"urn:aws:params:oauth:token-type:access_token_sigv4","expiresIn":899,"refreshToken":"ASORx","idToken":"a.b.c"}`
	snake := `{"access_token":{"access_key_id":"ASIA234567ABCDEFGHIJ","secret_access_key":"s3cret/+","session_token":"t0ken=="},` +
		`"token_type":"urn:aws:params:oauth:token-type:access_token_sigv4","expires_in":899,"refresh_token":"ASORx","id_token":"a.b.c"}`
	for spelling, want := range map[Spelling]string{CamelJSON: camel, SnakeJSON: snake, SnakeForm: snake} {
		for _, idToken := range []string{answer.IDToken, ""} {
			a := answer
			a.IDToken = idToken
			if idToken == "" {
				want = strings.NewReplacer(`,"idToken":"a.b.c"`, "", `,"id_token":"a.b.c"`, "").Replace(want)
			}
			w := httptest.NewRecorder()
			c := call(jsonContent, "")
			WriteToken(w, c, spelling, a)
			if w.Code != 200 || w.Body.String() != want || !json.Valid(w.Body.Bytes()) || c.Record.Outcome != "ok" {
				t.Errorf("WriteToken(%v) = %d %s\nwant %s", spelling, w.Code, w.Body, want)
			}
		}
	}
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	for name, write := range map[string]func(http.ResponseWriter, *Call){
		"a token":    func(w http.ResponseWriter, c *Call) { WriteToken(w, c, CamelJSON, TokenAnswer{ExpiresIn: 1}) },
		"a fault":    func(w http.ResponseWriter, c *Call) { WriteFault(w, c, signin.Refuse(signin.CodeSpent, "spent")) },
		"an error":   func(w http.ResponseWriter, c *Call) { WriteFault(w, c, errors.New("x")) },
		"a document": func(w http.ResponseWriter, c *Call) { WriteJSON(w, c, 200, []byte(`{}`)) },
	} {
		for _, method := range []string{http.MethodPost, http.MethodHead} {
			w := httptest.NewRecorder()
			c := call(jsonContent, "")
			full := httptest.NewRecorder()
			write(full, c)
			c.Method = method
			write(w, c)
			h := w.Header()
			if h.Get("Content-Length") != strconv.Itoa(full.Body.Len()) || h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" {
				t.Errorf("%s to %s: headers %v, body of %d bytes", name, method, h, full.Body.Len())
			}
			if (w.Body.Len() == 0) != (method == http.MethodHead) {
				t.Errorf("%s to %s: body %q", name, method, w.Body)
			}
		}
	}
}
