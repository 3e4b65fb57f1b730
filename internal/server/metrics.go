package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/latchkey-id/latchkey/internal/dpop"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Metrics counts what operators see. Every label comes from a closed list.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	logins   prometheus.Counter
	refresh  prometheus.Counter
	revoked  prometheus.Counter
	store    *prometheus.HistogramVec
}

// buckets reach from a refresh to a request that waited for everything.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// NewMetrics returns metrics that have counted nothing. They are made before the store, which reports to ObserveStore.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_requests_total", Help: "Requests by operation, grant type and outcome.",
		}, []string{"operation", "grant", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_request_seconds", Help: "Time from the first line of a request to the end of its answer.", Buckets: buckets,
		}, []string{"operation"}),
		logins:  prometheus.NewCounter(prometheus.CounterOpts{Name: "latchkey_logins_total", Help: "Authorization codes redeemed."}),
		refresh: prometheus.NewCounter(prometheus.CounterOpts{Name: "latchkey_refreshes_total", Help: "Refresh tokens answered."}),
		revoked: prometheus.NewCounter(prometheus.CounterOpts{Name: "latchkey_replays_total", Help: "Codes brought a second time, each of which ended its session."}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_store_seconds", Help: "Time of a store operation, waiting included.", Buckets: buckets,
		}, []string{"operation", "result"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.logins, m.refresh, m.revoked, m.store,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// Alerts look at the growth of these, which is not seen of a series that begins with 1.
	m.requests.WithLabelValues("CreateOAuth2Token", "refresh_token", signin.ProofKeyMismatch.String())
	m.requests.WithLabelValues("CreateOAuth2Token", "authorization_code", signin.CodeSpent.String())
	m.requests.WithLabelValues("CreateOAuth2Token", "refresh_token", signin.RefreshReused.String())
	return m
}

// watch adds what is read from the rooms when /metrics is asked.
func (m *Metrics) watch(s *Server, answered *dpop.Memory) {
	board := s.board
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "latchkey_notices", Help: "Notices held: revocations, changed passwords, removed assignments.",
		}, func() float64 { return float64(board.Len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "latchkey_notices_heard_age_seconds", Help: "Time since the database last told its notices.",
		}, func() float64 { return s.clock().Sub(board.Heard()).Seconds() }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "latchkey_notices_reset_total", Help: "Times that the database turned out to be an older copy of itself.",
		}, func() float64 { return float64(board.Resets()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "latchkey_proofs_remembered", Help: "Answered DPoP proofs that are remembered.",
		}, func() float64 { return float64(answered.Len(s.clock())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "latchkey_ready", Help: "1 while /readyz says that requests should be sent here, else 0.",
		}, func() float64 {
			if now := s.clock(); s.draining.Load() || s.fresh(now) != nil || s.ring.Ready(now) != nil {
				return 0
			}
			return 1
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "latchkey_key_ring_stale", Help: "1 while the key ring could not be read again; the keys that are there go on.",
		}, func() float64 {
			if s.ring.Err() != nil {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "latchkey_audit_lost_total", Help: "Audit events that are in the log only, because the database was away for long.",
		}, func() float64 { return float64(s.trail.Lost()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "latchkey_reuse_unseen_total", Help: "Sessions whose refresh tokens were not watched, because too many were in use at once.",
		}, func() float64 {
			if s.watch == nil {
				return 0
			}
			return float64(s.watch.Lost())
		}),
		heardNotices{board}, keyAges{s.ring, s.clock})
}

// Handler answers Prometheus. It is for a listener of its own.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// observe counts one request.
func (m *Metrics) observe(c *wire.Call, took time.Duration) {
	rec := &c.Record
	m.requests.WithLabelValues(rec.Operation, rec.Grant, rec.Outcome).Inc()
	m.seconds.WithLabelValues(rec.Operation).Observe(took.Seconds())
	switch {
	case rec.Operation != "CreateOAuth2Token":
	case rec.Outcome == signin.CodeSpent.String():
		m.revoked.Inc()
	case rec.Outcome != "ok":
	case rec.Grant == "refresh_token":
		m.refresh.Inc()
	default:
		m.logins.Inc()
	}
}

// Registry is what the metrics are registered with.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// ObserveStore is a store.Observer.
func (m *Metrics) ObserveStore(_ context.Context, operation string, took time.Duration, err error) {
	result := "ok"
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExists), errors.Is(err, store.ErrSpent), errors.Is(err, store.ErrReused):
		result = "refused"
	case err != nil:
		result = "error"
	}
	m.store.WithLabelValues(operation, result).Observe(took.Seconds())
}

// keyAges tells how long each key in use has been in use.
type keyAges struct {
	ring  *keyring.Ring
	clock func() time.Time
}

var keyAgeDesc = prometheus.NewDesc("latchkey_key_age_seconds", "How long the key in use has been in use, by purpose.", []string{"purpose"}, nil)

func (k keyAges) Describe(ch chan<- *prometheus.Desc) { ch <- keyAgeDesc }

func (k keyAges) Collect(ch chan<- prometheus.Metric) {
	for purpose, age := range k.ring.Ages(k.clock()) {
		ch <- prometheus.MustNewConstMetric(keyAgeDesc, prometheus.GaugeValue, age.Seconds(), purpose)
	}
}

// heardNotices tells how many notices were heard since the start, by reason.
type heardNotices struct{ board *notice.Board }

var heardDesc = prometheus.NewDesc("latchkey_revocations_total", "Notices heard since the start, by reason: what ended sessions.", []string{"reason"}, nil)

func (h heardNotices) Describe(ch chan<- *prometheus.Desc) { ch <- heardDesc }

func (h heardNotices) Collect(ch chan<- prometheus.Metric) {
	for reason, n := range h.board.Count() {
		ch <- prometheus.MustNewConstMetric(heardDesc, prometheus.CounterValue, float64(n), reason.String())
	}
}
