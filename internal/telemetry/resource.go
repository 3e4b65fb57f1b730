package telemetry

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

// scope names who made the spans and metrics (OTLP, InstrumentationScope).
const scope = "github.com/latchkey-id/latchkey"

// describe returns what every span and metric says about this process. The environment may rename the service and add
// attributes, such as those of a pod; the version is always that of the program. Each start is an instance of its own,
// because two nodes that report one series as the same instance would overwrite each other.
func describe(ctx context.Context, version string) (*resource.Resource, error) {
	own := []attribute.KeyValue{semconv.ServiceName("latchkey"), semconv.ServiceInstanceID(rand.Text())}
	if host, err := os.Hostname(); err == nil {
		own = append(own, semconv.HostName(host))
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(own...),
		resource.WithFromEnv(), // what comes later wins
		resource.WithAttributes(semconv.ServiceVersion(version)))
	// Protobuf refuses text that is not UTF-8, and with it all that would ever be sent.
	if err != nil || slices.ContainsFunc(about.Attributes(), func(kv attribute.KeyValue) bool {
		return !utf8.ValidString(string(kv.Key)) || !utf8.ValidString(kv.Value.AsString())
	}) {
		return nil, errors.New("telemetry: OTEL_RESOURCE_ATTRIBUTES must be a list like key=value,key=value with percent-encoded values, and it and OTEL_SERVICE_NAME UTF-8")
	}
	return about, nil
}

// resourceProto returns about in the form of OTLP. All its attributes are text.
func resourceProto(about *resource.Resource) *resourcepb.Resource {
	out := &resourcepb.Resource{}
	for _, kv := range about.Attributes() {
		out.Attributes = append(out.Attributes, text(string(kv.Key), kv.Value.AsString()))
	}
	return out
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}
