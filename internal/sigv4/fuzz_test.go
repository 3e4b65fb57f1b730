package sigv4

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whatever comes, Parse and Verify do not panic, their errors are *Error, what Parse returns is within its limits, and
// no signature verifies with a secret that nobody used.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"botocore-header-token", "botocore-presigned-token", "curl-query", "curl-json"} {
		r := readClient(f, name)
		f.Add(r.Method, r.Host, r.Path, r.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"), "content-type", r.Header.Get("Content-Type"), r.Body)
	}
	f.Add("GET", "h", "//a/./../b%2f", "a=+%20&b=%zz", "AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request,SignedHeaders=host,Signature=00", "20260101T000000Z", "x-amz-a", " a  b ", []byte{0})
	f.Fuzz(func(t *testing.T, method, host, path, query, authorization, date, name, value string, body []byte) {
		r := Request{Method: method, Host: host, Path: path, RawQuery: query, Body: body, Header: http.Header{}}
		for k, v := range map[string]string{"Authorization": authorization, "X-Amz-Date": date, name: value} {
			if v != "" {
				r.Header.Add(k, v)
			}
		}
		s, err := Parse(r)
		if err != nil {
			if _, ok := ReasonOf(err); !ok {
				t.Fatalf("Parse: %v, want an *Error", err)
			}
			return
		}
		if s.AccessKeyID == "" || len(s.AccessKeyID) > 128 || strings.ContainsAny(s.AccessKeyID, "/ \n") ||
			len(s.SignedHeaders) > maxSignedHeaders || s.Presigned != (s.Expires > 0) {
			t.Fatalf("Parse gave %+v", s)
		}
		err = s.Verify("a secret that signed nothing", Rules{Service: s.Service}, s.SignedAt.Add(time.Second))
		if _, ok := ReasonOf(err); !ok {
			t.Fatalf("Verify: %v, want an *Error", err)
		}
	})
}
