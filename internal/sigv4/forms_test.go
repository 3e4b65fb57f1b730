package sigv4

import (
	"fmt"
	"strings"
	"testing"
)

func TestAuthorizationHeader(t *testing.T) {
	r := readClient(t, "curl-json")
	good := r.Header.Get("Authorization")
	scope := "AKIDEXAMPLE/20261121/us-east-1/signin/aws4_request"
	list := "SignedHeaders=content-type;host;x-amz-date"
	signature := good[strings.Index(good, "Signature="):]
	credential := "Credential=" + scope
	tests := []struct {
		name, value string
		want        Reason // -1: accepted
	}{
		{"as sent", good, -1},
		{"no spaces after commas", strings.ReplaceAll(good, ", ", ","), -1},
		{"another order", algorithm + " " + signature + ", " + list + ", " + credential, -1},
		{"more spaces", "  " + algorithm + "   " + credential + " ,\t" + list + ",  " + signature + " ", -1},
		{"empty", "", NotSigned},
		{"a bearer token", "Bearer attacker", NotSigned},
		{"basic", "Basic QUtJRDpzZWNyZXQ=", NotSigned},
		{"the name in lower case", strings.ToLower(algorithm[:4]) + good[4:], NotSigned},
		{"only the algorithm", algorithm, Malformed},
		{"another algorithm", "AWS4-ECDSA-P256-SHA256" + strings.TrimPrefix(good, algorithm), Malformed},
		{"version 2", "AWS AKIDEXAMPLE:attacker", NotSigned},
		{"no credential", algorithm + " " + list + ", " + signature, Malformed},
		{"no signed headers", algorithm + " " + credential + ", " + signature, Malformed},
		{"no signature", algorithm + " " + credential + ", " + list, Malformed},
		{"an empty signature", algorithm + " " + credential + ", " + list + ", Signature=", Malformed},
		{"credential twice", good + ", " + credential, Duplicate},
		{"signature twice", good + ", " + signature, Duplicate},
		{"an unknown part", good + ", Attacker=1", Malformed},
		{"a trailing comma", good + ",", Malformed},
		{"names with other case", strings.Replace(good, "Credential", "credential", 1), Malformed},
		{"semicolons for commas", strings.ReplaceAll(good, ", ", "; "), Malformed},
		{"long", strings.Replace(good, ", ", ","+strings.Repeat(" ", 7900), 1), -1},
		{"too long", strings.Replace(good, ", ", ","+strings.Repeat(" ", 8192), 1), Malformed},
		{"a slash in the key id", strings.Replace(good, "AKIDEXAMPLE", "AKID/EXAMPLE", 1), Malformed},
		{"no key id", strings.Replace(good, "AKIDEXAMPLE", "", 1), Malformed},
		{"a long key id", strings.Replace(good, "AKIDEXAMPLE", strings.Repeat("A", 129), 1), Malformed},
		{"odd characters in the key id", strings.Replace(good, "AKIDEXAMPLE", "AKID'--", 1), Malformed},
		{"a short scope", strings.Replace(good, "/signin", "", 1), Malformed},
		{"a long scope", strings.Replace(good, "/signin", "/signin/signin", 1), Malformed},
		{"an empty region", strings.Replace(good, "us-east-1", "", 1), Malformed},
		{"an empty service", strings.Replace(good, "/signin/", "//", 1), Malformed},
		{"another end", strings.Replace(good, "aws4_request", "aws5_request", 1), Malformed},
		{"another day", strings.Replace(good, "20261121", "20261122", 1), WrongDate},
		{"a day of seven digits", strings.Replace(good, "20261121", "2026112", 1), Malformed},
		{"another region", strings.Replace(good, "us-east-1", "us-east-2", 1), SignatureMismatch},
		{"an upper-case signature", strings.Replace(good, signature, "Signature="+strings.ToUpper(signature[10:]), 1), Malformed},
		{"a short signature", good[:len(good)-1], Malformed},
		{"a long signature", good + "0", Malformed},
		{"letters in the signature", good[:len(good)-1] + "g", Malformed},
		{"a zero signature", strings.Replace(good, signature, "Signature="+strings.Repeat("0", 64), 1), SignatureMismatch},
		{"host not signed", strings.Replace(good, ";host", "", 1), HeaderUnsigned},
		{"date not signed", strings.Replace(good, ";x-amz-date", "", 1), HeaderUnsigned},
		{"headers not sorted", strings.Replace(good, "content-type;host", "host;content-type", 1), Malformed},
		{"a header twice", strings.Replace(good, ";host", ";host;host", 1), Malformed},
		{"an empty name", strings.Replace(good, ";host", ";;host", 1), Malformed},
		{"upper case in names", strings.Replace(good, ";host", ";Host", 1), Malformed},
		{"a name with a line break", strings.Replace(good, "content-type;", "content-type;content\nx;", 1), Malformed},
		{"a header that is not there", strings.Replace(good, ";x-amz-date", ";x-amz-date;x-attacker", 1), HeaderMissing},
		{"too many names", strings.Replace(good, "content-type", manyNames(62)+"content-type", 1), Malformed},
		{"as many names as may be", strings.Replace(good, "content-type", manyNames(61)+"content-type", 1), HeaderMissing},
		{"one header fewer", strings.Replace(good, "content-type;", "", 1), SignatureMismatch},
	}
	for _, tt := range tests {
		changed := altered(r, func(r *Request) { r.Header.Set("Authorization", tt.value) })
		if tt.want == -1 {
			if _, err := verify(changed); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		wantRefusal(t, tt.name, changed, tt.want)
	}
}

// manyNames returns n header names, each with a semicolon after it.
func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%02d;", i)
	}
	return b.String()
}

// What is not signed is named where it is one of ours.
func TestUnsignedHeaderIsNamed(t *testing.T) {
	for list, want := range map[string]string{
		"host;x-amz-security-token":            "X-Amz-Date is not signed",
		"host;x-amz-date":                      "X-Amz-Security-Token is not signed",
		"x-amz-date;x-amz-security-token":      "Host header is not signed",
		"host;x-amz-date;x-amz-security-token": "", // all that must be signed is
	} {
		r := altered(readClient(t, "botocore-header-token"), func(r *Request) {
			v := r.Header.Get("Authorization")
			r.Header.Set("Authorization", strings.Replace(v, "content-type;host;x-amz-date;x-amz-security-token", list, 1))
		})
		_, err := Parse(r)
		if want == "" {
			if err != nil {
				t.Errorf("signed %s: Parse: %v", list, err)
			}
			continue
		}
		if !is(err, HeaderUnsigned) || !strings.Contains(err.Error(), want) {
			t.Errorf("signed %s: Parse: %v, want HeaderUnsigned with %q", list, err, want)
		}
	}
}
