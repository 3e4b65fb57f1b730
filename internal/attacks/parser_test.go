package attacks

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Class: parser differentials, CWE-436 and CWE-235. A filter in front reads one value, the server another, from one body:
// CouchDB checked the last of two members called roles and kept the first (CVE-2017-12635).
//
// Here a body that two parsers could read in two ways is read in none, and the code in it stays good. Every member in every
// spelling is walked by internal/wire; here are the bodies as they reach the server.
func TestBodiesWithTwoMeaningsAreRefused(t *testing.T) {
	s := testkit.Start(t, unlimited)
	c := s.Client()
	code := c.Authorize(t)
	good := text(t, c.CodeBody(code))
	values := url.Values{}
	for name, value := range map[string]string{"client_id": c.ID, "grant_type": "authorization_code", "code": code, "code_verifier": c.Verifier, "redirect_uri": c.Redirect} {
		values.Set(name, value)
	}
	goodForm := values.Encode()
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, tt := range []struct {
		name, contentType, body string
		want                    signin.Kind
	}{
		{"a member twice", jsonType, swap("{", `{"code":"x",`), signin.BodyMalformed},
		{"a member twice, alike", jsonType, swap("{", `{"clientId":"`+c.ID+`",`), signin.BodyMalformed},
		{"a member twice, one escaped", jsonType, swap("{", `{"\u0063ode":"x",`), signin.BodyMalformed},
		{"a member twice, one null", jsonType, swap("{", `{"code":null,`), signin.BodyMalformed},
		{"a member nobody knows, twice", jsonType, swap("{", `{"x":1,"x":2,`), signin.BodyMalformed},
		{"two spellings", jsonType, swap("{", `{"client_id":"`+c.ID+`",`), signin.ParameterInvalid},
		{"two spellings, one null", jsonType, swap("{", `{"client_id":null,`), signin.ParameterInvalid},
		{"another case", jsonType, swap(`"clientId"`, `"ClientId"`), signin.ParameterMissing},
		{"another case, the code", jsonType, swap(`"code"`, `"CODE"`), signin.ParameterMissing},
		{"letters that fold", jsonType, swap(`"redirectUri"`, `"redirectUrı"`), signin.ParameterMissing},
		{"a zero byte in a name", jsonType, swap(`"code"`, `"cod\u0065\u0000"`), signin.ParameterMissing},
		{"a byte order mark", jsonType, "\ufeff" + good, signin.BodyMalformed},
		{"a zero byte at the end", jsonType, good + "\x00", signin.BodyMalformed},
		{"something after the object", jsonType, good + "x", signin.BodyMalformed},
		{"a second object", jsonType, good + good, signin.BodyMalformed},
		{"an array of it", jsonType, "[" + good + "]", signin.BodyMalformed},
		{"a string of it", jsonType, `"` + strings.ReplaceAll(good, `"`, `\"`) + `"`, signin.BodyMalformed},
		{"wrapped as in the model", jsonType, `{"tokenInput":` + good + `}`, signin.ParameterMissing},
		{"a comment", jsonType, swap("{", "{/*x*/"), signin.BodyMalformed},
		{"single quotes", jsonType, strings.ReplaceAll(good, `"`, "'"), signin.BodyMalformed},
		{"a comma too many", jsonType, strings.TrimSuffix(good, "}") + ",}", signin.BodyMalformed},
		{"not UTF-8", jsonType, swap(code, code+"\xff"), signin.BodyMalformed},
		{"a lone surrogate", jsonType, swap(code, code+`\ud800`), signin.BodyMalformed},
		{"a surrogate in a name", jsonType, swap("{", `{"\udc00":1,`), signin.BodyMalformed},
		{"UTF-16", jsonType, utf16(good), signin.BodyMalformed},
		{"a number for a string", jsonType, swap(`"`+code+`"`, "1e400"), signin.ParameterInvalid},
		{"a boolean for a string", jsonType, swap(`"`+code+`"`, "true"), signin.ParameterInvalid},
		{"a huge number beside", jsonType, swap("{", `{"x":`+strings.Repeat("9", 5000)+`,"x":1,`), signin.BodyMalformed},
		{"a number that is none", jsonType, swap("{", `{"x":NaN,`), signin.BodyMalformed},
		{"nested deep", jsonType, swap("{", `{"x":`+strings.Repeat("[", 9999)+strings.Repeat("]", 9999)+`,`), signin.BodyMalformed},
		{"nested deep and open", jsonType, `{"x":` + strings.Repeat(`{"x":`, 9999), signin.BodyMalformed},
		{"JSON as a form", formType, good, signin.ParameterMissing},
		{"a form as JSON", jsonType, goodForm, signin.BodyMalformed},
		{"a form that is JSON as well, as JSON", jsonType, `{"x":"&` + goodForm + `&y="}`, signin.ParameterMissing},
		{"JSON that is a form as well", jsonType, swap("{", `{"x":"&`+goodForm+`&y=",`) + "&", signin.BodyMalformed},
		{"a form member twice", formType, goodForm + "&code=x", signin.BodyMalformed},
		{"a form member twice, one escaped", formType, goodForm + "&c%6fde=x", signin.BodyMalformed},
		{"a form member nobody knows, twice", formType, goodForm + "&x=1&x=2", signin.BodyMalformed},
		{"a list as PHP has it", formType, strings.Replace(goodForm, "code=", "code[]=", 1), signin.ParameterMissing},
		{"a member with a space", formType, strings.Replace(goodForm, "code=", "+code=", 1), signin.ParameterMissing},
		{"a member with a zero byte", formType, strings.Replace(goodForm, "code=", "code%00=", 1), signin.ParameterMissing},
		{"a form in camel case", formType, strings.NewReplacer("client_id", "clientId", "grant_type", "grantType").Replace(goodForm), signin.ParameterMissing},
		{"semicolons", formType, strings.ReplaceAll(goodForm, "&", ";"), signin.BodyMalformed},
		{"a broken escape", formType, goodForm + "&x=%zz", signin.BodyMalformed},
		{"an overlong escape", formType, goodForm + "&x=%c0%af", signin.BodyMalformed},
		{"a byte beyond ASCII", formType, goodForm + "&x=\xe9", signin.BodyMalformed},
		{"several parts", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n" + code + "\r\n--x--", signin.ContentTypeUnsupported},
		{"plain text", "text/plain", good, signin.ContentTypeUnsupported},
		{"no type", "", good, signin.ContentTypeUnsupported},
		{"another encoding", "application/json; charset=utf-16", utf16(good), signin.ContentTypeUnsupported},
		{"an old encoding", formType + "; charset=iso-8859-1", goodForm, signin.ContentTypeUnsupported},
		{"two encodings", "application/json; charset=utf-8; charset=utf-16", good, signin.ContentTypeUnsupported},
		{"two types in one", "application/json, " + formType, good, signin.ContentTypeUnsupported},
		{"a type like JSON", "application/json-patch+json", good, signin.ContentTypeUnsupported},
		{"XML", "application/xml", "<code>" + code + "</code>", signin.ContentTypeUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.Send(t, tokenRequest(s, tt.contentType, tt.body, c.Proof())).WantFault(t, tt.want)
		})
	}
	// A form in the query is another operation; one in the query and one in the body are not joined.
	r := tokenRequest(s, formType, strings.Replace(goodForm, "code=", "x=", 1), c.Proof())
	r.URL.RawQuery = "code=" + code
	c.Send(t, r).WantFault(t, signin.OperationUnknown)
	// Two types, or a body that is packed, are not read.
	r = tokenRequest(s, jsonType, good, c.Proof())
	r.Header.Add("Content-Type", formType)
	c.Send(t, r).WantFault(t, signin.ContentTypeUnsupported)
	for _, encoding := range []string{"gzip", "deflate", "br", "identity, gzip", "aws-chunked"} {
		r = tokenRequest(s, jsonType, good, c.Proof())
		r.Header.Set("Content-Encoding", encoding)
		c.Send(t, r).WantFault(t, signin.ContentTypeUnsupported)
	}
	// What is both is what its type says, for every reader that heeds the type: the code that JSON has in it is not looked at.
	both := `{"code":"x","x":"&` + goodForm + `&y="}`
	if a := c.Send(t, tokenRequest(s, formType, both, c.Proof())); a.Status != http.StatusOK {
		t.Errorf("a form that is JSON as well = %d %s, want it read as a form", a.Status, a.Body)
	}
	c.Verifier = c.Verifier[1:] + "x"
	code = c.Authorize(t)
	good = text(t, c.CodeBody(code))
	// What two parsers read alike is read.
	if a := c.Send(t, tokenRequest(s, `application/json; charset="UTF-8"`, swap("{", `{ "x" : [{"y":null}] , `), c.Proof())); a.Status != http.StatusOK {
		t.Errorf("a body with a member that nobody knows = %d %s, want 200", a.Status, a.Body)
	}
}

// utf16 is s, which is ASCII, in UTF-16 with its mark.
func utf16(s string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for i := range len(s) {
		b.WriteByte(s[i])
		b.WriteByte(0)
	}
	return b.String()
}
