package load

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

func dial(t *testing.T, server *httptest.Server, n int) *Fleet {
	t.Helper()
	f, err := Dial(t.Context(), []string{server.Listener.Addr().String()}, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// A request that is lost or sent twice would make CPU per request wrong without anybody noticing.
func TestEveryRequestIsSentOnce(t *testing.T) {
	const requests, conns = 500, 8
	var mu sync.Mutex
	proofs := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != TokenPath || string(body) != `{"a":1}` {
			w.WriteHeader(400)
		}
		mu.Lock()
		proofs[r.Header.Get("DPoP")]++
		mu.Unlock()
	}))
	defer server.Close()

	f, key := dial(t, server, conns), testkit.NewKey()
	var prepared [][]byte
	for range requests {
		prepared = append(prepared, Token("127.0.0.1", server.URL+TokenPath, `{"a":1}`, key, time.Now()))
	}
	result, err := f.Run(t.Context(), prepared)
	if err != nil {
		t.Fatal(err)
	}
	if len(proofs) != requests {
		t.Errorf("the server saw %d different proofs, want %d", len(proofs), requests)
	}
	if result.Requests != requests || result.Latency.TotalCount() != requests || result.PerSecond() <= 0 {
		t.Errorf("Run = %d requests, %d latencies, %f a second, want %d, %d, above 0",
			result.Requests, result.Latency.TotalCount(), result.PerSecond(), requests, requests)
	}
}

func TestRefusalEndsTheRun(t *testing.T) {
	var seen atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1) == 20 {
			http.Error(w, "try later", http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	requests := make([][]byte, 10_000)
	for i := range requests {
		requests[i] = []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	_, err := dial(t, server, 4).Run(t.Context(), requests)
	if err == nil || !strings.Contains(err.Error(), "429") || !strings.Contains(err.Error(), "try later") {
		t.Errorf("Run = %v, want an error with the status and the body", err)
	}
	if n := seen.Load(); n > 100 {
		t.Errorf("%d requests were sent after the refusal", n-20)
	}
}

func TestCancelledRunReturns(t *testing.T) {
	reached := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done() // answers never
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	if _, err := dial(t, server, 1).Run(ctx, [][]byte{[]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}); err == nil {
		t.Error("Run with a cancelled context = nil error")
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name, text string
		status     int // 0: an error is wanted
		body       string
	}{
		{"plain", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"},
		{"any case", "HTTP/1.1 400 Bad Request\r\ncontent-length:3\r\nA: b\r\n\r\nbad", 400, "bad"},
		{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
		{"no length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, ""},
		{"huge", "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n", 0, ""},
		{"negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, ""},
		{"cut short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", 0, ""},
		{"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, ""},
		{"endless header", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 100) + "Content-Length: 0\r\n\r\n", 0, ""},
		{"closed", "", 0, ""},
	} {
		r := reader{bufio.NewReader(strings.NewReader(test.text))}
		got, err := r.next(true)
		if test.status == 0 {
			if err == nil {
				t.Errorf("%s: next = %+v, want an error", test.name, got)
			}
			continue
		}
		if err != nil || got.Status != test.status || string(got.Body) != test.body {
			t.Errorf("%s: next = %d %q, %v, want %d %q", test.name, got.Status, got.Body, err, test.status, test.body)
		}
		quiet := reader{bufio.NewReader(strings.NewReader(test.text + "rest"))}
		if _, err := quiet.next(false); err != nil {
			t.Errorf("%s: next without keeping = %v", test.name, err)
		}
		if rest, _ := io.ReadAll(quiet); string(rest) != "rest" {
			t.Errorf("%s: after the answer %q is left, want %q", test.name, rest, "rest")
		}
	}
}
