package telemetry

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

func TestMetricsOfTheRegistryArrive(t *testing.T) {
	r := receive(t, nil)
	w := launch(t, r.URL, 0, quick())
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "latchkey_requests_total", Help: "Requests."}, []string{"operation"})
	requests.WithLabelValues("CreateOAuth2Token").Add(3)
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "latchkey_request_seconds", Buckets: []float64{.1, .2, .4}})
	for _, v := range []float64{.05, .1, .3, 7} {
		seconds.Observe(v)
	}
	notices := prometheus.NewGauge(prometheus.GaugeOpts{Name: "latchkey_notices"})
	notices.Set(-2)
	quantiles := prometheus.NewSummary(prometheus.SummaryOpts{Name: "latchkey_quantiles", Objectives: map[float64]float64{.5: .1}})
	quantiles.Observe(9)
	w.registry.MustRegister(requests, seconds, notices, quantiles, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), untyped{})
	w.stopNow(t)

	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if r.metrics[family.GetName()] == nil {
			t.Errorf("%s has not arrived", family.GetName())
		}
	}
	sum := r.metrics["latchkey_requests_total"].GetSum()
	if sum == nil || !sum.GetIsMonotonic() || sum.GetAggregationTemporality() != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Fatalf("latchkey_requests_total = %v", r.metrics["latchkey_requests_total"])
	}
	point := sum.GetDataPoints()[0]
	if got := attributes(point.GetAttributes()); point.GetAsDouble() != 3 || got["operation"] != "CreateOAuth2Token" || point.GetStartTimeUnixNano() == 0 {
		t.Errorf("latchkey_requests_total = %v", point)
	}
	if got, want := point.GetTimeUnixNano(), uint64(t0.Add(time.Minute).UnixNano()); got != want {
		t.Errorf("the time is %d, want %d", got, want)
	}
	h := r.metrics["latchkey_request_seconds"].GetHistogram().GetDataPoints()[0]
	if diff := cmp.Diff([]uint64{2, 0, 1, 1}, h.GetBucketCounts()); diff != "" || h.GetCount() != 4 || h.GetSum() != 7.45 {
		t.Errorf("latchkey_request_seconds = %v\n%s", h, diff)
	}
	if diff := cmp.Diff([]float64{.1, .2, .4}, h.GetExplicitBounds()); diff != "" {
		t.Errorf("bounds (-want +got):\n%s", diff)
	}
	if got := r.metrics["latchkey_notices"].GetGauge().GetDataPoints()[0].GetAsDouble(); got != -2 {
		t.Errorf("latchkey_notices = %v, want -2", got)
	}
	if got := r.metrics["latchkey_untyped"].GetGauge().GetDataPoints()[0]; got.GetAsDouble() != 4 {
		t.Errorf("latchkey_untyped = %v, want 4", got)
	}
	if s := r.metrics["latchkey_quantiles"].GetSummary().GetDataPoints()[0]; s.GetCount() != 1 || s.GetQuantileValues()[0].GetValue() != 9 {
		t.Errorf("latchkey_quantiles = %v", s)
	}
	// Of a metric that does not know since when it counts, it is since the start.
	if got := r.metrics["process_cpu_seconds_total"].GetSum().GetDataPoints()[0].GetStartTimeUnixNano(); got != uint64(t0.UnixNano()) {
		t.Errorf("process_cpu_seconds_total counts from %d, want %d", got, t0.UnixNano())
	}
}

type untyped struct{}

var untypedDesc = prometheus.NewDesc("latchkey_untyped", "Neither.", nil, nil)

func (untyped) Describe(ch chan<- *prometheus.Desc) { ch <- untypedDesc }
func (untyped) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(untypedDesc, prometheus.UntypedValue, 4)
}

func TestMetricsAreSentAtTheirPace(t *testing.T) {
	arrived := make(chan string, 100)
	r := receive(t, func(_ http.ResponseWriter, q *http.Request) { arrived <- q.URL.Path })
	e, err := start(t.Context(), Options{
		Endpoint: r.URL, Interval: time.Millisecond, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}, quick(), t0)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := <-arrived; got != "/v1/metrics" {
			t.Errorf("a request to %s came, want /v1/metrics", got)
		}
	}
	if err := e.Stop(t.Context(), t0); err != nil {
		t.Errorf("Stop = %v", err)
	}
}

// One collector of the registry that fails does not take the others along.
func TestWhatCanBeGatheredIsSent(t *testing.T) {
	r := receive(t, nil)
	w := launch(t, r.URL, 0, quick())
	w.registry.MustRegister(failing{}, prometheus.NewGauge(prometheus.GaugeOpts{Name: "latchkey_notices"}))
	w.stopNow(t)
	if r.metrics["latchkey_notices"] == nil || !strings.Contains(w.log.String(), "cannot be gathered") {
		t.Errorf("sent: %v; log: %s", r.metrics, w.log)
	}
}

type failing struct{}

func (failing) Describe(ch chan<- *prometheus.Desc) { ch <- untypedDesc }
func (failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(untypedDesc, errors.New("no"))
}
