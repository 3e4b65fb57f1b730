package telemetry

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// longestAnswer is what is read of an answer. OTLP answers are a few bytes.
	longestAnswer = 64 << 10
	// longestPause is how long a collector can ask to be left alone.
	longestPause = 30 * time.Second
)

// carrier brings messages to the collector.
type carrier struct {
	client *http.Client
	base   string
	header http.Header
	limits limits

	life     context.Context // of all exchanges
	cancel   context.CancelFunc
	stopping chan struct{} // closed by Stop: nothing is repeated any more
}

func newCarrier(endpoint string, lim limits) (*carrier, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("telemetry: the endpoint must be a URL like http://127.0.0.1:4318, without user, query and fragment")
	}
	header, err := parseHeaders(os.Getenv(headersVariable))
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", protobuf)
	header.Set("User-Agent", "latchkey")
	c := &carrier{
		base: strings.TrimSuffix(u.String(), "/"), header: header, limits: lim, stopping: make(chan struct{}),
		client: &http.Client{
			// The headers are for this collector, and a redirect is an answer like any other that is not 2xx.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: lim.exchange}).DialContext,
				TLSHandshakeTimeout: lim.exchange, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2: true, MaxConnsPerHost: 4, MaxIdleConns: 4, IdleConnTimeout: 90 * time.Second,
				MaxResponseHeaderBytes: longestAnswer, DisableCompression: true,
			},
		},
	}
	c.life, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// failure is why an exchange failed, in words that hold nothing of what the collector said.
type failure struct {
	what  string
	again bool          // worth another try
	after time.Duration // which the collector does not want before
}

func (f failure) Error() string { return f.what }

// deliver posts body to path, and tries again where that may help, until it tried so many times. It returns a rejection, a
// failure, or nil. It ends with ctx, and soon when the carrier stops.
func (c *carrier) deliver(ctx context.Context, path string, body []byte, tries int) error {
	for try := 1; ; try++ {
		err := c.post(ctx, path, body)
		f, ok := errors.AsType[failure](err)
		if !ok || !f.again {
			return err
		}
		select {
		case <-c.stopping:
			c.cancel() // the collector is not there, and what else waits is not going to reach it
			return err
		default:
		}
		if try >= tries || !c.wait(ctx, max(f.after, c.limits.pause<<(try-1))) {
			return err
		}
	}
}

// wait tells whether pause went by without a reason to hurry.
func (c *carrier) wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.stopping:
		return true // one last time
	case <-ctx.Done():
	case <-c.life.Done():
	}
	return false
}

// post is one exchange.
func (c *carrier) post(ctx context.Context, path string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, c.limits.exchange)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()

	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return failure{what: "the request cannot be made"}
	}
	r.Header = c.header.Clone()
	answer, err := c.client.Do(r)
	if err != nil {
		return failure{what: cause(ctx, err), again: true}
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		// The body is not read: it may be long, and may repeat what was sent.
		return refused(answer)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer+1))
	switch {
	case err != nil:
		// It may have been taken. Sent again, a span is at worst there twice.
		return failure{what: cause(ctx, err), again: true}
	case len(text) > longestAnswer:
		return failure{what: "the answer is too long for OTLP"}
	}
	return understand(answer.Header.Get("Content-Type"), text)
}

// refused returns what an answer that is not 2xx means (OTLP specification, OTLP/HTTP response).
func refused(answer *http.Response) failure {
	f := failure{what: fmt.Sprintf("the collector answered with status %d", answer.StatusCode)}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.again = true
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			f.after = min(time.Duration(min(seconds, 3600))*time.Second, longestPause)
		}
	}
	return f
}

// cause returns the cause of err where it is about the connection. Other errors can quote what came from the other side.
func cause(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.Canceled) {
		return "the exchange was given up"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "the collector did not answer in time"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Error()
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert.Error()
	}
	return "the collector's answer is not HTTP, or broke off"
}
