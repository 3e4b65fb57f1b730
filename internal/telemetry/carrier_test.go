package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

func benchOptions(tb testing.TB, sample float64) Options {
	tb.Helper()
	return Options{
		Endpoint: "http://127.0.0.1:1", Sample: sample, Interval: time.Hour, Registry: prometheus.NewRegistry(),
		Log: slog.New(slog.DiscardHandler),
	}
}

const token = "Bearer hunter2"

// However the collector answers, the loss is counted, the log has one line without secrets, and Stop is not held up.
func TestLossIsCountedAndLoggedOnce(t *testing.T) {
	partial, err := proto.Marshal(&coltrace.ExportTraceServiceResponse{
		PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: token},
	})
	if err != nil {
		t.Fatal(err)
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			http.Error(w, token, code)
		}
	}
	body := func(kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write([]byte(text))
		}
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		lost   int // of 3 spans
		log    string
	}{
		{"500", status(500), 3, "status 500"},
		{"429", status(429), 3, "status 429"},
		{"a redirect", func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, 3, "status 307"},
		{"a page", body("text/html; charset=utf-8", token), 3, "web server"},
		{"garbage", body(protobuf, "\xff"+token), 3, "not OTLP"},
		{"a field of another type", body(protobuf, "\x08\x01"), 3, "not OTLP"},
		{"an endless answer", func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 4096))
			}
		}, 3, "too long"},
		{"huge headers", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat(token, longestAnswer))
		}, 3, "not HTTP"},
		{"broken off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3, "not HTTP"},
		{"a part rejected", body(protobuf, string(partial)), 2, "rejected a part"},
		{"JSON", body("application/json", "{}"), 0, ""},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(headersVariable, "authorization=Bearer%20hunter2")
			r := receive(t, func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path == "/v1/metrics" {
					return
				}
				if got := q.Header.Get("Authorization"); got != token {
					t.Errorf("Authorization = %q, want %q", got, token)
				}
				tt.answer(w, q)
			})
			w := launch(t, r.URL, 1, quick())
			for range 3 {
				w.request(t, false, nil, Outcome{})
			}
			if err := w.provider.ForceFlush(t.Context()); err != nil {
				t.Errorf("ForceFlush = %v", err)
			}
			w.stopNow(t)
			if got := w.lost(traces); got != tt.lost {
				t.Errorf("%d spans are counted as lost, want %d", got, tt.lost)
			}
			log := w.log.String()
			if !strings.Contains(log, tt.log) || strings.Contains(log, "hunter2") || strings.Count(log, "\n") != min(tt.lost, 1) {
				t.Errorf("the log is %q, want one line with %q", log, tt.log)
			}
		})
	}
}

func TestTransientRefusalIsTriedAgain(t *testing.T) {
	var calls atomic.Int32
	r := receive(t, func(a http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			a.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	w := launch(t, r.URL, 1, quick())
	w.request(t, false, nil, Outcome{})
	if err := w.provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.lost(traces); got != 0 || calls.Load() != 3 {
		t.Errorf("%d spans are lost after %d calls, want none after 3; log: %s", got, calls.Load(), w.log)
	}
}

func TestPauseEndsEarly(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(*carrier, context.CancelFunc)
		want bool
	}{
		"Stop is called":  {func(c *carrier, _ context.CancelFunc) { close(c.stopping) }, true}, // one more try
		"Stop gives up":   {func(c *carrier, _ context.CancelFunc) { c.cancel() }, false},
		"the caller left": {func(_ *carrier, leave context.CancelFunc) { leave() }, false},
	} {
		c, err := newCarrier("http://127.0.0.1:1", quick())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		tt.end(c, cancel)
		if got := c.wait(ctx, time.Hour); got != tt.want || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("%s: wait = %v, %v, want %v", name, got, ctx.Err(), tt.want)
		}
		cancel()
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "-5": 0, "31": longestPause, "9223372036854775807": longestPause,
		"99999999999999999999": 0, "Wed, 21 Oct 2099 07:28:00 GMT": 0, "": 0,
	} {
		if got := refused(&http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {value}}}); got.after != want || !got.again {
			t.Errorf("Retry-After: %q = %+v, want %v", value, got, want)
		}
	}
}

// The headers are credentials for one host.
func TestHeadersDoNotFollowARedirect(t *testing.T) {
	t.Setenv(headersVariable, "authorization=Bearer%20hunter2")
	thief := receive(t, nil)
	r := receive(t, func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, thief.URL+q.URL.Path, http.StatusTemporaryRedirect)
	})
	w := launch(t, r.URL, 1, quick())
	w.request(t, false, nil, Outcome{})
	w.stopNow(t)
	if thief.calls != 0 || r.calls != 2 {
		t.Errorf("the other host was called %d times, the collector %d; want 0, 2", thief.calls, r.calls)
	}
}

// A collector that takes a connection and never answers holds up no request and no Stop, and memory stays bounded.
func TestSilentCollectorHoldsNothingUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lim := quick()
	lim.exchange = time.Hour
	w := launch(t, "http://"+l.Addr().String(), 1, lim)
	began := time.Now()
	for range 10_000 {
		w.request(t, false, nil, Outcome{})
	}
	if got := w.lost(traces); got != 10_000-lim.queue {
		t.Errorf("%d spans are lost, want all but the %d that wait", got, lim.queue)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Stop(ctx, t0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop = %v, want %v", err, context.DeadlineExceeded)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("that took %v", took)
	}
	select {
	case <-w.done: // the background work ends as well
	case <-time.After(5 * time.Second):
		t.Fatal("the exchanges go on after Stop")
	}
	if got := w.lost(traces); got != 10_000 {
		t.Errorf("%d spans are lost, want 10000", got)
	}
	if got := w.lost(metrics); got != 1 {
		t.Errorf("%d reports are lost, want 1", got)
	}
	if log := w.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "queue is full") {
		t.Errorf("the log is %q, want one line", log)
	}
}

// What was sent makes room for more.
func TestQueueEmpties(t *testing.T) {
	r := receive(t, nil)
	lim := quick()
	w := launch(t, r.URL, 1, lim)
	for range 3 {
		for range lim.queue {
			w.request(t, false, nil, Outcome{})
		}
		if err := w.provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.stopNow(t)
	if len(r.spans) != 3*lim.queue || w.lost(traces) != 0 {
		t.Errorf("%d spans arrived, %d are lost, want %d, 0", len(r.spans), w.lost(traces), 3*lim.queue)
	}
}

// Stop does not wait for a collector once for each batch that is left.
func TestStopGivesUpAfterOneExchange(t *testing.T) {
	var calls atomic.Int32
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		calls.Add(1)
		<-release
	}))
	defer s.Close()
	defer close(release)
	lim := quick()
	lim.batch, lim.exchange, lim.pause = 1, 50*time.Millisecond, time.Hour
	w := launch(t, s.URL, 1, lim)
	for range 32 {
		w.request(t, false, nil, Outcome{})
	}
	w.stopNow(t)
	if w.lost(traces) != 32 || calls.Load() > 5 {
		t.Errorf("%d spans are lost after %d calls, want 32 after at most 5", w.lost(traces), calls.Load())
	}
}

func TestSlowExchangeIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	r := receive(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	lim := quick()
	lim.exchange = 20 * time.Millisecond
	w := launch(t, r.URL, 1, lim)
	w.request(t, false, nil, Outcome{})
	w.stopNow(t)
	if w.lost(traces) != 1 || !strings.Contains(w.log.String(), "in time") {
		t.Errorf("%d spans are lost, log: %s", w.lost(traces), w.log)
	}
}

func TestStopWithoutACollectorIsQuick(t *testing.T) {
	lim := quick()
	lim.pause = time.Hour
	w := launch(t, "http://127.0.0.1:1", 1, lim)
	for range lim.batch {
		w.request(t, false, nil, Outcome{}) // a full batch, so its first try is on its way
	}
	w.stopNow(t)
	w.stopNow(t) // again
	if got := w.lost(traces); got != lim.batch || !strings.Contains(w.log.String(), "connection refused") {
		t.Errorf("%d spans are lost, want %d; log: %s", got, lim.batch, w.log)
	}
}

func TestLogSpeaksAgainAfterQuiet(t *testing.T) {
	lim := quick()
	lim.quiet = time.Microsecond
	w := launch(t, "http://127.0.0.1:1", 0, lim)
	for strings.Count(w.log.String(), "telemetry was lost") < 2 {
		w.meter.lost.report(traces, 1, errors.New("x"))
	}
}

func TestSettingsAreRefusedWithoutShowingThem(t *testing.T) {
	for _, tt := range []struct {
		name, endpoint, headers, resource string
		sample                            float64
	}{
		{"no scheme", "127.0.0.1:4318", "", "", 1},
		{"another scheme", "unix:///hunter2", "", "", 1},
		{"user", "http://me:hunter2@127.0.0.1", "", "", 1},
		{"query", "http://127.0.0.1/?hunter2", "", "", 1},
		{"header without a value", "http://127.0.0.1", "hunter2", "", 1},
		{"header of a wrong escape", "http://127.0.0.1", "a=hunter2%zz", "", 1},
		{"header with a line break", "http://127.0.0.1", "a=hunter2%0d%0ax:y", "", 1},
		{"header with a wrong name", "http://127.0.0.1", "hunter2 x=y", "", 1},
		{"resource without a value", "http://127.0.0.1", "", "hunter2", 1},
		{"resource that is not UTF-8", "http://127.0.0.1", "", "hunter2=%ff", 1},
		{"a sample above all", "http://127.0.0.1", "", "", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(headersVariable, tt.headers)
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", tt.resource)
			o := benchOptions(t, tt.sample)
			o.Endpoint = tt.endpoint
			if e, err := Start(t.Context(), o, t0); err == nil || e != nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Start = %v, %v, want an error that does not show the setting", e, err)
			}
		})
	}
}

// What the configuration file says is what happens, whatever else is in the environment.
func TestEnvironmentCannotOverrideTheConfiguration(t *testing.T) {
	other := receive(t, nil)
	for key, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": other.URL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": other.URL, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": other.URL,
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-other=1", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-other=1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_TIMEOUT": "0", "OTEL_TRACES_SAMPLER": "always_off",
		"OTEL_TRACES_SAMPLER_ARG": "0", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "0", "OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_SDK_DISABLED": "true",
		"OTEL_METRIC_EXPORT_INTERVAL": "1", "OTEL_PROPAGATORS": "baggage",
		headersVariable: " X-Tenant = a%20b ,,x-key=k", "OTEL_SERVICE_NAME": "signin", "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=p0,service.version=9",
	} {
		t.Setenv(key, value)
	}
	r := receive(t, nil)
	w := launch(t, r.URL, 1, quick())
	for range 4 {
		w.request(t, false, nil, Outcome{Method: "GET"})
	}
	w.stopNow(t)
	if other.calls != 0 || len(r.spans) != 4 || attributes(r.spans[0].GetAttributes())["http.request.method"] != "GET" {
		t.Errorf("the other collector got %d calls, the configured one %d spans, want 0, 4: %v", other.calls, len(r.spans), r.spans)
	}
	if r.header.Get("X-Tenant") != "a b" || r.header.Get("X-Key") != "k" || r.header.Get("X-Other") != "" {
		t.Errorf("headers = %v", r.header)
	}
	about := attributes(r.resource.GetAttributes())
	if about["service.name"] != "signin" || about["k8s.pod.name"] != "p0" || about["service.version"] != "1.2.3" {
		t.Errorf("resource = %v", about)
	}
}

func TestTwoExportersCannotShareARegistry(t *testing.T) {
	w := launch(t, "http://127.0.0.1:1", 0, quick())
	if e, err := Start(t.Context(), Options{Endpoint: "http://127.0.0.1:1", Interval: time.Hour, Registry: w.registry}, t0); err == nil {
		t.Errorf("Start = %v, nil, want an error", e)
	}
}

// A collector with a certificate that nobody vouches for does not get the headers.
func TestCertificateIsChecked(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	w := launch(t, s.URL, 1, quick())
	w.request(t, false, nil, Outcome{})
	w.stopNow(t)
	if calls.Load() != 0 || w.lost(traces) != 1 || !strings.Contains(w.log.String(), "certificate") {
		t.Errorf("%d calls, %d spans lost, log: %s", calls.Load(), w.lost(traces), w.log)
	}
}

func FuzzUnderstand(f *testing.F) {
	f.Add(protobuf, []byte("\x0a\x02\x08\x02"))
	f.Add("text/html", []byte("x"))
	f.Fuzz(func(t *testing.T, kind string, answer []byte) {
		err := understand(kind, answer)
		if r, ok := errors.AsType[rejection](err); ok && (r.n <= 0 || lostOf(err, 5) > 5) {
			t.Errorf("understand(%q, %x) = %v of 5", kind, answer, r.n)
		}
		var m coltrace.ExportTraceServiceResponse
		if kind == protobuf && err == nil && proto.Unmarshal(answer, &m) == nil && m.GetPartialSuccess().GetRejectedSpans() > 0 {
			t.Errorf("understand(%x) = nil, and it rejects %d", answer, m.GetPartialSuccess().GetRejectedSpans())
		}
	})
}
