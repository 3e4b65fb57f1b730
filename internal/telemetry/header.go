package telemetry

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	headersVariable = "OTEL_EXPORTER_OTLP_HEADERS"
	protobuf        = "application/x-protobuf"
)

// parseHeaders reads a list like "authorization=Bearer%20x,x-tenant=a" (OpenTelemetry specification, OTLP exporter). Errors
// hold nothing of it, because it holds credentials.
func parseHeaders(list string) (http.Header, error) {
	header := http.Header{}
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || err != nil || !httpguts.ValidHeaderFieldName(key) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, errors.New("telemetry: " + headersVariable + " must be a list like key=value,key=value with percent-encoded values")
		}
		header.Set(key, value)
	}
	return header, nil
}

// understand reads a 2xx answer. Collectors answer with protobuf, with nothing, or with some JSON; a web page says that
// something else listens there.
func understand(contentType string, answer []byte) error {
	kind, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "text/html":
		return failure{what: "a web server answered, and not a collector"}
	case protobuf:
		partial, ok := lastField(answer, 1, protowire.BytesType)
		n, fits := lastField(partial, 1, protowire.VarintType)
		if !ok || !fits {
			return failure{what: "the answer is not OTLP"}
		}
		if rejected, _ := protowire.ConsumeVarint(n); int64(rejected) > 0 {
			return rejection{int64(rejected)}
		}
	}
	return nil
}

// lastField returns the content of the last field of that number in message; nothing where there is none. It is false when
// message is not protobuf, or the field of another type. ExportTraceServiceResponse and ExportMetricsServiceResponse have
// partial_success as field 1, and that has the number of rejected things as field 1.
func lastField(message []byte, number protowire.Number, typ protowire.Type) (content []byte, ok bool) {
	for len(message) > 0 {
		num, got, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, false
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(num, got, message)
		if size < 0 || num == number && got != typ {
			return nil, false
		}
		if num == number {
			content = message[:size]
			if typ == protowire.BytesType {
				content, _ = protowire.ConsumeBytes(content)
			}
		}
		message = message[size:]
	}
	return content, true
}
