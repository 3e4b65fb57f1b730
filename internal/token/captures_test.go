package token_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// capture is a request as a real client sent it, byte for byte, and when.
type capture struct {
	name string
	at   time.Time
	raw  []byte
}

// captures reads testdata/captures: requests that the AWS CLI, botocore and the AWS SDKs for Go and JavaScript sent to a
// server which recorded them. The first line of each file says when.
func captures(t *testing.T) []capture {
	t.Helper()
	files, err := filepath.Glob("testdata/captures/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	var all []capture
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		first, rest, _ := bytes.Cut(text, []byte("\n"))
		_, date, _ := strings.Cut(string(first), ", received ")
		at, err := http.ParseTime(date)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, capture{filepath.Base(f), at, bytes.ReplaceAll(rest, []byte("\n"), []byte("\r\n"))})
	}
	return all
}

// request parses the capture. The files end their lines with LF, and the body is one line.
func (c capture) request(t *testing.T) (*http.Request, map[string]string) {
	t.Helper()
	head, body, _ := bytes.Cut(c.raw, []byte("\r\n\r\n"))
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(bytes.Clone(head), "\r\n\r\n"...))))
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	members := map[string]string{}
	if body = bytes.TrimSpace(body); len(body) > 0 {
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	return r, members
}

// keyOf returns the thumbprint of the key in the capture's proof, worked out apart from the code under test.
func keyOf(t *testing.T, proof string) signin.Thumbprint {
	t.Helper()
	encoded, _, _ := strings.Cut(proof, ".")
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ JWK struct{ X, Y string } }
	if err := json.Unmarshal(b, &header); err != nil {
		t.Fatal(err)
	}
	pad := func(s string) string {
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(new(big.Int).SetBytes(raw).FillBytes(make([]byte, 32)))
	}
	return sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + pad(header.JWK.X) + `","y":"` + pad(header.JWK.Y) + `"}`))
}

// Every captured request is answered as its client needs it, at the time it was made. Codes and refresh tokens of the
// recording server are replaced by ones of this server; all else is as it was sent.
func TestCapturedRequestsAreServed(t *testing.T) {
	for _, c := range captures(t) {
		t.Run(c.name, func(t *testing.T) {
			r, body := c.request(t)
			s := testkit.Start(t, func(cfg *config.Config) { cfg.BaseURLs = []string{"http://" + r.Host} })
			if r.Method == http.MethodGet {
				w := serveAt(s, r, nil, c.at)
				if to := w.Header().Get("Location"); w.Code != http.StatusFound || !strings.HasPrefix(to, "http://127.0.0.1:") || !strings.Contains(to, "code=") {
					t.Errorf("answer = %d to %q", w.Code, to)
				}
				return
			}
			proof := r.Header.Get("DPoP")
			if proof == "" { // aws signin create-oauth2-token
				if w := serveAt(s, r, body, c.at); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "ValidationException") {
					t.Errorf("answer to a request without a proof = %d %s", w.Code, w.Body)
				}
				return
			}
			ours(t, s, body, keyOf(t, proof), c.at)
			w := serveAt(s, r, body, c.at)
			if w.Code != http.StatusOK {
				t.Fatalf("answer = %d %s", w.Code, w.Body)
			}
			var a testkit.AnswerBody
			if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
				t.Fatal(err)
			}
			if a.AccessToken.SessionToken == "" || a.RefreshToken == "" || a.ExpiresIn < 600 || a.ExpiresIn > 900 {
				t.Errorf("answer lacks something: %s", w.Body)
			}
			if login := body["grantType"] == "authorization_code"; login != (a.IDToken != "") {
				t.Errorf("%s was answered with id token %q", body["grantType"], a.IDToken)
			}
		})
	}
}

// ours replaces the code or refresh token in body by one that this server made for that key.
func ours(t *testing.T, s *testkit.Server, body map[string]string, key signin.Thumbprint, at time.Time) {
	t.Helper()
	a := signin.Authorization{
		ID: signin.NewSessionID(at), ClientID: body["clientId"], Redirect: signin.HashRedirect(body["redirectUri"]),
		Challenge: sha256.Sum256([]byte(body["codeVerifier"])),
		Principal: signin.Principal{Account: testkit.Account, Role: s.Role.Name, RoleID: s.Role.ID, Person: s.Person.Name, PersonID: s.Person.ID},
		AuthTime:  at, Issued: at, Expires: at.Add(time.Minute),
	}
	if body["code"] != "" {
		body["code"] = seal.SealCode(s.Ring.SealingKey(at), a)
		return
	}
	session := signin.Begin(a, key, at.Add(-time.Minute), s.Config.Lifetimes.Signin())
	body["refreshToken"] = seal.SealRefresh(s.Ring.SealingKey(at), session, 0)
}

// serveAt answers r at the time at, with body in place of its own.
func serveAt(s *testkit.Server, r *http.Request, body map[string]string, at time.Time) *httptest.ResponseRecorder {
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			panic(err) // strings always marshal
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	}
	w := httptest.NewRecorder()
	s.ServeCall(w, &wire.Call{Request: r, ID: "capture", Now: at, Remote: netip.MustParseAddr("127.0.0.1")})
	return w
}
