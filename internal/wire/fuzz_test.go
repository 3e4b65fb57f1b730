package wire

import (
	"encoding/json"
	"net/url"
	"testing"
	"unicode/utf8"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Whatever is accepted means the same to the standard library's parsers, and every refusal is a fault for the caller.
func FuzzDecodeToken(f *testing.F) {
	for _, body := range []string{
		`{"clientId":"a","grantType":"refresh_token","refreshToken":"b"}`, `{"client_id":"a","code":"\u0041\/","resource":null,"x":[{}]}`,
		`{"clientId":"\ud83d\udd11"}`, `{"":""}`, `{} `, `{"clientId":"a","client_id":"b"}`, `{"ClientId":"a"}`,
	} {
		f.Add(false, body)
	}
	for _, body := range []string{
		"grant_type=refresh_token&client_id=a&refresh_token=b%2Bc+d", "code=%C3%A9&&=&x=1", "code", "code=a&code=b", "code=a;b", "client%5fid=a",
	} {
		f.Add(true, body)
	}
	f.Fuzz(func(t *testing.T, form bool, body string) {
		contentType := jsonContent
		if form {
			contentType = formContent
		}
		got, err := DecodeToken(call(contentType, body))
		if err != nil {
			if k := signin.KindOf(err); k == signin.Internal || Status(k) < 400 || Status(k) >= 500 {
				t.Errorf("DecodeToken(%s, %q) = %v, want a fault of the caller", contentType, body, err)
			}
			return
		}
		want := byStandardLibrary(t, form, body)
		for i := range members {
			m := &members[i]
			name := m.snake
			if got.Spelling == CamelJSON {
				name = m.camel
			}
			if value := *m.field(&got); value != want[name] || !utf8.ValidString(value) || utf8.RuneCountInString(value) > m.max {
				t.Errorf("DecodeToken(%s, %q): %s = %q, the standard library reads %q", contentType, body, name, value, want[name])
			}
		}
	})
}

// byStandardLibrary returns the members of a body whose values are strings.
func byStandardLibrary(t *testing.T, form bool, body string) map[string]string {
	t.Helper()
	found := map[string]string{}
	if form {
		values, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("accepted, but url.ParseQuery(%q): %v", body, err)
		}
		for name := range values {
			found[name] = values.Get(name)
		}
		return found
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(body), &values); err != nil {
		t.Fatalf("accepted, but json.Unmarshal(%q): %v", body, err)
	}
	for name, v := range values {
		if s, ok := v.(string); ok {
			found[name] = s
		}
	}
	return found
}
