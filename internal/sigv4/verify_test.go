package sigv4

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// altered returns a copy of r that edit may change.
func altered(r Request, edit func(*Request)) Request {
	r.Header = r.Header.Clone()
	r.Body = slices.Clone(r.Body)
	edit(&r)
	return r
}

func verify(r Request) (*Signed, error) {
	at := time.Date(2026, 11, 21, 23, 57, 40, 0, time.UTC)
	if d := r.Header.Get("X-Amz-Date"); d != "" {
		if t, err := time.Parse(dateForm, d); err == nil {
			at = t
		}
	}
	s, err := Parse(r)
	if err != nil {
		return nil, err
	}
	return s, s.Verify(secret, Rules{Service: s.Service}, at)
}

// Whoever changes a byte of what is signed has no signature for it.
func TestTamperedRequestIsRefused(t *testing.T) {
	for _, name := range []string{"botocore-header-token", "botocore-presigned-token", "curl-query", "curl-json"} {
		r := readClient(t, name)
		if _, err := verify(r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, mask := range []byte{1, 2, 0x10, 0x20} {
			flip := func(field string, s string, set func(r *Request, s string)) {
				for i := range len(s) {
					b := []byte(s)
					b[i] ^= mask
					if sameQuery(field, s, string(b)) {
						continue
					}
					changed := altered(r, func(r *Request) { set(r, string(b)) })
					signed, err := verify(changed)
					if err == nil && signed.AccessKeyID == "AKIDEXAMPLE" { // another key has another secret
						t.Errorf("%s: byte %d of the %s ^ %#x: accepted", name, i, field, mask)
					}
				}
			}
			flip("method", r.Method, func(r *Request, s string) { r.Method = s })
			flip("host", r.Host, func(r *Request, s string) { r.Host = s })
			flip("path", r.Path, func(r *Request, s string) { r.Path = s })
			flip("query", r.RawQuery, func(r *Request, s string) { r.RawQuery = s })
			flip("body", string(r.Body), func(r *Request, s string) { r.Body = []byte(s) })
			for key, v := range r.Header {
				if s, _ := Parse(r); !slices.Contains(s.SignedHeaders, strings.ToLower(key)) && key != "Authorization" {
					continue
				}
				flip(key, v[0], func(r *Request, s string) { r.Header.Set(key, s) })
			}
		}
		if _, err := verify(altered(r, func(r *Request) { r.Body = append(r.Body, 'x') })); !is(err, SignatureMismatch) {
			t.Errorf("%s: a longer body: %v, want SignatureMismatch", name, err)
		}
		if _, err := verify(altered(r, func(r *Request) { r.RawQuery += "&admin=1" })); !is(err, SignatureMismatch) {
			t.Errorf("%s: one more parameter: %v, want SignatureMismatch", name, err)
		}
	}
}

func TestRules(t *testing.T) {
	header, presigned := readClient(t, "botocore-header"), readClient(t, "botocore-presigned") // good for 60 s
	tests := []struct {
		name  string
		r     Request
		rules Rules
		after time.Duration // from X-Amz-Date to now
		want  Reason        // -1: accepted
	}{
		{"header", header, Rules{Service: "sts"}, 0, -1},
		{"header, the right region", header, Rules{Service: "sts", Region: "us-east-1"}, 0, -1},
		{"header, another region", header, Rules{Service: "sts", Region: "eu-west-1"}, 0, WrongRegion},
		{"header, signed for another service", header, Rules{Service: "signin"}, 0, WrongService},
		{"header, no service", header, Rules{}, 0, WrongService},
		{"header, 5 minutes old", header, Rules{Service: "sts"}, 5 * time.Minute, -1},
		{"header, older", header, Rules{Service: "sts"}, 5*time.Minute + 1, Expired},
		{"header, 5 minutes ahead", header, Rules{Service: "sts"}, -5 * time.Minute, -1},
		{"header, further ahead", header, Rules{Service: "sts"}, -5*time.Minute - 1, NotYetValid},
		{"header, a wide window", header, Rules{Service: "sts", Skew: time.Hour}, time.Hour, -1},
		{"header, a narrow window", header, Rules{Service: "sts", Skew: time.Second}, 2 * time.Second, Expired},
		{"header, a thousand years old", header, Rules{Service: "sts"}, 1 << 62, Expired},
		{"presigned", presigned, Rules{Service: "sts"}, 0, -1},
		{"presigned, at its end", presigned, Rules{Service: "sts"}, time.Minute, -1},
		{"presigned, after it", presigned, Rules{Service: "sts"}, time.Minute + 1, Expired},
		{"presigned, a wide window does not prolong it", presigned, Rules{Service: "sts", Skew: time.Hour}, 2 * time.Minute, Expired},
		{"presigned, 5 minutes ahead", presigned, Rules{Service: "sts"}, -5 * time.Minute, -1},
		{"presigned, further ahead", presigned, Rules{Service: "sts"}, -5*time.Minute - 1, NotYetValid},
	}
	for _, tt := range tests {
		s, err := Parse(tt.r)
		if err != nil {
			t.Fatalf("%s: Parse: %v", tt.name, err)
		}
		err = s.Verify(secret, tt.rules, s.SignedAt.Add(tt.after))
		if tt.want == -1 && err != nil || tt.want != -1 && !is(err, tt.want) {
			t.Errorf("%s: Verify: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// A wrong clock is the commonest reason for a refused signature, so the message must say by how much, and never that
// just as much is accepted.
func TestTimeMessages(t *testing.T) {
	s, err := Parse(readClient(t, "botocore-header"))
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]string{
		300*time.Second + time.Millisecond:  "301 seconds behind this server's time, which is 2026-11-22T00:02:28Z; at most 300",
		-300*time.Second - time.Millisecond: "301 seconds ahead of this server's time, which is 2026-11-21T23:52:27Z; at most 300",
		1 << 62:                             "4611686019 seconds behind",
	} {
		if err := s.Verify(secret, Rules{Service: "sts"}, s.SignedAt.Add(after)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v later: Verify: %v, want %q in it", after, err, want)
		}
	}
	far := *s
	far.SignedAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := far.Verify(secret, Rules{Service: "sts"}, s.SignedAt); err == nil || strings.Contains(err.Error(), " -") {
		t.Errorf("signed in the year 9999: Verify: %v, want a positive number of seconds", err)
	}
}

// The length that is signed is that of the body that came, not what a header says.
func TestContentLengthIsTheRealOne(t *testing.T) {
	r := Request{Body: []byte("12345"), Header: http.Header{"Content-Length": {"3"}}}
	if got, err := r.values("content-length"); err != nil || got[0] != "5" {
		t.Errorf("values(content-length) = %q, %v, want 5", got, err)
	}
}

func TestReasonsHaveNames(t *testing.T) {
	for _, r := range Reasons() {
		if r.String() == "" || strings.HasPrefix(r.String(), "Reason(") {
			t.Errorf("reason %d has no name", int(r))
		}
	}
	if got := Reason(99).String(); got != "Reason(99)" {
		t.Errorf("Reason(99).String() = %q", got)
	}
}
