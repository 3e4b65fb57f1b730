package telemetry

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Span is a request that is traced. All methods of a nil Span do nothing.
type Span struct{ span trace.Span }

// Outcome is what a span says about its request. All of it is names and numbers of this service; what does not look like
// one is left out.
type Outcome struct {
	// Operation becomes the name of the span.
	Operation string
	// Method is the request's. One that HTTP does not define is shown as _OTHER.
	Method string
	// Route is the path that was registered, never the path of the request.
	Route string
	// Status is that of the answer; 0 when there was none.
	Status int
	// Grant is the grant type, where there is one.
	Grant string
	// Client is the client id.
	Client string
	// Kind is "ok", or the kind of the fault.
	Kind string
	// RequestID is what X-Amzn-RequestId says.
	RequestID string
}

// Begin starts the span of r at now, and returns a context for Child with it. The Span is nil when r is not traced.
//
// Chance alone decides which requests are traced, whatever the caller sent. Where the caller is trusted, the span is one of
// the trace in its traceparent header (W3C Trace Context, section 3.2); otherwise, it begins a trace. The tracestate and
// baggage headers are ignored, because anything could be in them.
func (e *Exporter) Begin(ctx context.Context, r *http.Request, trusted bool, now time.Time) (context.Context, *Span) {
	// Not by the trace id, as usual: a trusted proxy may hand on the id that its own caller chose.
	if e == nil || rand.Float64() >= e.sample {
		return ctx, nil
	}
	var parent trace.SpanContext
	if trusted {
		parent = parentOf(r)
	}
	ctx = trace.ContextWithRemoteSpanContext(ctx, parent) // an invalid one makes a root
	ctx, span := e.tracer.Start(ctx, "request", trace.WithTimestamp(now), trace.WithSpanKind(trace.SpanKindServer))
	return ctx, &Span{span}
}

// parentOf returns what the traceparent header of r names, or nothing. Two such headers are as good as none.
func parentOf(r *http.Request) trace.SpanContext {
	values := r.Header["Traceparent"]
	if len(values) != 1 {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"traceparent": values[0]}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// End completes s at now. A span has failed when the status is 5xx; refusals are what the service is there for. (OpenTelemetry
// semantic conventions, HTTP server.)
func (s *Span) End(o Outcome, now time.Time) {
	if s == nil {
		return
	}
	attrs := make([]attribute.KeyValue, 0, 8)
	attrs = append(attrs, semconv.HTTPRequestMethodKey.String(method(o.Method)))
	if o.Status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(o.Status))
	}
	client := o.Client
	switch {
	case signin.IsDynamicID(client):
		client = "dynamic" // there is no end of them, and the id of one can be any URL
	case !signin.ValidClientID(client):
		client = ""
	}
	for _, a := range [...]attribute.KeyValue{
		semconv.HTTPRoute(name(o.Route)),
		attribute.String("latchkey.grant", name(o.Grant)),
		attribute.String("latchkey.client", client),
		attribute.String("latchkey.outcome", name(o.Kind)),
		attribute.String("latchkey.request_id", name(o.RequestID)),
	} {
		if a.Value.AsString() != "" {
			attrs = append(attrs, a)
		}
	}
	if o.Status >= 500 {
		attrs = append(attrs, semconv.ErrorTypeKey.String(name(o.Kind)))
		s.span.SetStatus(codes.Error, name(o.Kind))
	}
	s.span.SetAttributes(attrs...)
	if operation := name(o.Operation); operation != "" {
		s.span.SetName(operation)
	}
	s.span.End(trace.WithTimestamp(now))
}

// Child adds a part of the request of ctx that is over, such as "store redeem_code". It does nothing where ctx is not one
// that Begin returned with a Span. Of err, only its class is shown.
func (e *Exporter) Child(ctx context.Context, name string, began, ended time.Time, err error) {
	if e == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	_, span := e.tracer.Start(ctx, name, trace.WithTimestamp(began))
	if err != nil {
		class := errorClass(err)
		span.SetAttributes(semconv.ErrorTypeKey.String(class))
		span.SetStatus(codes.Error, class)
	}
	span.End(trace.WithTimestamp(ended))
}

// errorClass names err without its text, which may hold anything.
func errorClass(err error) string {
	if f, ok := errors.AsType[*signin.Fault](err); ok {
		return f.Kind.String()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "_OTHER" // the word of the semantic conventions for what has no name
}

var methods = []string{
	http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete,
	http.MethodPatch, http.MethodConnect, http.MethodTrace,
}

// method keeps what a caller invented out of the spans.
func method(m string) string {
	if slices.Contains(methods, m) {
		return m
	}
	return "_OTHER"
}

// name returns s where it looks like a name of this service, and "" otherwise: should a caller of this package ever hand in
// a query, a message or a token, none of them goes out.
func name(s string) string {
	if len(s) > 64 {
		return ""
	}
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '_' && c != '-' && c != '.' && c != ':' && c != '/' {
			return ""
		}
	}
	return s
}
