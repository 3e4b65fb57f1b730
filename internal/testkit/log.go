package testkit

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// records is a slog.Handler that keeps the outcome of each request, because many kinds of faults look alike on the wire.
// Where the configuration asks for another log level than info, it also keeps the log of that level.
type records struct{ s *Server }

func (h records) Enabled(_ context.Context, level slog.Level) bool {
	var least slog.Level
	if err := least.UnmarshalText([]byte(h.s.Config.Log.Level)); err != nil {
		panic(err) // the configuration was checked
	}
	return level >= least
}
func (h records) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h records) WithGroup(string) slog.Handler      { return h }

func (h records) Handle(ctx context.Context, r slog.Record) error {
	if h.s.Config.Log.Level != "info" {
		if err := h.s.log.add(ctx, r); err != nil {
			return err
		}
	}
	var id, outcome string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "request_id":
			id = a.Value.String()
		case "outcome":
			outcome = a.Value.String()
		}
		return true
	})
	if id != "" && r.Message == "request" {
		h.s.outcomes.Store(id, outcome)
	}
	return nil
}

// logText is a log as its reader sees it: JSON, a record on each line.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) add(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slog.NewJSONHandler(&l.text, &slog.HandlerOptions{Level: slog.LevelDebug}).Handle(ctx, r)
}

// Log returns what was logged, where the configuration asks for another level than info.
func (s *Server) Log() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.text.String()
}

// Metrics returns what Prometheus reads.
func (s *Server) Metrics(t testing.TB) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("GET /metrics = %d\n%s", w.Code, w.Body)
	}
	return w.Body.String()
}
