package sigv4

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// wantRefusal checks the reason, and that the message shows nothing of the request but names.
func wantRefusal(t *testing.T, name string, r Request, want Reason) {
	t.Helper()
	_, err := verify(r)
	if !is(err, want) {
		t.Errorf("%s: %v, want %v", name, err, want)
		return
	}
	e, _ := errors.AsType[*Error](err)
	for _, foreign := range []string{"AKIDEXAMPLE", "attacker", "20261121", "IQoJ", "4b5edc9b"} {
		if strings.Contains(e.Message, foreign) {
			t.Errorf("%s: message %q shows text of the request", name, e.Message)
		}
	}
}

func TestRequestRules(t *testing.T) {
	header, presigned := readClient(t, "botocore-header-token"), readClient(t, "botocore-presigned-token")
	sha := "x"
	tests := []struct {
		name string
		r    Request
		edit func(*Request)
		want Reason
	}{
		{"not signed", header, func(r *Request) { r.Header.Del("Authorization") }, NotSigned},
		{"two Authorization headers", header, func(r *Request) { r.Header.Add("Authorization", "Basic x") }, Duplicate},
		{"two dates", header, func(r *Request) { r.Header.Add("X-Amz-Date", "20261121T000000Z") }, Duplicate},
		{"two tokens", header, func(r *Request) { r.Header.Add("X-Amz-Security-Token", "attacker") }, Duplicate},
		{"a Date header only", header, func(r *Request) {
			r.Header.Del("X-Amz-Date")
			r.Header.Set("Date", "Sat, 21 Nov 2026 23:57:29 GMT")
		}, Malformed},
		{"a date with a fraction", header, func(r *Request) { r.Header.Set("X-Amz-Date", "20261121T23572.Z") }, Malformed},
		{"a date that does not exist", header, func(r *Request) { r.Header.Set("X-Amz-Date", "20261131T235729Z") }, Malformed},
		{"a date that is rubbish", header, func(r *Request) { r.Header.Set("X-Amz-Date", "attackerattacker") }, Malformed},
		{"the token taken away", header, func(r *Request) { r.Header.Del("X-Amz-Security-Token") }, HeaderMissing},
		{"another token", header, func(r *Request) { r.Header.Set("X-Amz-Security-Token", "attacker") }, SignatureMismatch},
		{"a token added after signing", readClient(t, "botocore-header"), func(r *Request) { r.Header.Set("X-Amz-Security-Token", "attacker") }, HeaderUnsigned},
		{"an X-Amz header added on the way", header, func(r *Request) { r.Header.Set("X-Amz-Attacker", "1") }, HeaderUnsigned},
		{"the same with odd case", header, func(r *Request) { r.Header["x-AMZ-attacker"] = []string{"1"} }, HeaderUnsigned},
		{"the body unsigned", header, func(r *Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"); signToo(r) }, BodyUnsigned},
		{"a streamed body", header, func(r *Request) {
			r.Header.Set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
			signToo(r)
		}, BodyUnsigned},
		{"the hash of another body", header, func(r *Request) { r.Header.Set("X-Amz-Content-Sha256", sha); signToo(r) }, BodyMismatch},
		{"a line break in a signed header", header, func(r *Request) { r.Header.Set("Content-Type", "a\nhost:attacker") }, Malformed},
		{"a line break in the host", header, func(r *Request) { r.Host = "a\nb" }, Malformed},
		{"no host", header, func(r *Request) { r.Host = "" }, HeaderMissing},
		{"a method with a line break", header, func(r *Request) { r.Method = "GET\n/" }, Malformed},
		{"no method", header, func(r *Request) { r.Method = "" }, Malformed},
		{"a long path", header, func(r *Request) { r.Path = "/" + strings.Repeat("a", 5000) }, Malformed},
		{"a long query", header, func(r *Request) { r.RawQuery = strings.Repeat("a", 17000) }, Malformed},
		{"many parameters", header, func(r *Request) { r.RawQuery = strings.Repeat("a&", 129) }, Malformed},
		{"a broken query", header, func(r *Request) { r.RawQuery = "a=%zz" }, Malformed},
		{"long signed headers", header, func(r *Request) { r.Header.Set("Content-Type", strings.Repeat("a", 40000)) }, Malformed},
		{"a header signature and parts of a presigned one", header, func(r *Request) { r.RawQuery = "X-Amz-Signature=00" }, Duplicate},
		{"both forms", presigned, func(r *Request) { r.Header.Set("Authorization", header.Header.Get("Authorization")) }, Duplicate},
		{"presigned: a token in a header as well", presigned, func(r *Request) { r.Header.Set("X-Amz-Security-Token", "attacker") }, Duplicate},
		{"presigned: signature twice", presigned, func(r *Request) { r.RawQuery += "&X-Amz-Signature=00" }, Duplicate},
		{"presigned: token twice", presigned, func(r *Request) { r.RawQuery += "&X-Amz-Security-Token=attacker" }, Duplicate},
		{"presigned: no algorithm", presigned, replaceQuery("X-Amz-Algorithm", "x"), Malformed},
		{"presigned: no credential", presigned, replaceQuery("X-Amz-Credential", "x"), Malformed},
		{"presigned: no date", presigned, replaceQuery("X-Amz-Date", "x"), Malformed},
		{"presigned: no end", presigned, replaceQuery("X-Amz-Expires", "x"), Malformed},
		{"presigned: no signed headers", presigned, replaceQuery("X-Amz-SignedHeaders", "x"), Malformed},
		{"presigned: no signature", presigned, replaceQuery("X-Amz-Signature", "x"), Malformed},
		{"presigned: host not signed", presigned, replaceQuery("SignedHeaders=host", "SignedHeaders=accept"), HeaderUnsigned},
		{"presigned: another algorithm", presigned, replaceQuery("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), Malformed},
		{"presigned: good for 0 s", presigned, replaceQuery("Expires=60", "Expires=0"), Malformed},
		{"presigned: good for 8 days", presigned, replaceQuery("Expires=60", "Expires=604801"), Malformed},
		{"presigned: good for -1 s", presigned, replaceQuery("Expires=60", "Expires=-1"), Malformed},
		{"presigned: good for ever", presigned, replaceQuery("Expires=60", "Expires=99999999999999999999"), Malformed},
		{"presigned: good for an empty time", presigned, replaceQuery("Expires=60", "Expires="), Malformed},
		{"presigned: good for longer", presigned, replaceQuery("Expires=60", "Expires=604800"), SignatureMismatch},
		{"presigned: the token taken away", presigned, replaceQuery("&X-Amz-Security-Token=", "&Token="), SignatureMismatch},
		{"presigned: with a body", presigned, func(r *Request) { r.Body = []byte("Action=Attack") }, SignatureMismatch},
	}
	for _, tt := range tests {
		wantRefusal(t, tt.name, altered(tt.r, tt.edit), tt.want)
	}
}

// signToo makes x-amz-content-sha256 one of the signed headers.
func signToo(r *Request) {
	v := r.Header.Get("Authorization")
	r.Header.Set("Authorization", strings.Replace(v, ";x-amz-date", ";x-amz-content-sha256;x-amz-date", 1))
}

func replaceQuery(old, new string) func(*Request) {
	return func(r *Request) { r.RawQuery = strings.Replace(r.RawQuery, old, new, 1) }
}

// What a proxy may do to headers that are not signed is no concern.
func TestUnsignedHeadersMayChange(t *testing.T) {
	r := altered(readClient(t, "botocore-header-token"), func(r *Request) {
		r.Header.Set("User-Agent", "other")
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		r.Header.Set("X-Amzn-Trace-Id", "Root=1")
		r.Header["Amz-Sdk-Request"] = []string{"attempt=2"}
	})
	if _, err := verify(r); err != nil {
		t.Errorf("verify: %v", err)
	}
	if _, err := verify(Request{Method: "GET", Path: "/", Header: http.Header{}}); !is(err, NotSigned) {
		t.Errorf("an empty request: %v, want NotSigned", err)
	}
}
