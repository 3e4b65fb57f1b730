package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const (
	jsonContent = "application/json"
	formContent = "application/x-www-form-urlencoded"
)

// call returns a call with that body, as net/http would make it of a request with a Content-Length.
func call(contentType, body string) *Call {
	r := httptest.NewRequest(TokenMethod, TokenPath, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return &Call{Request: r, ID: "request-1"}
}

// spelled is a request with one member in each of the three spellings.
type spelled struct {
	spelling Spelling
	content  string
	name     string
	body     func(value string) string
}

func inEverySpelling(m member) []spelled {
	return []spelled{
		{CamelJSON, jsonContent, m.camel, func(v string) string { return fmt.Sprintf(`{"clientId":"","%s":%s}`, m.camel, quote(v)) }},
		{SnakeJSON, jsonContent, m.snake, func(v string) string { return fmt.Sprintf(`{"client_id":"","%s":%s}`, m.snake, quote(v)) }},
		{SnakeForm, formContent, m.snake, func(v string) string { return m.snake + "=" + url.QueryEscape(v) }},
	}
}

func quote(s string) string { return string(appendString(nil, s)) }

func TestAllMembersAreReadInEverySpelling(t *testing.T) {
	want := TokenRequest{
		ClientID: "arn:aws:signin:::devtools/same-device", GrantType: "authorization_code", Code: "c0de", RedirectURI: "http://127.0.0.1:1/?a=b&c",
		CodeVerifier: "v3rifi~er", RefreshToken: "ASOR+é", Resource: "https://r",
	}
	for _, tt := range []struct {
		spelling      Spelling
		content, body string
	}{
		{CamelJSON, jsonContent, `{"clientId":"arn:aws:signin:::devtools/same-device","grantType":"authorization_code","code":"c0de",
			"redirectUri":"http://127.0.0.1:1/?a=b&c","codeVerifier":"v3rifi~er","refreshToken":"ASOR+\u00e9","resource":"https:\/\/r"}`},
		{SnakeJSON, "Application/JSON; charset=UTF-8", `{"client_id":"arn:aws:signin:::devtools/same-device","grant_type":"authorization_code","code":"c0de",
			"redirect_uri":"http://127.0.0.1:1/?a=b&c","code_verifier":"v3rifi~er","refresh_token":"ASOR+é","resource":"https://r", "x":{"clientId":[1,null]}}`},
		{SnakeForm, formContent, `client_id=arn%3Aaws%3Asignin%3A%3A%3Adevtools%2Fsame-device&grant_type=authorization_code&code=c0de&` +
			`redirect_uri=http://127.0.0.1:1/?a=b%26c&code_verifier=v3rifi~er&refresh_token=ASOR%2B%c3%a9&resource=https%3a//r&x=y&clientId=z&&`},
	} {
		got, err := DecodeToken(call(tt.content, tt.body))
		if err != nil {
			t.Errorf("DecodeToken(%s) = %v", tt.body, err)
			continue
		}
		want.Spelling = tt.spelling
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(TokenRequest{}, "Body")); diff != "" {
			t.Errorf("DecodeToken(%s) (-want +got):\n%s", tt.body, diff)
		}
		if string(got.Body) != tt.body {
			t.Errorf("Body = %q, want what came", got.Body)
		}
	}
}

// The documented lengths are in characters, so a value of two-byte characters may have twice as many bytes.
func TestMembersKeepTheirDocumentedLengths(t *testing.T) {
	documented := map[string]int{
		"clientId": 2048, "grantType": 256, "code": 512, "redirectUri": 2048, "codeVerifier": 128, "refreshToken": 2048, "resource": 2048,
	}
	if len(members) != len(documented) {
		t.Errorf("there are %d members, want %d", len(members), len(documented))
	}
	for _, m := range members {
		limit := documented[m.camel]
		for _, s := range inEverySpelling(m) {
			if m.camel == "clientId" && s.content == jsonContent {
				s.body = func(v string) string { return `{"` + s.name + `":` + quote(v) + `}` }
			}
			for _, char := range []string{"a", "é", "\U0001F511"} {
				got, err := DecodeToken(call(s.content, s.body(strings.Repeat(char, limit))))
				if err != nil || *m.field(&got) != strings.Repeat(char, limit) {
					t.Errorf("%s of %d times %q = %v, want it read", s.name, limit, char, err)
				}
				_, err = DecodeToken(call(s.content, s.body(strings.Repeat(char, limit+1))))
				if signin.KindOf(err) != signin.ParameterInvalid || !strings.Contains(err.Error(), s.name+" is longer than "+strconv.Itoa(limit)) {
					t.Errorf("%s of %d times %q = %v, want ParameterInvalid that names it as it was spelled", s.name, limit+1, char, err)
				}
			}
		}
	}
}

// Two readers of one body must not take different values from it.
func TestMembersAreThereOnce(t *testing.T) {
	for _, m := range members {
		bodies := map[string]string{
			formContent: m.snake + "=a&" + m.snake + "=a",
		}
		for name, body := range map[string]string{
			"camel twice":         `{"` + m.camel + `":"a","` + m.camel + `":"a"}`,
			"camel twice, null":   `{"` + m.camel + `":null,"` + m.camel + `":"a"}`,
			"camel, escaped":      `{"` + m.camel + `":"a","\u00` + fmt.Sprintf("%02x", m.camel[0]) + m.camel[1:] + `":"a"}`,
			"snake twice":         `{"` + m.snake + `":"a","` + m.snake + `":"b"}`,
			"unknown twice":       `{"x":1,"x":1,"` + m.snake + `":"b"}`,
			"unknown twice, deep": `{"x":{"y":1,"y":2},"` + m.snake + `":"b"}`,
		} {
			if _, err := DecodeToken(call(jsonContent, body)); signin.KindOf(err) != signin.BodyMalformed {
				t.Errorf("%s: DecodeToken(%s) = %v, want BodyMalformed", name, body, err)
			}
		}
		escaped := fmt.Sprintf("%%%02x", m.snake[0]) + m.snake[1:]
		bodies["escaped"] = m.snake + "=a&" + escaped + "=b"
		bodies["empty first"] = m.snake + "&" + m.snake + "=b"
		for name, body := range bodies {
			if _, err := DecodeToken(call(formContent, body)); signin.KindOf(err) != signin.BodyMalformed {
				t.Errorf("form, %s: DecodeToken(%s) = %v, want BodyMalformed", name, body, err)
			}
		}
		if m.camel == m.snake {
			continue
		}
		for _, body := range []string{
			`{"` + m.camel + `":"a","` + m.snake + `":"a"}`, `{"` + m.snake + `":"a","` + m.camel + `":"a"}`,
			`{"` + m.snake + `":null,"` + m.camel + `":"a"}`,
		} {
			if _, err := DecodeToken(call(jsonContent, body)); signin.KindOf(err) != signin.ParameterInvalid {
				t.Errorf("both spellings: DecodeToken(%s) = %v, want ParameterInvalid", body, err)
			}
		}
	}
}

// padded returns a body of exactly size bytes that is good.
func padded(contentType string, size int) string {
	head, tail := `{"grantType":"refresh_token","pad":"`, `"}`
	if contentType == formContent {
		head, tail = `grant_type=refresh_token&pad=`, ""
	}
	return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
}

func TestBodyLimitIsExact(t *testing.T) {
	for _, contentType := range []string{jsonContent, formContent} {
		for size, want := range map[int]signin.Kind{MaxTokenBody - 1: 0, MaxTokenBody: 0, MaxTokenBody + 1: signin.BodyTooLarge, 3 * MaxTokenBody: signin.BodyTooLarge} {
			body := padded(contentType, size)
			for name, c := range map[string]*Call{
				"Content-Length":            call(contentType, body),
				"no Content-Length":         unmeasured(contentType, strings.NewReader(body)),
				"chunked":                   chunked(t, contentType, body),
				"a byte at a time":          unmeasured(contentType, iotest.OneByteReader(strings.NewReader(body))),
				"data together with EOF":    unmeasured(contentType, iotest.DataErrReader(strings.NewReader(body))),
				"Content-Length is too low": lying(contentType, body, 10),
			} {
				got, err := DecodeToken(c)
				switch {
				case want == 0 && (err != nil || got.GrantType != "refresh_token" || len(got.Body) != size):
					t.Errorf("%s, %s, %d bytes: DecodeToken = %d bytes, %v, want all", contentType, name, size, len(got.Body), err)
				case want != 0 && signin.KindOf(err) != want:
					t.Errorf("%s, %s, %d bytes: DecodeToken = %v, want %v", contentType, name, size, err, want)
				}
			}
		}
	}
}

func unmeasured(contentType string, body io.Reader) *Call {
	c := call(contentType, "")
	c.Body, c.ContentLength = io.NopCloser(body), -1
	return c
}

func lying(contentType, body string, length int64) *Call {
	c := call(contentType, body)
	c.ContentLength = length
	return c
}

// chunked returns what net/http makes of a chunked request.
func chunked(t *testing.T, contentType, body string) *Call {
	t.Helper()
	var b strings.Builder
	b.WriteString("POST /v1/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Type: " + contentType + "\r\n\r\n")
	for rest := body; rest != ""; {
		n := min(1000, len(rest))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	b.WriteString("0\r\n\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String())))
	if err != nil {
		t.Fatal(err)
	}
	return &Call{Request: r}
}

func TestTooLargeIsSaidBeforeTheBodyIsRead(t *testing.T) {
	c := lying(jsonContent, "", MaxTokenBody+1)
	c.Body = io.NopCloser(iotest.ErrReader(errors.New("the body was read")))
	if _, err := DecodeToken(c); signin.KindOf(err) != signin.BodyTooLarge {
		t.Errorf("DecodeToken with a Content-Length over the limit = %v, want BodyTooLarge", err)
	}
}

func TestBodyThatBreaksOffIsRefused(t *testing.T) {
	broken := errors.New("connection reset by 192.0.2.7")
	c := unmeasured(jsonContent, io.MultiReader(strings.NewReader(`{"clientId":"a"}`), iotest.ErrReader(broken)))
	_, err := DecodeToken(c)
	if signin.KindOf(err) != signin.BodyMalformed || !errors.Is(err, broken) {
		t.Errorf("DecodeToken = %v, want BodyMalformed because of %v", err, broken)
	}
	w := httptest.NewRecorder()
	WriteFault(w, c, err)
	if strings.Contains(w.Body.String(), "192.0.2.7") {
		t.Errorf("the cause is told to the caller: %s", w.Body)
	}
}

func TestOnlyTwoContentTypesAreRead(t *testing.T) {
	for _, contentType := range []string{
		"", "text/plain", "application/json2", "application/jsonp", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
		"application/json; charset=latin1", "application/json; =", "application/json, application/x-www-form-urlencoded", "json",
		"application/vnd.api+json", "application/x-www-form-urlencoded; charset=iso-8859-1",
	} {
		if _, err := DecodeToken(call(contentType, `{"clientId":"a"}`)); signin.KindOf(err) != signin.ContentTypeUnsupported {
			t.Errorf("DecodeToken with Content-Type %q = %v, want ContentTypeUnsupported", contentType, err)
		}
	}
	twice := call(jsonContent, `{}`)
	twice.Header.Add("Content-Type", formContent)
	if _, err := DecodeToken(twice); signin.KindOf(err) != signin.ContentTypeUnsupported {
		t.Errorf("DecodeToken with two Content-Types = %v, want ContentTypeUnsupported", err)
	}
	for _, encoding := range []string{"gzip", "identity, gzip", "br"} {
		c := call(jsonContent, `{}`)
		c.Header.Set("Content-Encoding", encoding)
		if _, err := DecodeToken(c); signin.KindOf(err) != signin.ContentTypeUnsupported {
			t.Errorf("DecodeToken with Content-Encoding %q = %v, want ContentTypeUnsupported", encoding, err)
		}
	}
}

func TestValuesThatAreNotStringsAreRefused(t *testing.T) {
	for _, m := range members {
		for _, value := range []string{"1", "true", "false", `["a"]`, `{"a":"b"}`, "1e9"} {
			_, err := DecodeToken(call(jsonContent, `{"`+m.camel+`":`+value+`}`))
			if signin.KindOf(err) != signin.ParameterInvalid || !strings.Contains(err.Error(), m.camel) {
				t.Errorf("DecodeToken with %s %s = %v, want ParameterInvalid that names it", m.camel, value, err)
			}
		}
		if _, err := DecodeToken(call(jsonContent, `{"`+m.camel+`":null}`)); err != nil {
			t.Errorf("DecodeToken with %s null = %v, want it taken as absent", m.camel, err)
		}
	}
}

// What one parser reads and another does not, is refused for all.
func TestBodiesThatParsersDisagreeOnAreRefused(t *testing.T) {
	for contentType, bodies := range map[string][]string{
		jsonContent: {
			"", " ", "[]", "null", `"a"`, "{", "{}}", "{} {}", `{"clientId":"a",}`, `{clientId:"a"}`, `{'clientId':'a'}`, `{"clientId" "a"}`,
			"\ufeff{}", `{"clientId":"a"}` + "\x00", `{"clientId":"` + "\xff" + `"}`, `{"clientId":"\ud800"}`, `{"clientId":"\x41"}`, `{"clientId":"a` + "\n" + `"}`,
			`{"a":` + strings.Repeat("[", 17) + strings.Repeat("]", 17) + `}`, `{"a":NaN}`, `// x` + "\n{}", `{"x":01}`, "\xff\xfe{\x00}\x00",
			`{"` + "\xff" + `":1}`,
		},
		formContent: {
			"grant_type=a;client_id=b", "grant_type=%", "grant_type=%a", "grant_type=%zz", "grant_type=%ff", "grant_type=a b", "grant_type=\n",
			"grant_type=é", "%ff=a", "grant_type=a\x00", "grant_type=%c3",
		},
	} {
		for _, body := range bodies {
			if got, err := DecodeToken(call(contentType, body)); signin.KindOf(err) != signin.BodyMalformed {
				t.Errorf("DecodeToken(%s, %q) = %+v, %v, want BodyMalformed", contentType, body, got, err)
			}
		}
	}
	// Sixteen levels are passed over.
	body := `{"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `,"clientId":"a"}`
	if got, err := DecodeToken(call(jsonContent, body)); err != nil || got.ClientID != "a" {
		t.Errorf("DecodeToken(%s) = %+v, %v", body, got, err)
	}
}

func TestMessagesNameMembersAsTheCallerSpellsThem(t *testing.T) {
	for _, tt := range []struct {
		spelling   Spelling
		name, want string
	}{
		{CamelJSON, "client_id", "clientId"}, {SnakeJSON, "client_id", "client_id"}, {SnakeForm, "client_id", "client_id"},
		{CamelJSON, "code", "code"}, {CamelJSON, "no_member", "no_member"},
	} {
		if got := tt.spelling.Name(tt.name); got != tt.want {
			t.Errorf("Spelling(%d).Name(%s) = %s, want %s", tt.spelling, tt.name, got, tt.want)
		}
	}
}
