package sigv4

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The secret key of AWS's documentation, with which the requests in testdata are signed.
const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// readClient reads a request that a real client sent, as net/http gives it to a handler.
func readClient(t testing.TB, name string) Request {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return FromHTTP(r, body)
}

// Requests of clients that are in use, through net/http: botocore 1.43 and curl 7.88, but for a shorter User-Agent as
// they were sent.
func TestClientRequestsVerify(t *testing.T) {
	const token = "IQoJexample//token=="
	tests := []struct {
		name, service, token string
		presigned            bool
	}{
		{"botocore-header", "sts", "", false},
		{"botocore-header-token", "sts", token, false},
		{"botocore-presigned", "sts", "", true},
		{"botocore-presigned-token", "sts", "IQoJexample//token+=", true},
		{"curl-json", "signin", "", false},
		{"curl-query", "signin", "", false},
		{"curl-get-token", "sts", token, false},
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(tests) {
		t.Errorf("testdata has %d requests, the table %d: %v", len(files), len(tests), err)
	}
	for _, tt := range tests {
		s, err := Parse(readClient(t, tt.name))
		if err != nil {
			t.Errorf("%s: Parse: %v", tt.name, err)
			continue
		}
		if err := s.Verify(secret, Rules{Service: tt.service}, s.SignedAt.Add(time.Second)); err != nil {
			t.Errorf("%s: Verify: %v", tt.name, err)
		}
		if s.AccessKeyID != "AKIDEXAMPLE" || s.SessionToken != tt.token || s.Presigned != tt.presigned || s.Region != "us-east-1" {
			t.Errorf("%s: Parse gave %+v", tt.name, s)
		}
	}
}
