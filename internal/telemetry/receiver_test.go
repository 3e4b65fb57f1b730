package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is an OTLP/HTTP collector that keeps what it gets. answer, where set, answers instead.
type receiver struct {
	*httptest.Server
	answer http.HandlerFunc

	mu       sync.Mutex
	spans    []*tracepb.Span
	metrics  map[string]*metricspb.Metric
	resource *resourcepb.Resource
	header   http.Header
	raw      bytes.Buffer
	calls    int
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{answer: answer, metrics: map[string]*metricspb.Metric{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.answer != nil {
		r.answer(w, q)
		return
	}
	r.raw.Write(body)
	r.header = q.Header
	switch {
	case err != nil || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/x-protobuf":
		w.WriteHeader(http.StatusBadRequest)
		return
	case q.URL.Path == "/v1/traces":
		var m coltrace.ExportTraceServiceRequest
		err = proto.Unmarshal(body, &m)
		for _, rs := range m.GetResourceSpans() {
			r.resource = rs.GetResource()
			for _, ss := range rs.GetScopeSpans() {
				r.spans = append(r.spans, ss.GetSpans()...)
			}
		}
	case q.URL.Path == "/v1/metrics":
		var m colmetrics.ExportMetricsServiceRequest
		err = proto.Unmarshal(body, &m)
		for _, rm := range m.GetResourceMetrics() {
			r.resource = rm.GetResource()
			for _, sm := range rm.GetScopeMetrics() {
				for _, metric := range sm.GetMetrics() {
					r.metrics[metric.GetName()] = metric
				}
			}
		}
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// world is a started Exporter with what it was started with.
type world struct {
	*Exporter
	registry *prometheus.Registry
	log      *journal
}

// journal is a log that a test reads while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// quick are limits for tests, in which nothing is sent before it is flushed or a batch is full.
func quick() limits {
	return limits{queue: 64, batch: 16, gather: time.Hour, exchange: 5 * time.Second, pause: time.Millisecond, quiet: time.Hour}
}

func launch(t *testing.T, endpoint string, sample float64, lim limits) *world {
	t.Helper()
	w := &world{registry: prometheus.NewRegistry(), log: &journal{}}
	e, err := start(t.Context(), Options{
		Endpoint: endpoint, Sample: sample, Interval: time.Hour, Version: "1.2.3", Registry: w.registry,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}, lim, t0)
	if err != nil {
		t.Fatalf("Start = %v", err)
	}
	w.Exporter = e
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = e.Stop(ctx, t0)
	})
	return w
}

// request traces one request of these headers.
func (w *world) request(t *testing.T, trusted bool, header http.Header, o Outcome) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/token?code=SECRET", nil)
	r.Header = header
	_, span := w.Begin(t.Context(), r, trusted, t0)
	span.End(o, t0.Add(5*time.Millisecond))
}

// lost returns latchkey_telemetry_lost_total of the signal.
func (w *world) lost(signal string) int {
	var m dto.Metric
	if err := w.meter.lost.counter.WithLabelValues(signal).Write(&m); err != nil {
		return -1
	}
	return int(m.GetCounter().GetValue())
}

func (w *world) stopNow(t *testing.T) {
	t.Helper()
	if err := w.Stop(t.Context(), t0.Add(time.Minute)); err != nil {
		t.Fatalf("Stop = %v", err)
	}
}
