package sigv4

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the suite has and we refuse, and why: the session token was added after signing, which we do not take. A case
// that is not here must be accepted.
var refusedCases = map[string]Reason{
	"post-sts-header-after/header": HeaderUnsigned,
	"post-sts-header-after/query":  SignatureMismatch, // our canonical query holds the token
}

const suiteCases = 38

// TestAWSSuite runs every case of AWS's Signature Version 4 test suite in both forms: the canonical request, the string
// to sign, and then the signed request as a server gets it.
func TestAWSSuite(t *testing.T) {
	dir := vectors(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, e := range entries {
		for _, form := range []string{"header", "query"} {
			if want, ok := refusedCases[e.Name()+"/"+form]; ok {
				refused++
				c := readCase(t, filepath.Join(dir, e.Name()), form)
				if err := c.verify(); !is(err, want) {
					t.Errorf("%s/%s: %v, want %v", e.Name(), form, err, want)
				}
				continue
			}
			t.Run(e.Name()+"/"+form, func(t *testing.T) { runCase(t, filepath.Join(dir, e.Name()), form) })
		}
	}
	if len(entries) != suiteCases || refused != len(refusedCases) {
		t.Errorf("the suite has %d cases of which %d forms are refused; want %d and %d", len(entries), refused, suiteCases, len(refusedCases))
	}
}

func runCase(t *testing.T, dir, form string) {
	c := readCase(t, dir, form)
	s, err := Parse(c.request)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	query, err := parseQuery(c.request.RawQuery)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := c.request.payloadHash()
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := c.request.canonical(query, s.SignedHeaders, payload)
	if err != nil {
		t.Fatal(err)
	}
	if string(canonical) != c.canonical {
		t.Errorf("canonical request:\n%s\nwant:\n%s", canonical, c.canonical)
	}
	if got := string(s.toSign(nil)); got != c.toSign {
		t.Errorf("string to sign:\n%s\nwant:\n%s", got, c.toSign)
	}
	if got := s.sign(c.secret); hex.EncodeToString(got[:]) != c.signature {
		t.Errorf("signature %x, want %s", got, c.signature)
	}
	if err := s.Verify(c.secret, c.rules, c.at); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if err := s.Verify(c.secret+"x", c.rules, c.at); !is(err, SignatureMismatch) {
		t.Errorf("Verify with another secret: %v, want SignatureMismatch", err)
	}
	if s.AccessKeyID != c.key || s.SessionToken != c.token || s.Presigned != (form == "query") || !s.SignedAt.Equal(c.at) || s.Expires != c.expires {
		t.Errorf("Parse gave %+v, want key %s, token %q, time %v, expires %v", s, c.key, c.token, c.at, c.expires)
	}
}

// suiteCase is one case in one form.
type suiteCase struct {
	request                                          Request
	key, secret, token, canonical, toSign, signature string
	rules                                            Rules
	at                                               time.Time
	expires                                          time.Duration
}

func (c suiteCase) verify() error {
	s, err := Parse(c.request)
	if err != nil {
		return err
	}
	return s.Verify(c.secret, c.rules, c.at)
}

func readCase(t *testing.T, dir, form string) suiteCase {
	t.Helper()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var context struct {
		Credentials struct {
			ID     string `json:"access_key_id"`
			Secret string `json:"secret_access_key"`
			Token  string `json:"token"`
		} `json:"credentials"`
		Expires   int       `json:"expiration_in_seconds"`
		Normalize bool      `json:"normalize"`
		Region    string    `json:"region"`
		Service   string    `json:"service"`
		Timestamp time.Time `json:"timestamp"`
	}
	if err := json.Unmarshal([]byte(read("context.json")), &context); err != nil {
		t.Fatal(err)
	}
	c := suiteCase{
		request: parseRaw(t, read(form+"-signed-request.txt")),
		key:     context.Credentials.ID, secret: context.Credentials.Secret, token: context.Credentials.Token,
		canonical: read(form + "-canonical-request.txt"), toSign: read(form + "-string-to-sign.txt"),
		signature: strings.TrimSpace(read(form + "-signature.txt")),
		rules:     Rules{Service: context.Service, Region: context.Region},
		at:        context.Timestamp,
	}
	if form == "query" {
		c.expires = time.Duration(context.Expires) * time.Second
	}
	c.request.keepPath = !context.Normalize
	return c
}

// parseRaw reads a request as the suite writes it. net/http would refuse the spaces and letters in some of its URLs.
func parseRaw(t *testing.T, raw string) Request {
	t.Helper()
	head, body, ok := strings.Cut(raw, "\n\n")
	lines := strings.Split(head, "\n")
	method, rest, ok2 := strings.Cut(lines[0], " ")
	target, ok3 := strings.CutSuffix(rest, " HTTP/1.1")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("not a request: %q", raw)
	}
	r := Request{Method: method, Header: http.Header{}, Body: []byte(body)}
	r.Path, r.RawQuery, _ = strings.Cut(target, "?")
	for i := 1; i < len(lines); i++ {
		line := lines[i]
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") { // a folded line (RFC 9112 section 5.2)
			i++
			line += " " + strings.TrimSpace(lines[i])
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("not a header: %q", line)
		}
		if strings.EqualFold(name, "Host") {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r
}

func is(err error, want Reason) bool {
	r, ok := ReasonOf(err)
	return ok && r == want
}
