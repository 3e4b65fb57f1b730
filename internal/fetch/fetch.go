package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The errors that callers tell apart. Those of Get wrap one of them, or what the network said.
var (
	// ErrURL: the URL is not one that is fetched. Asking again does not help.
	ErrURL = errors.New("the URL is not one that is fetched")
	// ErrAddress: the host has no address that may be asked.
	ErrAddress = errors.New("the host is not one that may be asked")
	// ErrAnswer: the answer is not a document: another status than 200, another content type, or too long.
	ErrAnswer = errors.New("the answer is not the document")
	// ErrAway: the server of the document says that it cannot answer now (status 429 or 5xx).
	ErrAway = errors.New("the server cannot answer now")
)

func refuse(kind error, why string) error { return fmt.Errorf("%w: %s", kind, why) }

// Options say what a Fetcher may reach. The zero value is for URLs that strangers name: https on port 443 of public
// addresses, and JSON.
type Options struct {
	// AllowPrivate is for URLs that an administrator named: private and loopback addresses too, and any port. Link-local
	// and multicast addresses, and those where cloud providers hand out credentials, stay out of reach.
	AllowPrivate bool
	// AllowLoopbackHTTP takes http as well where host and address are loopback. For development and tests.
	AllowLoopbackHTTP bool
	// Types are the media types that an answer may have, in lower case; nil: application/json, and whatever ends in +json.
	Types []string
	// Timeout is for all of one Get; 0: 5 s.
	Timeout time.Duration
	// Roots are the authorities that certificates may be from; nil: those of the system.
	Roots *x509.CertPool
	// Resolver resolves names; nil: that of the system.
	Resolver *net.Resolver
}

const (
	defaultTimeout = 5 * time.Second
	// maxHeader is the longest header of an answer, in bytes.
	maxHeader = 16 << 10
)

// Fetcher gets documents. It is safe for concurrent use, and keeps nothing between two of them.
type Fetcher struct {
	options  Options
	public   *http.Client
	loopback *http.Client
	// beforeDial, where it is set, hears each address that passed, and may still refuse it.
	beforeDial func(netip.AddrPort) error
}

// New returns a Fetcher.
func New(o Options) *Fetcher {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	f := &Fetcher{options: o}
	allowed := public
	if o.AllowPrivate {
		allowed = reachable
	}
	f.public = f.client(allowed)
	f.loopback = f.client(func(a netip.Addr) bool { return plain(a).IsLoopback() })
	return f
}

func (f *Fetcher) client(allowed func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{
		Timeout: f.options.Timeout, Resolver: f.options.Resolver,
		// Control is called with each address that is about to be connected to, after every resolution.
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !allowed(to.Addr()) {
				return refuse(ErrAddress, "its address is not a public one")
			}
			if f.beforeDial != nil {
				return f.beforeDial(to)
			}
			return nil
		},
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:       nil, // a proxy would resolve the name itself, unchecked
			DialContext: dialer.DialContext,
			// TLS 1.2 with its default suites is what servers of others have at least.
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: f.options.Roots},
			TLSHandshakeTimeout:    f.options.Timeout,
			DisableKeepAlives:      true,
			DisableCompression:     true, // a few bytes must not become many
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Get returns the document at url, which has at most limit bytes, and the header of the answer. It takes at most
// Options.Timeout. Its errors are for the log: they say nothing about what else is at an address.
func (f *Fetcher) Get(ctx context.Context, url string, limit int64) ([]byte, http.Header, error) {
	u, overHTTP, err := f.check(url)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, refuse(ErrURL, "it cannot be requested")
	}
	r.Header.Set("Accept", strings.Join(f.accepted(), ", "))
	r.Header.Set("User-Agent", "Latchkey")
	client := f.public
	if overHTTP {
		client = f.loopback
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("fetch: %w", err)
	}
	defer answer.Body.Close()
	if err := f.checkAnswer(answer, limit); err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err == nil {
		err = ctx.Err() // a server that hears of the end may still end its answer well, in the middle of a document
	}
	if err != nil {
		return nil, nil, fmt.Errorf("fetch: %w", err)
	}
	if int64(len(body)) > limit {
		return nil, nil, refuse(ErrAnswer, "it is too long")
	}
	return body, answer.Header, nil
}

func (f *Fetcher) checkAnswer(a *http.Response, limit int64) error {
	if a.StatusCode == http.StatusTooManyRequests || a.StatusCode >= 500 {
		return fmt.Errorf("%w: its status is %d", ErrAway, a.StatusCode)
	}
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: its status is %d; redirects are not followed", ErrAnswer, a.StatusCode)
	}
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil || !f.accepts(kind) {
		return refuse(ErrAnswer, "its content type is not one of "+strings.Join(f.accepted(), ", "))
	}
	if encoding := a.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return refuse(ErrAnswer, "it is compressed, which was not asked for")
	}
	if a.ContentLength > limit {
		return refuse(ErrAnswer, "it is too long")
	}
	return nil
}

func (f *Fetcher) accepted() []string {
	if f.options.Types == nil {
		return []string{"application/json"}
	}
	return f.options.Types
}

func (f *Fetcher) accepts(kind string) bool {
	if f.options.Types != nil {
		return slices.Contains(f.options.Types, kind)
	}
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}
