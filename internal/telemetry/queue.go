package telemetry

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// queue is the SDK's queue of ended spans with a count of what is in it. The SDK's own drops what does not fit without
// telling; this one is full first.
type queue struct {
	sdktrace.SpanProcessor
	sender *spanSender
	limit  int64
}

// newQueue states everything that the SDK would otherwise read from OTEL_BSP_ variables.
func newQueue(s *spanSender, lim limits) *queue {
	return &queue{sender: s, limit: int64(lim.queue), SpanProcessor: sdktrace.NewBatchSpanProcessor(s,
		sdktrace.WithMaxQueueSize(lim.queue), sdktrace.WithMaxExportBatchSize(lim.batch), sdktrace.WithBatchTimeout(lim.gather),
		sdktrace.WithExportTimeout(0))} // the carrier bounds every exchange
}

// OnEnd takes a span that is over, or counts it as lost. It never waits.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if q.sender.pending.Add(1) > q.limit {
		q.sender.pending.Add(-1)
		q.sender.lost.report(traces, 1, errors.New("the queue is full"))
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// spanLimits bound one span. Without them, the SDK would take them from OTEL_SPAN_ variables.
func spanLimits() sdktrace.SpanLimits {
	return sdktrace.SpanLimits{
		AttributeValueLengthLimit: 128, AttributeCountLimit: 16,
		EventCountLimit: 0, LinkCountLimit: 0, AttributePerEventCountLimit: 0, AttributePerLinkCountLimit: 0,
	}
}

// spanSender brings batches of the queue to the collector. To the SDK it is the exporter, which never fails; to the package
// that turns spans into OTLP it is the client.
type spanSender struct {
	carrier *carrier
	lost    *losses
	inner   *otlptrace.Exporter
	pending atomic.Int64
}

// ExportSpans sends a batch. What is lost is reported here, so the SDK's global error handler hears of nothing.
func (s *spanSender) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := s.inner.ExportSpans(ctx, spans)
	s.pending.Add(-int64(len(spans)))
	if err != nil {
		s.lost.report(traces, lostOf(err, len(spans)), err)
	}
	return nil
}

// Shutdown ends nothing: the carrier is also that of the metrics.
func (s *spanSender) Shutdown(context.Context) error { return nil }

// Start has nothing to do.
func (s *spanSender) Start(context.Context) error { return nil }

// Stop has nothing to do.
func (s *spanSender) Stop(context.Context) error { return nil }

// UploadTraces sends spans. TracesData is on the wire what ExportTraceServiceRequest is (opentelemetry-proto, trace.proto),
// and its package does not bring gRPC along.
func (s *spanSender) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	return s.carrier.deliver(ctx, "/v1/traces", body, 3)
}
