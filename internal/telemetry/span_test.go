package telemetry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const (
	foreignTrace = "0af7651916cd43dd8448eb211c80319c"
	foreignSpan  = "b7ad6b7169203331"
)

func attributes(all []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range all {
		if v, ok := kv.GetValue().GetValue().(*commonpb.AnyValue_IntValue); ok {
			out[kv.GetKey()] = fmt.Sprint(v.IntValue)
			continue
		}
		out[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	return out
}

// There is no end of clients that register themselves, and the id of one that describes itself can be any URL. A span says
// only that it was one of them.
func TestSpanDoesNotNameDynamicClients(t *testing.T) {
	r := receive(t, nil)
	w := launch(t, r.URL+"/", 1, quick())
	for _, id := range []string{signin.DynamicClientID("us-east-1", signin.NewSessionID(t0)), "https://client.example.com/metadata.json"} {
		w.request(t, false, nil, Outcome{Operation: "CreateOAuth2Token", Method: "POST", Route: "/v1/token", Status: 200, Client: id, Kind: "ok"})
	}
	w.stopNow(t)
	if len(r.spans) != 2 {
		t.Fatalf("the collector got %d spans, want 2; log: %s", len(r.spans), w.log)
	}
	for _, s := range r.spans {
		if text := s.String(); !strings.Contains(text, `"dynamic"`) || strings.Contains(text, "external-client") || strings.Contains(text, "client.example.com") {
			t.Errorf("span = %s", text)
		}
	}
}

func TestSpanSaysWhatTheRequestWas(t *testing.T) {
	r := receive(t, nil)
	w := launch(t, r.URL+"/", 1, quick())
	w.request(t, false, nil, Outcome{
		Operation: "CreateOAuth2Token", Method: "POST", Route: "/v1/token", Status: 200, Grant: "authorization_code",
		Client: signin.SameDevice, Kind: "ok", RequestID: "6f0d5f0e-0000-4000-8000-000000000001",
	})
	w.stopNow(t)
	if len(r.spans) != 1 {
		t.Fatalf("the collector got %d spans, want 1; log: %s", len(r.spans), w.log)
	}
	s := r.spans[0]
	if s.GetName() != "CreateOAuth2Token" || s.GetKind() != tracepb.Span_SPAN_KIND_SERVER || len(s.GetParentSpanId()) != 0 || s.GetStatus().GetCode() != 0 {
		t.Errorf("span = %v", s)
	}
	if got := time.Unix(0, int64(s.GetStartTimeUnixNano())); !got.Equal(t0) || s.GetEndTimeUnixNano()-s.GetStartTimeUnixNano() != 5e6 {
		t.Errorf("the span reaches from %v for %d ns, want from %v for 5 ms", got, s.GetEndTimeUnixNano()-s.GetStartTimeUnixNano(), t0)
	}
	want := map[string]string{
		"http.request.method": "POST", "http.route": "/v1/token", "http.response.status_code": "200",
		"latchkey.grant": "authorization_code", "latchkey.client": signin.SameDevice, "latchkey.outcome": "ok",
		"latchkey.request_id": "6f0d5f0e-0000-4000-8000-000000000001",
	}
	if diff := cmp.Diff(want, attributes(s.GetAttributes())); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	about := attributes(r.resource.GetAttributes())
	if about["service.name"] != "latchkey" || about["service.version"] != "1.2.3" || about["service.instance.id"] == "" {
		t.Errorf("resource = %v", about)
	}
}

// Whoever calls End wrongly, or whatever a caller sends, no text of theirs leaves the process.
func TestNothingOfTheCallerIsSent(t *testing.T) {
	r := receive(t, nil)
	w := launch(t, r.URL, 1, quick())
	const secret = "SECRET"
	header := http.Header{
		"Traceparent": {"00-" + foreignTrace + "-" + foreignSpan + "-01"}, "Tracestate": {"v=" + secret}, "Baggage": {"k=" + secret},
		"User-Agent": {secret}, "Authorization": {secret}, "Dpop": {secret}, "Cookie": {secret},
	}
	long := "ASOR" + secret + strings.Repeat("x", 64)
	for _, trusted := range []bool{false, true} {
		w.request(t, trusted, header, Outcome{
			Operation: "what " + secret, Method: secret, Route: "/v1/token?code=" + secret, Status: 500, Grant: long,
			Client: secret, Kind: "database says: " + secret, RequestID: "\n" + secret,
		})
	}
	request := httptest.NewRequest("GET", "/?"+secret, nil)
	ctx, span := w.Begin(t.Context(), request, false, t0)
	w.Child(ctx, "store redeem_code", t0, t0, errors.New("row "+secret))
	w.Child(ctx, "store redeem_code", t0, t0, signin.Refuse(signin.CodeSpent, secret))
	span.End(Outcome{}, t0)
	w.stopNow(t)
	if len(r.spans) != 5 {
		t.Fatalf("the collector got %d spans, want 5; log: %s", len(r.spans), w.log)
	}
	if strings.Contains(r.raw.String(), secret) {
		t.Errorf("%s was sent: %v", secret, r.spans)
	}
}

func TestTraceOfTheCallerIsTakenUpOnlyWhenTrusted(t *testing.T) {
	valid := "00-" + foreignTrace + "-" + foreignSpan + "-01"
	for _, tt := range []struct {
		name    string
		trusted bool
		header  []string
		want    bool
	}{
		{"trusted", true, []string{valid}, true},
		{"trusted, of a trace that the caller does not sample", true, []string{"00-" + foreignTrace + "-" + foreignSpan + "-00"}, true},
		{"untrusted", false, []string{valid}, false},
		{"two headers", true, []string{valid, valid}, false},
		{"upper case", true, []string{strings.ToUpper(valid)}, false},
		{"all zero", true, []string{"00-" + strings.Repeat("0", 32) + "-" + foreignSpan + "-01"}, false},
		{"version ff", true, []string{"ff" + valid[2:]}, false},
		{"garbage", true, []string{strings.Repeat("é", 4000)}, false},
		{"none", true, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := receive(t, nil)
			w := launch(t, r.URL, 1, quick())
			w.request(t, tt.trusted, http.Header{"Traceparent": tt.header}, Outcome{Operation: "X", Method: "GET"})
			w.stopNow(t)
			if len(r.spans) != 1 {
				t.Fatalf("the collector got %d spans, want 1", len(r.spans))
			}
			s := r.spans[0]
			trace, parent := hex.EncodeToString(s.GetTraceId()), hex.EncodeToString(s.GetParentSpanId())
			if got := trace == foreignTrace && parent == foreignSpan; got != tt.want {
				t.Errorf("trace %s, parent %q; taken up: %v, want %v", trace, parent, got, tt.want)
			}
			if !tt.want && (trace == foreignTrace || parent != "") {
				t.Errorf("a root was wanted, got trace %s, parent %q", trace, parent)
			}
		})
	}
}

func TestOnlyAnswersOfTheServersFaultFail(t *testing.T) {
	r := receive(t, nil)
	w := launch(t, r.URL, 1, quick())
	w.request(t, false, nil, Outcome{Operation: "Refused", Method: "BREW", Status: 400, Kind: "CodeSpent"})
	w.request(t, false, nil, Outcome{Operation: "Failed", Method: "GET", Status: 503, Kind: "Overloaded"})
	w.stopNow(t)
	if len(r.spans) != 2 {
		t.Fatalf("the collector got %d spans, want 2", len(r.spans))
	}
	refused, failed := r.spans[0], r.spans[1]
	if got := attributes(refused.GetAttributes()); refused.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_UNSET ||
		got["error.type"] != "" || got["http.request.method"] != "_OTHER" || got["latchkey.outcome"] != "CodeSpent" {
		t.Errorf("a refusal is shown as %v %v", refused.GetStatus(), got)
	}
	if got := attributes(failed.GetAttributes()); failed.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR ||
		failed.GetStatus().GetMessage() != "Overloaded" || got["error.type"] != "Overloaded" {
		t.Errorf("a failure is shown as %v %v", failed.GetStatus(), got)
	}
}

func TestChildrenBelongToTheirRequest(t *testing.T) {
	r := receive(t, nil)
	w := launch(t, r.URL, 1, quick())
	ctx, span := w.Begin(t.Context(), httptest.NewRequest("POST", "/v1/token", nil), false, t0)
	for _, err := range []error{nil, errors.New("x"), context.DeadlineExceeded, signin.Refuse(signin.CodeSpent, "x")} {
		w.Child(ctx, "store redeem_code", t0.Add(time.Millisecond), t0.Add(3*time.Millisecond), err)
	}
	w.Child(t.Context(), "store sweep", t0, t0, nil) // of no request
	span.End(Outcome{Operation: "CreateOAuth2Token"}, t0.Add(4*time.Millisecond))
	w.stopNow(t)
	if len(r.spans) != 5 {
		t.Fatalf("the collector got %d spans, want 5: %v", len(r.spans), r.spans)
	}
	root := r.spans[4]
	for i, want := range []string{"", "_OTHER", "timeout", "CodeSpent"} {
		s := r.spans[i]
		if string(s.GetParentSpanId()) != string(root.GetSpanId()) || string(s.GetTraceId()) != string(root.GetTraceId()) ||
			s.GetEndTimeUnixNano()-s.GetStartTimeUnixNano() != 2e6 || s.GetName() != "store redeem_code" {
			t.Errorf("child %d = %v, of %v", i, s, root)
		}
		failed := s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR
		if got := attributes(s.GetAttributes())["error.type"]; got != want || failed != (want != "") {
			t.Errorf("child %d has error type %q and failed: %v, want %q", i, got, failed, want)
		}
	}
}

// A caller that sends the sampled flag, or picks its trace id, is traced no more often than others.
func TestChanceAloneDecidesWhatIsTraced(t *testing.T) {
	for _, tt := range []struct {
		sample   float64
		min, max int
	}{{0, 0, 0}, {1, 4000, 4000}, {.25, 800, 1200}} { // 1000 ± 7 standard deviations
		for _, id := range []string{strings.Repeat("0", 31) + "1", strings.Repeat("f", 32)} {
			w := launch(t, "http://127.0.0.1:1", tt.sample, quick())
			request := httptest.NewRequest("GET", "/", nil)
			request.Header.Set("Traceparent", "00-"+id+"-"+foreignSpan+"-01")
			n := 0
			for i := range 4000 {
				if _, span := w.Begin(t.Context(), request, i%2 == 0, t0); span != nil {
					n++
				}
			}
			if n < tt.min || n > tt.max {
				t.Errorf("of 4000 requests in trace %s, %d are traced at %v, want %d to %d", id, n, tt.sample, tt.min, tt.max)
			}
		}
	}
}

func TestOffAndUntracedCostNothing(t *testing.T) {
	if e, err := Start(t.Context(), Options{}, t0); e != nil || err != nil {
		t.Errorf("Start without an endpoint = %v, %v, want nothing", e, err)
	}
	off := (*Exporter)(nil)
	if err := off.Stop(t.Context(), t0); err != nil {
		t.Errorf("Stop = %v", err)
	}
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Traceparent", "00-"+foreignTrace+"-"+foreignSpan+"-01")
	for name, e := range map[string]*Exporter{"off": off, "untraced": launch(t, "http://127.0.0.1:1", 0, quick()).Exporter} {
		if n := testing.AllocsPerRun(100, func() {
			ctx, span := e.Begin(t.Context(), request, true, t0)
			e.Child(ctx, "store redeem_code", t0, t0, context.Canceled)
			span.End(Outcome{Operation: "X", Method: "GET", Status: 200, RequestID: "x"}, t0)
		}); n != 0 {
			t.Errorf("%s: a request makes %v allocations, want none", name, n)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	request := httptest.NewRequest("POST", "/v1/token", nil)
	for name, sample := range map[string]float64{"untraced": 0, "traced": 1} {
		b.Run(name, func(b *testing.B) {
			// Nobody is there, so the queue is soon full, which is the slower way.
			e, err := start(b.Context(), benchOptions(b, sample), usual(), t0)
			if err != nil {
				b.Fatal(err)
			}
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				_, span := e.Begin(ctx, request, false, t0)
				span.End(Outcome{Operation: "CreateOAuth2Token", Method: "POST", Route: "/v1/token", Status: 200, Grant: "refresh_token",
					Client: signin.SameDevice, Kind: "ok", RequestID: "6f0d5f0e-0000-4000-8000-000000000001"}, t0)
			}
			b.StopTimer()
			done, cancel := context.WithCancel(ctx)
			cancel()
			_ = e.Stop(done, t0)
		})
	}
}
