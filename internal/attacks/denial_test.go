package attacks

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// endless is a body that goes on.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	return copy(b, bytes.Repeat([]byte("a"), len(b))), nil
}

// Class: denial of service by size, CWE-400 and CWE-770. Mallory sends much, or many of it, or slowly, and what she sends
// costs the server more than her. golang-jwt cut a header into as many parts as it has dots (CVE-2025-30204).
//
// Here everything that comes has a size beyond which it is not read, a depth, a number and a time.
func TestSizesAreBounded(t *testing.T) {
	s := testkit.StartWithPages(t, unlimited)
	c := s.Client()
	const huge = 8 << 20
	for _, target := range []string{"/v1/token", "/sign-in", "/consent", "/sign-out", "/"} {
		for _, kind := range []string{jsonType, formType, "multipart/form-data; boundary=a"} {
			for _, length := range []int64{-1, huge} {
				body := &endless{}
				r := httptest.NewRequest(http.MethodPost, s.Base+target, io.LimitReader(body, huge))
				r.ContentLength = length
				r.Header.Set("Content-Type", kind)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				if w := s.Do(r); w.Code < 400 || w.Code >= 500 || body.read > 256<<10 {
					t.Errorf("POST %s of %d bytes of %s = %d after %d bytes were read, want a refusal after 256 KiB at most", target, length, kind, w.Code, body.read)
				}
			}
		}
	}
	token := mustRedeem(t, c, s.Browser().Approve(t, c)).RefreshToken
	allocated := func(name string, r *http.Request, most uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := s.Do(r)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most || w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s = %d and cost %d bytes, want a refusal for %d at most", name, w.Code, n, most)
		}
	}
	for name, proof := range map[string]string{
		"a proof of dots": strings.Repeat(".", 1<<20), "a proof of a megabyte": strings.Repeat("a", 1<<20), "a proof of spaces": strings.Repeat(" ", 1<<20),
		"a proof with deep JSON":        b64([]byte(strings.Repeat("[", 2000))) + "." + b64([]byte(strings.Repeat(`{"a":`, 200))) + ".AAAA",
		"a proof with a jti of a novel": forgery{proofHeader("ES256", jwk(c.Key, ""), ""), proofClaims(s, `,"x":"`+strings.Repeat("x", 4000)+`"`), es256(c.Key)}.proof(),
	} {
		allocated(name, tokenRequest(s, jsonType, text(t, c.RefreshBody(token)), proof), 256<<10)
	}
	for name, body := range map[string]string{
		"a form of many members": strings.Repeat("a=1&", 16<<10), "a form of empty members": strings.Repeat("&", 64<<10), "a form of different members": manyMembers(9000),
		"JSON of many members": `{"x":[` + strings.Repeat("{},", 20000) + `{}]}`, "a long name": `{"` + strings.Repeat("x", 60000) + `":1}`,
	} {
		kind := formType
		if body[0] == '{' {
			kind = jsonType
		}
		allocated(name, tokenRequest(s, kind, body, c.Proof()), 4<<20)
	}
	for name, target := range map[string]string{
		"many parameters": "/v1/authorize?" + strings.Repeat("a=1&", 100000), "a long state": authorizePath(c, "state", strings.Repeat("x", 1<<20)),
		"a long redirect URI": authorizePath(c, "redirect_uri", "http://127.0.0.1:1/"+strings.Repeat("x", 1<<20)), "a long path": "/" + strings.Repeat("x/", 1<<19),
		"a path of slashes": strings.Repeat("/", 1<<20) + "x", "a long confirmation": "/v1/sessions/confirmation?code=" + strings.Repeat("A", 1<<20) + "&state=x",
	} {
		r := httptest.NewRequest(http.MethodGet, s.Base, nil)
		path, query, _ := strings.Cut(target, "?")
		r.URL = &url.URL{Path: path, RawQuery: query}
		allocated(name, r, 12<<20)
	}
	mustRefresh(t, c, token)

	// The front door has bounds of its own.
	addr := served(t, s)
	for name, raw := range map[string]string{
		"a header of a megabyte":       "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"many headers":                 "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 1<<16) + "\r\n",
		"a request line of a megabyte": "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"many cookies":                 "GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("a=b; ", 1<<16) + "\r\n\r\n",
	} {
		if answers := talk(t, addr, raw, -1); len(answers) > 1 || len(answers) == 1 && answers[0].StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s is answered with %d", name, answers[0].StatusCode)
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

// oneConn is a listener that gives out one connection.
type oneConn struct {
	conn chan net.Conn
	done chan struct{}
}

func (l oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l oneConn) Close() error   { return nil }
func (l oneConn) Addr() net.Addr { return &net.UnixAddr{} }

// The same by time (CWE-400, the attack called Slowloris): a head or a body that comes byte by byte ends after its time,
// however slowly it comes.
func TestSlowCallersAreCutOff(t *testing.T) {
	for _, tt := range []struct {
		name, head, rest string
		most             time.Duration
	}{
		{"a slow head", "POST /v1/token HTTP/1.1\r\nHost: x\r\nX: ", "x", 15 * time.Second},
		{"a slow body", "POST /v1/token HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n", " ", 40 * time.Second},
		{"a slow form", "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\n", "a", 40 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.Start(t)
				h := httpServer(s)
				near, far := net.Pipe()
				l := oneConn{make(chan net.Conn, 1), make(chan struct{})}
				l.conn <- far
				ended := make(chan struct{})
				go func() { defer close(ended); h.Serve(l) }()
				began := time.Now()
				go io.Copy(io.Discard, near) // the answer, if there is one
				_, err := io.WriteString(near, tt.head)
				for err == nil && time.Since(began) < 10*time.Minute {
					time.Sleep(time.Second)
					_, err = io.WriteString(near, tt.rest)
				}
				if took := time.Since(began); err == nil || took > tt.most {
					t.Errorf("the connection was open for %v, want %v at most", took, tt.most)
				}
				near.Close()
				close(l.done)
				h.Close()
				<-ended
			})
		})
	}
}

// A thousand wrong tokens and codes leave nothing behind: what is remembered grows by what was answered only.
func TestRefusedRequestsLeaveNothingBehind(t *testing.T) {
	s := testkit.Start(t, unlimited)
	c := s.Client()
	token := c.Login(t).RefreshToken
	remembered := func() string {
		for line := range strings.Lines(s.Metrics(t)) {
			if strings.HasPrefix(line, "latchkey_proofs_remembered ") {
				return line
			}
		}
		t.Fatal("there is no latchkey_proofs_remembered")
		return ""
	}
	before := remembered()
	for range 200 {
		mallory := s.Client()
		mallory.Refresh(t, token).WantFault(t, signin.ProofKeyMismatch)
		mallory.Refresh(t, "ASORx").WantFault(t, signin.RefreshUnknown)
	}
	if after := remembered(); after != before {
		t.Errorf("refused proofs are remembered: %s, before %s", after, before)
	}
}
