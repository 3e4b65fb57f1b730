package telemetry

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// meter sends what a registry has.
type meter struct {
	carrier  *carrier
	lost     *losses
	registry *prometheus.Registry
	about    *resourcepb.Resource
	began    time.Time
	done     chan struct{}
}

// run sends at that pace until the carrier stops.
func (m *meter) run(interval time.Duration) {
	defer close(m.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-m.carrier.stopping:
			return
		case now := <-ticker.C:
			m.send(now)
		}
	}
}

// send reports all metrics as of now. It tries once: the next report says all that this one would have.
func (m *meter) send(now time.Time) {
	families, err := m.registry.Gather()
	if err != nil {
		// What could be gathered is in families all the same.
		m.lost.warn("some metrics cannot be gathered", metrics, 0, err)
	}
	all := make([]*metricspb.Metric, 0, len(families))
	for _, family := range families {
		if metric := convert(family, m.began, now); metric != nil {
			all = append(all, metric)
		}
	}
	// On the wire, MetricsData is ExportMetricsServiceRequest (opentelemetry-proto, metrics.proto).
	body, err := proto.Marshal(&metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource:     m.about,
		ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: &commonpb.InstrumentationScope{Name: scope}, Metrics: all}},
	}}})
	if err == nil {
		err = m.carrier.deliver(m.carrier.life, "/v1/metrics", body, 1)
	}
	if err != nil {
		m.lost.report(metrics, 1, err)
	}
}

// convert returns family in the form of OTLP, and nil for types that the metrics of this service do not have
// (OpenTelemetry specification, Prometheus and OpenMetrics compatibility). The name stays.
func convert(family *dto.MetricFamily, began, now time.Time) *metricspb.Metric {
	out := &metricspb.Metric{Name: family.GetName(), Description: family.GetHelp()}
	p := points{began, now}
	const cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	switch family.GetType() {
	case dto.MetricType_COUNTER:
		out.Data = &metricspb.Metric_Sum{Sum: &metricspb.Sum{
			DataPoints: each(family, p.counter), AggregationTemporality: cumulative, IsMonotonic: true,
		}}
	case dto.MetricType_GAUGE, dto.MetricType_UNTYPED:
		out.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: each(family, p.gauge)}}
	case dto.MetricType_HISTOGRAM:
		out.Data = &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
			DataPoints: each(family, p.histogram), AggregationTemporality: cumulative,
		}}
	case dto.MetricType_SUMMARY:
		out.Data = &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: each(family, p.summary)}}
	default:
		return nil
	}
	return out
}

func each[T any](family *dto.MetricFamily, point func(*dto.Metric) T) []T {
	all := make([]T, len(family.GetMetric()))
	for i, metric := range family.GetMetric() {
		all[i] = point(metric)
	}
	return all
}

// points makes data points that reach from began, or from when the metric was made, to now.
type points struct{ began, now time.Time }

func (p points) counter(m *dto.Metric) *metricspb.NumberDataPoint {
	return &metricspb.NumberDataPoint{
		Attributes: labels(m), StartTimeUnixNano: p.from(m.GetCounter().GetCreatedTimestamp()), TimeUnixNano: nanos(p.now),
		Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: m.GetCounter().GetValue()},
	}
}

func (p points) gauge(m *dto.Metric) *metricspb.NumberDataPoint {
	value := m.GetGauge().GetValue()
	if m.GetUntyped() != nil {
		value = m.GetUntyped().GetValue()
	}
	return &metricspb.NumberDataPoint{
		Attributes: labels(m), TimeUnixNano: nanos(p.now), Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: value},
	}
}

// histogram takes the sum of each bucket and those below apart. OTLP has a bucket above the last bound, which Prometheus
// leaves out or calls +Inf.
func (p points) histogram(m *dto.Metric) *metricspb.HistogramDataPoint {
	h := m.GetHistogram()
	point := &metricspb.HistogramDataPoint{
		Attributes: labels(m), StartTimeUnixNano: p.from(h.GetCreatedTimestamp()), TimeUnixNano: nanos(p.now),
		Count: h.GetSampleCount(), Sum: new(h.GetSampleSum()),
	}
	below := uint64(0)
	for _, b := range h.GetBucket() {
		if math.IsInf(b.GetUpperBound(), +1) {
			break
		}
		point.ExplicitBounds = append(point.ExplicitBounds, b.GetUpperBound())
		point.BucketCounts = append(point.BucketCounts, b.GetCumulativeCount()-below)
		below = b.GetCumulativeCount()
	}
	point.BucketCounts = append(point.BucketCounts, point.Count-below)
	return point
}

func (p points) summary(m *dto.Metric) *metricspb.SummaryDataPoint {
	s := m.GetSummary()
	point := &metricspb.SummaryDataPoint{
		Attributes: labels(m), StartTimeUnixNano: p.from(s.GetCreatedTimestamp()), TimeUnixNano: nanos(p.now),
		Count: s.GetSampleCount(), Sum: s.GetSampleSum(),
	}
	for _, q := range s.GetQuantile() {
		point.QuantileValues = append(point.QuantileValues,
			&metricspb.SummaryDataPoint_ValueAtQuantile{Quantile: q.GetQuantile(), Value: q.GetValue()})
	}
	return point
}

func (p points) from(created *timestamppb.Timestamp) uint64 {
	if created.IsValid() {
		return nanos(created.AsTime())
	}
	return nanos(p.began)
}

func nanos(t time.Time) uint64 { return uint64(t.UnixNano()) }

func labels(m *dto.Metric) []*commonpb.KeyValue {
	all := make([]*commonpb.KeyValue, len(m.GetLabel()))
	for i, label := range m.GetLabel() {
		all[i] = text(label.GetName(), label.GetValue())
	}
	return all
}
