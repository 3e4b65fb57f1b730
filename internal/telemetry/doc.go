// Package telemetry tells an OpenTelemetry collector what the server does: requests and a Prometheus registry go in, spans
// and metrics go out over OTLP/HTTP.
//
//	Begin … End, Child ── queue (2048 spans) ── batch ──┐
//	                                                    ├── POST /v1/traces, /v1/metrics
//	registry ── gathered every Interval ────────────────┘
//
// Spans are made by the OpenTelemetry SDK. What carries them is this package's own, and smaller than the exporters that
// come with the SDK: those read many environment variables, some of which move the endpoint or the headers of one signal,
// print header settings that they cannot parse to the standard error, quote the collector's answers in their errors, and
// bring gRPC along. Metrics are those of the registry, under their names there, so each is defined once.
//
// The collector can be away, slow or broken: a request never waits for it, what waits to be sent is bounded, and what is
// lost is counted in latchkey_telemetry_lost_total and logged at most once a minute. Nothing global of the SDK is set.
//
// Of the environment, OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME are honoured, and Go's own
// HTTPS_PROXY, HTTP_PROXY, NO_PROXY and SSL_CERT_FILE. No other OTEL_ variable changes what is sent, or where to.
package telemetry
