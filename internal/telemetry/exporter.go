package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say what is sent, and where to.
type Options struct {
	// Endpoint is the base URL of the collector, such as http://127.0.0.1:4318, without user, query or fragment. Empty: off.
	Endpoint string
	// Sample is the share of requests that are traced, from 0 to 1.
	Sample float64
	// Interval is how often metrics are sent. Positive.
	Interval time.Duration
	// Version is what service.version says.
	Version string
	// Registry holds the metrics that are sent. Start adds latchkey_telemetry_lost_total to it.
	Registry *prometheus.Registry
	// Log gets a line when something is lost, at most one a minute.
	Log *slog.Logger
}

// limits are how much waits, and for how long. Tests make them smaller.
type limits struct {
	queue    int           // spans that wait, those on their way included
	batch    int           // spans in one exchange
	gather   time.Duration // how long a batch waits to become full
	exchange time.Duration // how long one exchange with the collector may take
	pause    time.Duration // before the first repetition, doubled before the next
	quiet    time.Duration // between two lines of the log
}

func usual() limits {
	return limits{queue: 2048, batch: 512, gather: 5 * time.Second, exchange: 10 * time.Second, pause: time.Second, quiet: time.Minute}
}

// Exporter sends spans and metrics until Stop. All methods of a nil Exporter do nothing. It is safe for concurrent use.
type Exporter struct {
	sample   float64
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
	meter    *meter
	carrier  *carrier
	stop     sync.Once
	done     chan struct{} // closed when everything was sent or given up after Stop
}

// Start begins to send, and returns nil without an error where o names no endpoint. now is what cumulative metrics that do
// not know better count from. It does not talk to the collector: one that is away is found in the log.
//
// Errors: an endpoint, OTEL_EXPORTER_OTLP_HEADERS or OTEL_RESOURCE_ATTRIBUTES that cannot be read, and a registry on which
// another Exporter was started. They hold neither headers nor credentials.
func Start(ctx context.Context, o Options, now time.Time) (*Exporter, error) {
	return start(ctx, o, usual(), now)
}

func start(ctx context.Context, o Options, lim limits, now time.Time) (*Exporter, error) {
	if o.Endpoint == "" {
		return nil, nil
	}
	if o.Interval <= 0 || !(o.Sample >= 0 && o.Sample <= 1) {
		return nil, errors.New("telemetry: the interval must be positive, and the sample from 0 to 1")
	}
	carrier, err := newCarrier(o.Endpoint, lim)
	if err != nil {
		return nil, err
	}
	about, err := describe(ctx, o.Version)
	if err != nil {
		return nil, err
	}
	lost := newLosses(o.Log, lim.quiet)
	if err := o.Registry.Register(lost.counter); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}

	spans := &spanSender{carrier: carrier, lost: lost}
	if spans.inner, err = otlptrace.New(ctx, spans); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // Begin has drawn already
		sdktrace.WithResource(about),
		sdktrace.WithRawSpanLimits(spanLimits()),
		sdktrace.WithSpanProcessor(newQueue(spans, lim)))
	e := &Exporter{
		sample: o.Sample, provider: provider, tracer: provider.Tracer(scope), carrier: carrier, done: make(chan struct{}),
		meter: &meter{
			carrier: carrier, lost: lost, registry: o.Registry, about: resourceProto(about), began: now,
			done: make(chan struct{}),
		},
	}
	go e.meter.run(o.Interval)
	return e, nil
}

// Stop sends what waits and the metrics once more, and ends the background work. When ctx ends first, the rest is given up,
// counted as lost, and an error returned at once. What the collector does not take is no error. now is the time of the last
// metrics. Only the first call sends; later ones wait for it.
func (e *Exporter) Stop(ctx context.Context, now time.Time) error {
	if e == nil {
		return nil
	}
	e.stop.Do(func() {
		close(e.carrier.stopping)
		go e.finish(context.WithoutCancel(ctx), now)
	})
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		e.carrier.cancel()
		return fmt.Errorf("telemetry: stopped before everything was sent: %w", ctx.Err())
	}
}

// finish flushes. It is bounded by the life of the carrier, which Stop ends, and not by ctx: the SDK leaves its goroutine
// behind when it is told to shut down under a context that has ended.
func (e *Exporter) finish(ctx context.Context, now time.Time) {
	defer close(e.done)
	var work sync.WaitGroup
	work.Go(func() { _ = e.provider.Shutdown(ctx) }) // losses have been reported by spanSender
	work.Go(func() {
		<-e.meter.done
		e.meter.send(now)
	})
	work.Wait()
	e.carrier.cancel()
	e.carrier.client.CloseIdleConnections()
}
