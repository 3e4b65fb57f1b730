package telemetry

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The signals, as the label of latchkey_telemetry_lost_total has them.
const (
	traces  = "traces"
	metrics = "metrics"
)

// losses counts what did not reach the collector, and logs it now and then.
type losses struct {
	counter *prometheus.CounterVec
	log     *slog.Logger
	quiet   time.Duration
	silent  atomic.Bool
}

func newLosses(log *slog.Logger, quiet time.Duration) *losses {
	l := &losses{log: log, quiet: quiet, counter: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "latchkey_telemetry_lost_total",
		Help: "Spans (traces) and reports of all metrics (metrics) that did not reach the OpenTelemetry collector.",
	}, []string{"signal"})}
	l.counter.WithLabelValues(traces)
	l.counter.WithLabelValues(metrics)
	return l
}

// report counts n as lost because of err, whose text must be fit for the log. It does not wait for anything.
func (l *losses) report(signal string, n int, err error) {
	l.counter.WithLabelValues(signal).Add(float64(n))
	l.warn("telemetry was lost", signal, n, err)
}

// warn writes a line, unless it wrote one less than quiet ago. The metric has the whole number.
func (l *losses) warn(message, signal string, n int, err error) {
	if !l.silent.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(l.quiet, func() { l.silent.Store(false) })
	l.log.Warn(message, "signal", signal, "lost", n, "error", err)
}

// rejection is what a collector says that took an exchange but not all that was in it (OTLP, partial success).
type rejection struct{ n int64 }

// Error does not quote the collector.
func (r rejection) Error() string { return "the collector rejected a part" }

// lostOf returns how many of n are lost by err.
func lostOf(err error, n int) int {
	if r, ok := errors.AsType[rejection](err); ok {
		return int(min(r.n, int64(n)))
	}
	return n
}
