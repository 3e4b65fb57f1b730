package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Of a busy server, operators may want to hear only what went wrong in it.
func TestQuietLogHasOnlyFailuresOfTheServer(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.Log.Level = "warn" })
	c := s.Client()
	c.Login(t)
	c.Post(t, map[string]string{}, "")
	s.Do(httptest.NewRequest("GET", s.Base+"/nothing", nil))
	if log := s.Log(); log != "" {
		t.Errorf("the log has:\n%s", log)
	}
	s.TakeStoreAway(t)
	w := s.Do(httptest.NewRequest("GET", s.Base+"/healthz", nil))
	if log := s.Log(); strings.Count(log, w.Header()["X-Amzn-RequestId"][0]) != 1 || !strings.Contains(log, `"status":503`) {
		t.Errorf("the failure is not in the log:\n%s", log)
	}
}

// bodyFunc is a body that does what a test wants when it is read.
type bodyFunc func([]byte) (int, error)

func (f bodyFunc) Read(b []byte) (int, error) { return f(b) }

func (f bodyFunc) Close() error { return nil }

// A mistake of this program costs one request, tells the caller nothing, and tells the operator where it is.
func TestPanicIsABareError(t *testing.T) {
	s := testkit.Start(t, debug)
	r := httptest.NewRequest("POST", s.Base+"/v1/token", nil)
	r.Header.Set("Content-Type", "application/json")
	r.Body, r.ContentLength = bodyFunc(func([]byte) (int, error) { panic("s3cret detail") }), 10
	w := s.Do(r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"__type":"InternalServerException"`) || w.Header()["X-Amzn-ErrorType"][0] != "InternalServerException" {
		t.Errorf("answer = %d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, detail := range []string{"s3cret", "panic", ".go", "goroutine"} {
		if strings.Contains(w.Body.String(), detail) {
			t.Errorf("the answer tells %q: %s", detail, w.Body)
		}
	}
	id := w.Header()["X-Amzn-RequestId"][0]
	log := s.Log()
	if !strings.Contains(log, "s3cret detail") || !strings.Contains(log, "wire/token.go") || strings.Count(log, id) != 2 {
		t.Errorf("the log does not have the panic, its place and the record under %s:\n%s", id, log)
	}
	if !strings.Contains(w.Body.String(), id) {
		t.Errorf("the answer does not name the request id: %s", w.Body)
	}
	if c := s.Client(); c.Login(t).Status != 200 {
		t.Error("the server does not serve on")
	}
	// The server of net/http wants this one to go through.
	r.Body = bodyFunc(func([]byte) (int, error) { panic(http.ErrAbortHandler) })
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("recovered %v, want http.ErrAbortHandler to go through", p)
			}
		}()
		s.Do(r)
	}()
}

func TestHealthSaysWhetherRequestsCanBeServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		health := func() *httptest.ResponseRecorder { return s.Do(httptest.NewRequest("GET", s.Base+"/healthz", nil)) }
		if w := health(); w.Code != 200 || w.Body.String() != `{"status":"ok"}` {
			t.Errorf("GET /healthz = %d %s, want 200", w.Code, w.Body)
		}
		s.TakeStoreAway(t)
		w := health()
		if w.Code != 503 || w.Header()["X-Amzn-ErrorType"][0] != "ServiceUnavailableException" {
			t.Errorf("without a database, GET /healthz = %d %s, want 503", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "sqlite") || strings.Contains(w.Body.String(), "closed") || strings.Contains(w.Body.String(), ".db") {
			t.Errorf("the answer tells an internal detail: %s", w.Body)
		}
	})
}

func (r readiness) want(t *testing.T, when string, status int, word, notices string) {
	t.Helper()
	if r.code != status || r.Status != word || !strings.Contains(r.Checks["notices"], notices) {
		t.Errorf("%s, GET /readyz = %d %+v, want %d %q and notices %q", when, r.code, r, status, word, notices)
	}
}

type readiness struct {
	code   int
	Status string
	Checks map[string]string
}

func readyz(t *testing.T, s *testkit.Server) readiness {
	t.Helper()
	w := s.Do(httptest.NewRequest("GET", s.Base+"/readyz", nil))
	r := readiness{code: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatalf("GET /readyz = %d %s: %v", w.Code, w.Body, err)
	}
	return r
}

// While the database is away, refreshes go on, and so the node stays in its place; until it has heard nothing for so long
// that it must refuse. Then /readyz, the metrics and the log say so.
func TestNodeIsReadyUntilItIsDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Log.Level = "warn" })
		c := s.Client()
		token := c.Login(t).RefreshToken
		readyz(t, s).want(t, "at first", 200, "ready", "ok")
		s.TakeStoreAway(t)
		time.Sleep(9 * time.Minute)
		readyz(t, s).want(t, "after nine minutes without a database", 200, "ready", "not answered for")
		if a := c.Refresh(t, token); a.Status != 200 {
			t.Errorf("refresh meanwhile = %d %s, want 200", a.Status, a.Body)
		}
		if text := s.Metrics(t); !strings.Contains(text, "latchkey_ready 1") {
			t.Errorf("latchkey_ready is not 1")
		}
		time.Sleep(2 * time.Minute)
		readyz(t, s).want(t, "after eleven", 503, "deaf", "not answered for")
		c.Refresh(t, token).WantFault(t, signin.Overloaded)
		if text := s.Metrics(t); !strings.Contains(text, "latchkey_ready 0") {
			t.Errorf("latchkey_ready is not 0")
		}
		if w := s.Do(httptest.NewRequest("GET", s.Base+"/livez", nil)); w.Code != 200 {
			t.Errorf("GET /livez = %d, want 200: a restart would not help", w.Code)
		}
		// The log says that it fails, and from time to time that it still does: not twice a second.
		if n := strings.Count(s.Log(), `"what":"poll notices"`); n < 15 || n > 30 {
			t.Errorf("the log says %d times in 11 minutes that notices cannot be read, want about 22", n)
		}
	})
}

// A node that cannot read permission statements refuses everybody, so none should be sent to it.
func TestNodeIsNotReadyWhileItCannotKnowItsStatements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		token := c.Login(t).RefreshToken
		s.HideStatements(true)
		time.Sleep(10 * time.Minute)
		readyz(t, s).want(t, "after ten minutes without statements", 200, "ready", "ok")
		if a := c.Refresh(t, token); a.Status != 200 {
			t.Errorf("refresh meanwhile = %d %s, want 200", a.Status, a.Body)
		}
		time.Sleep(2 * time.Minute)
		r := readyz(t, s)
		if r.want(t, "after twelve", 503, "deaf", "ok"); !strings.Contains(r.Checks["statements"], "not been read") {
			t.Errorf("GET /readyz says %v, want what it lacks", r.Checks)
		}
		c.Refresh(t, token).WantFault(t, signin.Overloaded)
		if w := s.Do(httptest.NewRequest("GET", s.Base+"/healthz", nil)); w.Code != 503 {
			t.Errorf("GET /healthz = %d, want 503", w.Code)
		}
		if text := s.Metrics(t); !strings.Contains(text, "latchkey_ready 0") {
			t.Errorf("latchkey_ready is not 0")
		}
		s.HideStatements(false)
		time.Sleep(time.Second)
		readyz(t, s).want(t, "once they can be read", 200, "ready", "ok")
		if a := c.Refresh(t, token); a.Status != 200 {
			t.Errorf("refresh after that = %d %s, want 200", a.Status, a.Body)
		}
	})
}

func TestDrainingNodeServesOnAndIsNotReady(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	token := c.Login(t).RefreshToken
	s.Drain()
	readyz(t, s).want(t, "while it drains", 503, "stopping", "ok")
	if a := c.Refresh(t, token); a.Status != 200 {
		t.Errorf("refresh while it drains = %d %s, want 200", a.Status, a.Body)
	}
}

// With all hands full, a request waits a second for its turn and is then told to come back: 503, which clients try again.
func TestOverloadIsAnswered503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Limits.InFlight = 2 })
		c := s.Client()
		token := c.Login(t).RefreshToken
		codes := []string{c.Authorize(t), c.Authorize(t)}
		resume := s.StallLogins()
		logins := make([]testkit.Answer, len(codes))
		var slow sync.WaitGroup
		for i, code := range codes {
			slow.Go(func() { logins[i] = c.Redeem(t, code) })
		}
		synctest.Wait()
		began := time.Now()
		a := c.Refresh(t, token)
		a.WantFault(t, signin.Overloaded)
		if a.Type != "ServiceUnavailableException" || a.Header.Get("Retry-After") == "" || time.Since(began) != time.Second {
			t.Errorf("answer after %v = %d %s, Retry-After %q, want 503 after 1s", time.Since(began), a.Status, a.Type, a.Header.Get("Retry-After"))
		}
		// Other paths are not held up.
		if w := s.Do(httptest.NewRequest("GET", s.Base+"/healthz", nil)); w.Code != 200 {
			t.Errorf("GET /healthz meanwhile = %d, want 200", w.Code)
		}
		// A request that is waiting when a place gets free is served.
		var next testkit.Answer
		slow.Go(func() { next = c.Refresh(t, token) })
		time.Sleep(500 * time.Millisecond)
		resume()
		slow.Wait()
		for _, a := range append(logins, next) {
			if a.Status != 200 {
				t.Errorf("a request that had its place, or got one in time = %d %s, want 200", a.Status, a.Body)
			}
		}
	})
}
