package attacks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// spelling is one of the three ways to write the body of CreateOAuth2Token.
type spelling struct {
	name, contentType string
	member            func(snake string) string
}

var spellings = []spelling{
	{"JSON in camel case", jsonType, camel},
	{"JSON in snake case", jsonType, func(snake string) string { return snake }},
	{"a form", formType, func(snake string) string { return snake }},
}

func camel(snake string) string {
	first, rest, _ := strings.Cut(snake, "_")
	if rest == "" {
		return first
	}
	return first + strings.ToUpper(rest[:1]) + rest[1:]
}

// write writes members whose values are JSON; in a form, a string stands for its text.
func (sp spelling) write(members map[string]string) string {
	var parts []string
	for snake, value := range members {
		if sp.contentType == formType {
			var text string
			if err := json.Unmarshal([]byte(value), &text); err != nil {
				text = value
			}
			parts = append(parts, url.QueryEscape(sp.member(snake))+"="+url.QueryEscape(text))
		} else {
			parts = append(parts, fmt.Sprintf("%q:%s", sp.member(snake), value))
		}
	}
	slices.Sort(parts)
	if sp.contentType == formType {
		return strings.Join(parts, "&")
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// members is what the model says of each member of CreateOAuth2Token: the grant that it belongs to, its longest value, and
// values that break its pattern or enumeration with the fault that tells so.
var members = []struct {
	name, grant string
	max         int
	required    bool
	wrong       map[string]signin.Kind
}{
	{"client_id", "code", 2048, true, map[string]signin.Kind{
		"arn:aws:signin:::devtools/other": signin.ClientUnknown, "arn:aws:signin:::devtools/same-device ": signin.ClientUnknown, "same-device": signin.ClientUnknown,
		"arn:aws:signin:us-east-1::devtools/same-device": signin.ClientUnknown, signin.CrossDevice: signin.CodeMismatch,
	}},
	{"grant_type", "code", 256, true, map[string]signin.Kind{
		"authorization_codes": signin.GrantUnknown, "AUTHORIZATION_CODE": signin.GrantUnknown, "authorization-code": signin.GrantUnknown, "password": signin.GrantUnknown,
		"client_credentials": signin.GrantUnknown, "urn:ietf:params:oauth:grant-type:token-exchange": signin.GrantUnknown, "refresh_token": signin.ParameterMissing,
	}},
	{"code", "code", 512, true, map[string]signin.Kind{"!": signin.CodeUnknown, "A": signin.CodeUnknown, strings.Repeat("A", 512): signin.CodeUnknown}},
	{"redirect_uri", "code", 2048, true, map[string]signin.Kind{"x": signin.CodeMismatch, "http://127.0.0.1:35587/oauth/callback/": signin.CodeMismatch}},
	{"code_verifier", "code", 128, true, map[string]signin.Kind{
		strings.Repeat("a", 42): signin.ParameterInvalid, strings.Repeat("a", 42) + "+": signin.ParameterInvalid, strings.Repeat("a", 42) + " ": signin.ParameterInvalid,
		strings.Repeat("a", 42) + "é": signin.ParameterInvalid, strings.Repeat("a", 43): signin.CodeMismatch,
	}},
	{"client_id", "refresh", 2048, true, map[string]signin.Kind{"x": signin.ClientUnknown, signin.CrossDevice: signin.RefreshMismatch}},
	{"grant_type", "refresh", 256, true, map[string]signin.Kind{"refresh": signin.GrantUnknown, "authorization_code": signin.ParameterMissing}},
	{"refresh_token", "refresh", 2048, true, map[string]signin.Kind{"!": signin.RefreshUnknown, "ASOR": signin.RefreshUnknown, strings.Repeat("A", 2048): signin.RefreshUnknown}},
	{"resource", "refresh", 2048, false, nil},
}

// The classes of malformed request of the AWS restJson1 protocol tests, as they apply to CreateOAuth2Token, whose members
// are all strings in the body:
//
//   - MalformedString, MalformedBoolean, MalformedInteger, MalformedList, MalformedMap, MalformedUnion (type): another JSON
//     type than a string is ParameterInvalid; null is as good as absent. There is no number, timestamp, blob or union.
//   - MalformedLength (length): beyond the longest value is ParameterInvalid; the empty value of a required member is as
//     good as absent.
//   - MalformedPattern (pattern) and MalformedEnum (enum): told by what the value stands for: no such client, grant, code.
//   - MalformedRange (range), MalformedUniqueItems: no member has one.
//   - MalformedRequired (required): ParameterMissing.
//   - RestJsonInvalidJsonBody, RestJsonTechnicallyValidJsonBody (body): BodyMalformed.
//   - MalformedContentType (content type): 415.
//   - MalformedAccept (accept): Accept is not looked at, which RFC 9110 section 12.5.1 allows; the answer is JSON.
//
// Each is refused with its exception, in header and body, its code, status and headers, and changes nothing: the code and
// the refresh token that were in the request are as good as before.
func TestMalformedRequestsAreTyped(t *testing.T) {
	for _, sp := range spellings {
		t.Run(sp.name, func(t *testing.T) {
			s := testkit.Start(t, unlimited)
			c := s.Client()
			code, token := c.Authorize(t), c.Login(t).RefreshToken
			good := map[string]map[string]string{
				"code":    {"client_id": quote(c.ID), "grant_type": `"authorization_code"`, "code": quote(code), "redirect_uri": quote(c.Redirect), "code_verifier": quote(c.Verifier)},
				"refresh": {"client_id": quote(c.ID), "grant_type": `"refresh_token"`, "refresh_token": quote(token)},
			}
			send := func(class, what, body string, want signin.Kind) {
				t.Helper()
				checkTyped(t, class+": "+what, c.Send(t, tokenRequest(s, sp.contentType, body, c.Proof())), want)
			}
			for _, m := range members {
				body := good[m.grant]
				what := m.name + " of " + m.grant
				if sp.contentType == jsonType {
					for _, value := range []string{"1", "-1", "1.5", "1e3", "true", "false", "[]", "{}", `["x"]`, `{"x":"y"}`, "[" + cmp.Or(body[m.name], `"x"`) + "]"} {
						send("type", what+" is "+value, sp.write(with(body, m.name, value)), signin.ParameterInvalid)
					}
				}
				send("length", what+" is too long", sp.write(with(body, m.name, quote(strings.Repeat("a", m.max+1)))), signin.ParameterInvalid)
				send("length", what+" has too many characters of two bytes", sp.write(with(body, m.name, quote(strings.Repeat("é", m.max+1)))), signin.ParameterInvalid)
				if m.required {
					send("required", "no "+what, sp.write(without(body, m.name)), signin.ParameterMissing)
					send("length", what+" is empty", sp.write(with(body, m.name, `""`)), signin.ParameterMissing)
					if sp.contentType == jsonType {
						send("required", what+" is null", sp.write(with(body, m.name, "null")), signin.ParameterMissing)
					}
				}
				for value, kind := range m.wrong {
					send("pattern and enum", what+" is "+value, sp.write(with(body, m.name, quote(value))), kind)
				}
			}
			for _, body := range brokenBodies(sp, good["code"]) {
				send("body", body, body, signin.BodyMalformed)
			}
			for _, kind := range []string{"", "text/plain", "application/hal+json", "application/json; charset=latin1", "multipart/form-data", "application/octet-stream", "json", ";", "*/*"} {
				checkTyped(t, "content type: "+kind, c.Send(t, tokenRequest(s, kind, sp.write(good["code"]), c.Proof())), signin.ContentTypeUnsupported)
			}
			for _, accept := range []string{"application/hal+json", "text/html", "application/json;q=0", "", "x"} {
				r := tokenRequest(s, sp.contentType, sp.write(with(good["code"], "code", `"x"`)), c.Proof())
				r.Header.Set("Accept", accept)
				checkTyped(t, "accept: "+accept, c.Send(t, r), signin.CodeUnknown)
			}
			if a := c.Send(t, tokenRequest(s, sp.contentType, sp.write(good["refresh"]), c.Proof())); a.Status != http.StatusOK {
				t.Errorf("after all that, the refresh token = %d %s, want 200", a.Status, a.Body)
			}
			if a := c.Send(t, tokenRequest(s, sp.contentType, sp.write(good["code"]), c.Proof())); a.Status != http.StatusOK {
				t.Errorf("after all that, the code = %d %s, want 200", a.Status, a.Body)
			}
		})
	}
}

// checkTyped fails the test unless a is the answer to want: status, exception in header and body, code, message, headers.
func checkTyped(t *testing.T, what string, a testkit.Answer, want signin.Kind) {
	t.Helper()
	if a.Status != status(want) {
		t.Errorf("%s = %d %s, want %d (%v)", what, a.Status, a.Body, status(want), want)
		return
	}
	exception, code := "ValidationException", "INVALID_REQUEST"
	switch {
	case want == signin.RefreshUnknown:
		exception, code = "AccessDeniedException", "TOKEN_EXPIRED"
	case want == signin.BodyMalformed || want == signin.GrantUnknown:
		code = "unsupported_grant_type"
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil || len(body) != 4 {
		t.Errorf("%s is answered with %s, want four strings: %v", what, a.Body, err)
	}
	h := a.Header
	if a.Type != exception || a.Error != code || a.Message == "" || body["error_description"] != a.Message || len(h["X-Amzn-ErrorType"]) != 1 ||
		h["X-Amzn-ErrorType"][0] != exception || len(h["X-Amzn-RequestId"]) != 1 || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" ||
		h.Get("Content-Length") != fmt.Sprint(len(a.Body)) || h.Get("Set-Cookie") != "" {
		t.Errorf("%s is answered with %v %s, want %s %s", what, h, a.Body, exception, code)
	}
}

// brokenBodies are bodies of no form that the spelling has.
func brokenBodies(sp spelling, body map[string]string) []string {
	good := sp.write(body)
	if sp.contentType == formType {
		return []string{good + "&x=%", good + "&x=%f", good + "&x=%gg", good + "&x=%ff", good + "&x=a b", good + "&code=x", good + "\n", strings.ReplaceAll(good, "&", ";")}
	}
	return []string{
		"", " ", "x", `"x"`, "1", "null", "true", "[]", "[" + good + "]", "{", "}", "{{}", "{}{}", good + good, good + "x", good[1:], good[:len(good)-1],
		strings.Replace(good, ":", "", 1), strings.Replace(good, ",", "", 1), strings.Replace(good, "}", ",}", 1), strings.ReplaceAll(good, `"`, "'"),
		strings.Replace(good, `"`, "", 1), strings.Replace(good, "{", "{\f", 1), strings.Replace(good, "{", "{\u00a0", 1), `{"x":` + "\t\"a\nb\"}", `{"x":"\x41"}`, `{"x":01}`, `{"x":+1}`,
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}
