package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// A login is one span with the operations of the database under it, and holds nothing that a login must keep.
func TestRequestsAreTraced(t *testing.T) {
	var mu sync.Mutex
	var spans []*traces.Span
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			return
		}
		var request collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				spans = append(spans, scope.Spans...)
			}
		}
	}))
	defer receiver.Close()
	s := testkit.Start(t, func(c *config.Config) {
		c.Telemetry = config.Telemetry{Endpoint: receiver.URL, Sample: 1, Interval: time.Minute}
	})
	c := s.Client()
	code := c.Authorize(t)
	token := c.Redeem(t, code).RefreshToken
	c.Refresh(t, token)
	s.Do(httptest.NewRequest("GET", s.Base+"/"+token, nil))
	s.StopTelemetry(t)

	mu.Lock()
	defer mu.Unlock()
	byName := map[string][]*traces.Span{}
	for _, span := range spans {
		byName[span.Name] = append(byName[span.Name], span)
		if text := span.String(); strings.Contains(text, code) || strings.Contains(text, token) {
			t.Errorf("a span holds a secret: %s", text)
		}
	}
	logins, writes := byName["CreateOAuth2Token"], byName["store redeem_code"]
	if len(logins) != 2 || len(writes) != 1 || string(writes[0].ParentSpanId) != string(logins[0].SpanId) {
		t.Errorf("spans: %d of CreateOAuth2Token and %d of redeem_code, want 2, and 1 under the first:\n%v", len(logins), len(writes), spans)
	}
	if n := len(byName["Unknown"]); n != 1 {
		t.Errorf("%d spans of a path that is not there, want 1 that does not say which", n)
	}
}
