package wire

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

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

// Two readers of one form could take different ones of a member that is there twice, so none may be, known or not.
func TestFormRefusesWhatItPassesOverTwice(t *testing.T) {
	for body, ok := range map[string]bool{
		"grant_type=refresh_token&x=1":            true,
		"grant_type=refresh_token&x=1&y=1":        true,
		"grant_type=refresh_token&x=1&x=1":        false,
		"grant_type=refresh_token&x=1&%78=1":      false,
		"x=1&" + strings.Repeat("&", 100) + "y=1": true,
		manyMembers(65):                           false,
	} {
		_, err := DecodeToken(call("application/x-www-form-urlencoded", body))
		if (err == nil) != ok || (err != nil && signin.KindOf(err) != signin.BodyMalformed) {
			t.Errorf("DecodeToken(%.60q) = %v, want accepted %v", body, err, ok)
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&m%d=1", i)
	}
	return b.String()
}
