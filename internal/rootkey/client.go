package rootkey

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	// answerIn is how long a service may take for one answer.
	answerIn = 10 * time.Second
	// maxAnswer is the longest answer in bytes; those of either service have a few hundred.
	maxAnswer = 64 << 10
	// maxCAFile is the longest file of certificates in bytes.
	maxCAFile = 1 << 20
)

var errTooLong = errors.New("the answer is longer than any that a root key gives")

// bounded is a client that follows no redirect, because it would send what is wrapped to whoever is named there, and whose
// answers are bounded.
type bounded struct{ client *http.Client }

func newBounded(t http.RoundTripper) bounded {
	return bounded{&http.Client{
		Transport: t, Timeout: answerIn,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do sends a request and returns the answer once all of it is here.
func (b bounded) Do(r *http.Request) (*http.Response, error) {
	a, err := b.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxAnswer {
		return nil, errTooLong
	}
	a.Body = io.NopCloser(bytes.NewReader(text))
	return a, nil
}

// transport returns a transport that trusts the certificates in caFile, or those of the system where it is empty.
func transport(caFile string) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        2, IdleConnTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: maxAnswer,
	}
	if caFile == "" {
		return t, nil
	}
	text, err := readFile(caFile, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file: %s has no certificate in PEM", caFile)
	}
	return t, nil
}

// readFile returns what is in a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return text, nil
}

// unreachable says in an operator's words why no answer came.
func unreachable(err error) error {
	// What net/http puts in front is the method and the URL, which the caller names.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, errTooLong):
		return errTooLong
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return errors.New("it does not answer in time: check the address and the network")
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("its certificate is not trusted (%w): check the address and the certificate authority", bad.Err)
	}
	return fmt.Errorf("it cannot be reached (%w): check the address and the network", err)
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}
