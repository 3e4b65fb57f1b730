package attacks

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// served is the server under test behind net/http, as the command runs it; the next test holds the settings together.
func served(t *testing.T, h http.Handler) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := httpServer(h)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

func httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: log.New(io.Discard, "", 0),
	}
}

// What these tests run is what the command runs.
func TestServerHasTheSettingsOfTheCommand(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "cmd", "latchkey", "serve.go"))
	if err != nil {
		t.Fatal(err)
	}
	source := strings.Join(strings.Fields(string(b)), " ")
	for _, setting := range []string{
		"ReadHeaderTimeout: 10 * time.Second", "ReadTimeout: 30 * time.Second", "WriteTimeout: 60 * time.Second", "IdleTimeout: 2 * time.Minute", "MaxHeaderBytes: 32 << 10",
	} {
		if !strings.Contains(source, setting) {
			t.Errorf("cmd/latchkey/serve.go does not have %q; change it here too", setting)
		}
	}
}

// talk sends raw to addr and returns the answers that come until the server closes. After sure answers it hears that
// nothing more will come, so that it does not wait; a server that reads what it was sent as more requests answers them
// all the same.
func talk(t *testing.T, addr, raw string, sure int) []*http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Logf("send: %v", err) // the server may close before it has read all
	}
	r := bufio.NewReader(conn)
	var answers []*http.Response
	for {
		if len(answers) == sure {
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Logf("half-close: %v", err)
			}
		}
		a, err := http.ReadResponse(r, nil)
		if err != nil {
			return answers
		}
		body, err := io.ReadAll(a.Body)
		if err != nil {
			return answers
		}
		a.Body = io.NopCloser(bytes.NewReader(body))
		answers = append(answers, a)
	}
}

// hidden is the request that is hidden in another one.
const hidden = "GET /healthz?hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// chunk is hidden as one chunk, and the end.
var chunked = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)

// smuggled are requests whose end two readers see in different places. The part that one takes for the body is a request
// to the other.
var smuggled = []struct{ name, head, body string }{
	{"length and chunks, the length is right", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + hidden},
	{"chunks and length, the chunks are right", "Transfer-Encoding: chunked\r\nContent-Length: 4", chunked},
	{"length and chunks in capitals", "Content-Length: 5\r\nTRANSFER-ENCODING: Chunked", "0\r\n\r\n" + hidden},
	{"two lengths", "Content-Length: 0\r\nContent-Length: " + fmt.Sprint(len(hidden)), hidden},
	{"two lengths in one", "Content-Length: 0, " + fmt.Sprint(len(hidden)), hidden},
	{"a length with a sign", "Content-Length: +0", hidden},
	{"a negative length", "Content-Length: -1", hidden},
	{"a length in hexadecimal", "Content-Length: 0x0", hidden},
	{"a length of nothing", "Content-Length: ", hidden},
	{"a length with a space inside", "Content-Length: 0 0", hidden},
	{"a length with an exponent", "Content-Length: 0e1", hidden},
	{"a length that no machine holds", "Content-Length: 99999999999999999999", hidden},
	{"a space before the colon", "Content-Length : 0", hidden},
	{"a tab before the colon", "Content-Length\t: 0", hidden},
	{"chunks, a space before the colon", "Content-Length: " + fmt.Sprint(len(chunked)) + "\r\nTransfer-Encoding : chunked", chunked},
	{"chunks on a folded line", "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked", "0\r\n\r\n" + hidden},
	{"chunks with a vertical tab", "Content-Length: 5\r\nTransfer-Encoding: \vchunked", "0\r\n\r\n" + hidden},
	{"chunks with a zero byte", "Content-Length: 5\r\nTransfer-Encoding: chunked\x00", "0\r\n\r\n" + hidden},
	{"chunks and identity", "Content-Length: 5\r\nTransfer-Encoding: chunked, identity", "0\r\n\r\n" + hidden},
	{"identity and chunks", "Content-Length: 5\r\nTransfer-Encoding: identity, chunked", "0\r\n\r\n" + hidden},
	{"two encodings", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n" + hidden},
	{"an encoding that nobody has", "Content-Length: 5\r\nTransfer-Encoding: xchunked", "0\r\n\r\n" + hidden},
	{"a quoted encoding", "Content-Length: 5\r\nTransfer-Encoding: \"chunked\"", "0\r\n\r\n" + hidden},
	{"a chunk whose size has a sign", "Transfer-Encoding: chunked", "+0\r\n\r\n" + hidden},
	{"a chunk whose size is 0x0", "Transfer-Encoding: chunked", "0x0\r\n\r\n" + hidden},
	{"a chunk whose size is negative", "Transfer-Encoding: chunked", "-1\r\n\r\n" + hidden},
	{"a chunk whose size overflows", "Transfer-Encoding: chunked", "10000000000000000\r\n\r\n" + hidden},
	{"an extension that ends in a bare line feed", "Transfer-Encoding: chunked", "2;x\nxx\r\n" + fmt.Sprintf("%x\r\n", len(hidden)) + "0\r\n\r\n" + hidden},
	{"a chunk that ends in a bare line feed", "Transfer-Encoding: chunked", "1\r\nx\n0\r\n\r\n" + hidden},
	{"a header without a colon", "X\r\nContent-Length: 0", hidden},
	{"a header without a name", ": x\r\nContent-Length: 0", hidden},
	{"a bare carriage return", "X: y\rContent-Length: 0", hidden},
}

// Class: request smuggling, CWE-444. A proxy in front and the server do not agree where a request ends, so that the rest of
// Mallory's is the beginning of Alice's. Go's own net/http took malformed encodings and line ends that proxies pass on
// (CVE-2022-1705, CVE-2025-22871).
//
// Here whatever two readers could read in two ways is refused, or its connection ends with the answer (RFC 9112 section 6.1),
// so that nothing that follows is a request. (A header that goes on in the next line is left to the proxy, which must not
// pass it on: RFC 9112 section 5.2.)
func TestSmuggledRequestsAreNotAnswered(t *testing.T) {
	s := testkit.Start(t)
	var direct, behind counter
	directly := served(t, direct.before(s))
	origin, err := url.Parse("http://" + served(t, behind.before(s)))
	if err != nil {
		t.Fatal(err)
	}
	var forwarded atomic.Int64
	front := served(t, &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) { forwarded.Add(1); r.SetURL(origin) },
	})
	for _, tt := range smuggled {
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			raw := "POST /v1/token " + version + "\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n" + tt.head + "\r\n\r\n" + tt.body
			direct.all.Store(0)
			if answers := talk(t, directly, raw, 1); len(answers) > 1 || direct.all.Load() > 1 {
				t.Errorf("%s, %s: %d answers to %d requests; want one at most", tt.name, version, len(answers), direct.all.Load())
			}
			// Through a proxy, the server never sees a request that the proxy did not.
			talk(t, front, raw, 1)
			if seen, passed := behind.all.Load(), forwarded.Load(); seen > passed {
				t.Fatalf("%s, %s: the proxy passed on %d requests, the server saw %d", tt.name, version, passed, seen)
			}
		}
	}
	// A body that nobody reads is no request either, whatever was refused.
	for _, head := range []string{"POST /nothing", "GET /v1/token", "POST /v1/token?x=1", "POST /sign-in", "POST /consent", "GET /healthz", "DELETE /"} {
		raw := head + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden +
			"GET /.well-known/jwks.json HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n"
		for _, addr := range []string{directly, front} {
			direct.hidden.Store(0)
			behind.hidden.Store(0)
			answers := talk(t, addr, raw, -1)
			if len(answers) != 2 || direct.hidden.Load()+behind.hidden.Load() > 0 || answers[1].StatusCode != http.StatusOK {
				t.Errorf("%s with a request as its body, then another: %d answers, want 2", head, len(answers))
			}
		}
	}
	if behind.all.Load() == 0 {
		t.Error("the proxy passed on nothing, so nothing was tested through it")
	}
}

// counter counts the requests that a server sees, and those of them that were hidden in another.
type counter struct{ all, hidden atomic.Int64 }

func (c *counter) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.all.Add(1); r.URL.RawQuery == "hidden" {
			c.hidden.Add(1)
		}
		h.ServeHTTP(w, r)
	})
}
