package wire

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// sample has a member of every kind and bound.
var sample = Shape{
	Operation: "Sample", Form: true,
	Members: []Member{
		{Name: "grant_type", Min: 1, Max: 20, Needed: true},
		{Name: "resource", Min: 2, Max: 4, Pattern: regexp.MustCompile(`^[a-zé]+$`), Rule: "small letters"},
		{Name: "duration", Kind: Number, Min: 300, Max: 43200},
		{Name: "uris", Kind: TextList, Min: 1, Max: 2, EachMax: 3},
	},
}

func decodeSample(contentType, body string) (Values, error) {
	return sample.Decode(call(contentType, body))
}

func TestMembersOfAShapeAreReadInBothSpellings(t *testing.T) {
	for contentType, body := range map[string]string{
		jsonContent:                         `{"grant_type":"g","resource":"aé","duration":300,"uris":["a","bc"],"other":{"grant_type":[1]}}`,
		"application/json; charset=utf-8":   ` {"uris":["a","bc"],"duration":300,"grant_type":"g","resource":"a\u00e9"} `,
		"application/x-www-form-urlencoded": `grant_type=g&resource=a%C3%A9&duration=300&other=1`,
	} {
		v, err := decodeSample(contentType, body)
		if err != nil {
			t.Errorf("Decode(%s) = %v", body, err)
			continue
		}
		n, there := v.Number("duration")
		if v.Text("grant_type") != "g" || v.Text("resource") != "aé" || n != 300 || !there || string(v.Body) != body {
			t.Errorf("Decode(%s) = %q, %q, %d, %v", body, v.Text("grant_type"), v.Text("resource"), n, there)
		}
		if uris, there := v.List("uris"); there != strings.Contains(body, "uris") || there && !slices.Equal(uris, []string{"a", "bc"}) {
			t.Errorf("Decode(%s): uris = %v, %v", body, uris, there)
		}
	}
}

// Each limit at its edge, and one past it.
func TestBoundsOfAShapeHoldAtTheirEdges(t *testing.T) {
	field := func(name, value string) string { return fmt.Sprintf(`{"grant_type":"g",%q:%s}`, name, value) }
	for _, tt := range []struct {
		body string
		want signin.Kind // Internal: none
	}{
		{`{"grant_type":"` + strings.Repeat("é", 20) + `"}`, signin.Internal},
		{`{"grant_type":"` + strings.Repeat("é", 21) + `"}`, signin.ParameterInvalid},
		{`{"grant_type":""}`, signin.ParameterInvalid},
		{`{"grant_type":null}`, signin.ParameterMissing},
		{`{}`, signin.ParameterMissing},
		{field("resource", `"ab"`), signin.Internal},
		{field("resource", `"abcd"`), signin.Internal},
		{field("resource", `"a"`), signin.ParameterInvalid},
		{field("resource", `"abcde"`), signin.ParameterInvalid},
		{field("resource", `"AB"`), signin.ParameterInvalid},
		{field("resource", `1`), signin.ParameterInvalid},
		{field("resource", `["ab"]`), signin.ParameterInvalid},
		{field("duration", `300`), signin.Internal},
		{field("duration", `43200`), signin.Internal},
		{field("duration", `299`), signin.ParameterInvalid},
		{field("duration", `43201`), signin.ParameterInvalid},
		{field("duration", `300.0`), signin.ParameterInvalid},
		{field("duration", `3e2`), signin.ParameterInvalid},
		{field("duration", `"300"`), signin.ParameterInvalid},
		{field("duration", `99999999999999999999`), signin.ParameterInvalid},
		{field("duration", `-300`), signin.ParameterInvalid},
		{field("uris", `["abc","a"]`), signin.Internal},
		{field("uris", `[]`), signin.ParameterInvalid},
		{field("uris", `["a","b","c"]`), signin.ParameterInvalid},
		{field("uris", `["abcd"]`), signin.ParameterInvalid},
		{field("uris", `[""]`), signin.ParameterInvalid},
		{field("uris", `[1]`), signin.ParameterInvalid},
		{field("uris", `"a"`), signin.ParameterInvalid},
		{field("uris", `null`), signin.Internal},
	} {
		_, err := decodeSample(jsonContent, tt.body)
		if got := signin.KindOf(err); err == nil != (tt.want == signin.Internal) || got != tt.want {
			t.Errorf("Decode(%s) = %v, want %v", tt.body, err, tt.want)
		}
	}
}

// A caller who spells a member otherwise, or sends what another operation takes, is told; passed over, it would be answered
// for something that it did not mean.
func TestMembersOfOtherOperationsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		contentType, body string
		want              signin.Kind // Internal: none
	}{
		{jsonContent, `{"grant_type":"g","grantType":"g"}`, signin.ParameterInvalid},
		{jsonContent, `{"Grant_Type":"g"}`, signin.ParameterInvalid},
		{jsonContent, `{"grant_type":"g","code":"c"}`, signin.ParameterInvalid},
		{jsonContent, `{"grant_type":"g","refreshToken":null}`, signin.ParameterInvalid},
		{jsonContent, `{"grant_type":"g","tags":1}`, signin.Internal},
		{formContent, `grant_type=g&code=c`, signin.ParameterInvalid},
		{formContent, `grant_type=g&tags=c`, signin.Internal},
		{formContent, `grant_type=g&uris=c`, signin.ParameterInvalid},
		{formContent, `grant_type=g&grant_type=g`, signin.BodyMalformed},
		{formContent, `grant_type=g&duration=%2B300`, signin.ParameterInvalid},
		{formContent, `grant_type=`, signin.ParameterMissing},
		{jsonContent, `{"grant_type":"g","grant_type":"g"}`, signin.BodyMalformed},
		{jsonContent, `{"grant_type":"g"} {}`, signin.BodyMalformed},
		{jsonContent, `[]`, signin.BodyMalformed},
		{jsonContent, ``, signin.BodyMalformed},
		{jsonContent, `{"grant_type":"g","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, signin.BodyMalformed},
		{"text/plain", `{"grant_type":"g"}`, signin.ContentTypeUnsupported},
		{"", `{"grant_type":"g"}`, signin.ContentTypeUnsupported},
	} {
		_, err := decodeSample(tt.contentType, tt.body)
		if got := signin.KindOf(err); err == nil != (tt.want == signin.Internal) || got != tt.want {
			t.Errorf("Decode(%s, %s) = %v, want %v", tt.contentType, tt.body, err, tt.want)
		}
	}
	open := Shape{Operation: "Open", Open: true, Members: sample.Members}
	if _, err := open.Decode(call(jsonContent, `{"grant_type":"g","code":1,"grantType":[]}`)); err != nil {
		t.Errorf("Decode of an open shape = %v, want other members passed over", err)
	}
	if _, err := open.Decode(call(formContent, `grant_type=g`)); signin.KindOf(err) != signin.ContentTypeUnsupported {
		t.Errorf("Decode of a form where only JSON is read = %v, want ContentTypeUnsupported", err)
	}
}

// SDKs send no body and no Content-Type where an operation has no members.
func TestAnEmptyShapeNeedsNoBody(t *testing.T) {
	empty := Shape{Operation: "Empty", Empty: true}
	for _, body := range []string{"", "{}"} {
		r := httptest.NewRequest("POST", "/x", strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", jsonContent)
		}
		if _, err := empty.Decode(&Call{Request: r}); err != nil {
			t.Errorf("Decode(%q) = %v", body, err)
		}
	}
}

// Whatever is accepted is what the standard library's parsers read, within its bounds.
func FuzzDecodeShape(f *testing.F) {
	for _, body := range []string{`{"grant_type":"g","duration":300,"uris":["a"]}`, `{"grant_type":"\u0067","x":[{}]}`, `{"Grant_type":""}`} {
		f.Add(false, body)
	}
	f.Add(true, "grant_type=g&resource=ab&duration=300")
	f.Fuzz(func(t *testing.T, form bool, body string) {
		contentType := jsonContent
		if form {
			contentType = formContent
		}
		v, err := decodeSample(contentType, body)
		if err != nil {
			if k := signin.KindOf(err); k == signin.Internal || Status(k) < 400 || Status(k) >= 500 {
				t.Errorf("Decode(%q) = %v, want a fault of the caller", body, err)
			}
			return
		}
		if n, there := v.Number("duration"); there && (n < 300 || n > 43200) {
			t.Errorf("Decode(%q): duration %d", body, n)
		}
		if form {
			values, err := url.ParseQuery(body)
			if err != nil || values.Get("grant_type") != v.Text("grant_type") {
				t.Errorf("Decode(%q): grant_type %q, the standard library reads %q, %v", body, v.Text("grant_type"), values.Get("grant_type"), err)
			}
		}
	})
}

// Whatever the body: a request that is read has one spelling, and no member twice.
func FuzzDecodeTwoSpellings(f *testing.F) {
	two := Shape{Operation: "Two", Members: []Member{{Name: "token"}, {Name: "client_id", Camel: "clientId"}, {Name: "token_type_hint", Camel: "tokenTypeHint"}}}
	for _, body := range []string{
		`{"token":"a","clientId":"b"}`, `{"client_id":"b","token_type_hint":null}`, `{"clientId":"b","client_id":"c"}`, `{"client\u0049d":"b","token_type_hint":"c"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, err := two.Decode(call(jsonContent, body))
		if err != nil {
			if k := signin.KindOf(err); k == signin.Internal || Status(k) < 400 || Status(k) >= 500 {
				t.Errorf("Decode(%q) = %v, want a fault of the caller", body, err)
			}
			return
		}
		var members map[string]any
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatalf("Decode(%q) reads what the standard library does not: %v", body, err)
		}
		for name, camel := range map[string]string{"client_id": "clientId", "token_type_hint": "tokenTypeHint"} {
			snaky, isSnake := members[name]
			other, isCamel := members[camel]
			if isSnake && isCamel || isSnake && v.camel || isCamel && v.snake {
				t.Errorf("Decode(%q) reads two spellings", body)
			}
			if want, ok := cmp.Or(snaky, other).(string); ok && v.Text(name) != want {
				t.Errorf("Decode(%q): %s is %q, want %q", body, name, v.Text(name), want)
			}
		}
	})
}

// Clients that registered themselves read the plain shape of OAuth: the code of the RFC, 401 for who they are, and no
// exception.
func TestPlainFaultsAreThoseOfOAuth(t *testing.T) {
	for kind, want := range map[signin.Kind]string{
		signin.ClientUnknown:    `401 {"error":"invalid_client","error_description":"Mend it."}`,
		signin.CodeSpent:        `400 {"error":"invalid_grant","error_description":"Mend it."}`,
		signin.CodeExpired:      `400 {"error":"invalid_grant","error_description":"Mend it."}`,
		signin.RefreshReused:    `400 {"error":"invalid_grant","error_description":"Mend it."}`,
		signin.SessionEnded:     `400 {"error":"invalid_grant","error_description":"Mend it."}`,
		signin.ParameterMissing: `400 {"error":"invalid_request","error_description":"Mend it."}`,
		signin.GrantUnknown:     `400 {"error":"unsupported_grant_type","error_description":"Mend it."}`,
		signin.TargetInvalid:    `400 {"error":"invalid_target","error_description":"Mend it."}`,
		signin.ProofInvalid:     `400 {"error":"invalid_dpop_proof","error_description":"Mend it."}`,
		signin.RedirectRefused:  `400 {"error":"invalid_redirect_uri","error_description":"Mend it."}`,
		signin.Throttled:        `429 {"error":"rate_exceeded","error_description":"Mend it."}`,
		signin.Overloaded:       `503 {"error":"service_unavailable","error_description":"Mend it."}`,
		signin.Internal:         `500 {"error":"server_error","error_description":"Mend it."}`,
	} {
		w := httptest.NewRecorder()
		WriteOAuthFault(w, call(jsonContent, ""), signin.Refuse(kind, "Mend it."))
		if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != want {
			t.Errorf("%v: %s, want %s", kind, got, want)
		}
		if w.Header()["X-Amzn-ErrorType"] != nil || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%v: header %v, want no exception and no-store", kind, w.Header())
		}
	}
	for _, k := range signin.Kinds() { // no code of the other shape
		w := httptest.NewRecorder()
		WriteOAuthFault(w, call(jsonContent, ""), signin.Refuse(k, "Mend it."))
		if strings.Contains(w.Body.String(), `"INVALID_REQUEST"`) || strings.Contains(w.Body.String(), `"TOKEN_EXPIRED"`) {
			t.Errorf("%v has no code of OAuth: %s", k, w.Body)
		}
	}
}

// A member that has two spellings in JSON has one in a request, and all of a request have the same one.
func TestMembersWithTwoSpellings(t *testing.T) {
	twofold := Shape{Operation: "Twofold", Form: true, Members: []Member{
		{Name: "token", Needed: true}, {Name: "client_id", Camel: "clientId"}, {Name: "token_type_hint", Camel: "tokenTypeHint"},
	}}
	for _, tt := range []struct {
		contentType, body string
		want              signin.Kind // Internal: none
	}{
		{jsonContent, `{"token":"t","client_id":"c","token_type_hint":"h"}`, signin.Internal},
		{jsonContent, `{"clientId":"c","tokenTypeHint":"h","token":"t"}`, signin.Internal},
		{formContent, `token=t&client_id=c&token_type_hint=h`, signin.Internal},
		{jsonContent, `{"token":"t","client_id":"c","tokenTypeHint":"h"}`, signin.ParameterInvalid},
		{jsonContent, `{"token":"t","client_id":"c","clientId":"c"}`, signin.ParameterInvalid},
		{jsonContent, `{"token":"t","clientId":"c","client_id":null}`, signin.ParameterInvalid},
		{jsonContent, `{"token":"t","clientID":"c"}`, signin.ParameterInvalid},
		{jsonContent, `{"token":"t","":"c"}`, signin.Internal}, // no member is spelled so
		{formContent, `token=t&clientId=c`, signin.ParameterInvalid},
	} {
		v, err := twofold.Decode(call(tt.contentType, tt.body))
		if tt.want != signin.Internal {
			if signin.KindOf(err) != tt.want {
				t.Errorf("Decode(%s) = %v, want %v", tt.body, err, tt.want)
			}
			continue
		}
		if err != nil || v.Text("token") != "t" || strings.Contains(tt.body, "lient") && (v.Text("client_id") != "c" || v.Text("token_type_hint") != "h") {
			t.Errorf("Decode(%s) = %q %q %q, %v", tt.body, v.Text("token"), v.Text("client_id"), v.Text("token_type_hint"), err)
		}
	}
}

// Only an operation of the AWS JSON protocols reads their content types.
func TestContentTypesOfAWSJSONAreReadWhereTheyBelong(t *testing.T) {
	aws := sample
	aws.AWSJSON, aws.Form = true, false
	for _, contentType := range []string{"application/x-amz-json-1.1", "application/x-amz-json-1.0", "Application/X-Amz-JSON-1.1; charset=utf-8"} {
		if v, err := aws.Decode(call(contentType, `{"grant_type":"g"}`)); err != nil || v.Text("grant_type") != "g" {
			t.Errorf("%s: %v, want the member", contentType, err)
		}
		if _, err := decodeSample(contentType, `{"grant_type":"g"}`); signin.KindOf(err) != signin.ContentTypeUnsupported {
			t.Errorf("%s elsewhere: %v, want ContentTypeUnsupported", contentType, err)
		}
	}
	for _, contentType := range []string{"application/x-amz-json-1.2", "application/x-amz-json", "text/plain", ""} {
		if _, err := aws.Decode(call(contentType, `{"grant_type":"g"}`)); signin.KindOf(err) != signin.ContentTypeUnsupported {
			t.Errorf("%q: %v, want ContentTypeUnsupported", contentType, err)
		}
	}
}
