package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/telemetry"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// ServeHTTP answers one request. This is where the time of a request is read, and nowhere else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	remote := s.remote(r)
	s.ServeCall(w, &wire.Call{Request: r, ID: newRequestID(), Now: s.clock(), Remote: remote, Network: s.network(r, remote)})
}

// ServeCall answers a call and logs one record of it.
func (s *Server) ServeCall(w http.ResponseWriter, c *wire.Call) {
	began := time.Now() // for the duration only
	ctx, span := s.traces.Begin(c.Context(), c.Request, s.traces != nil && s.behindProxy(c.Request), c.Now)
	if span != nil {
		c.Request = c.Request.WithContext(ctx)
	}
	c.Record.Operation = "Unknown"
	answer := &answerWriter{ResponseWriter: w}
	w.Header()["X-Amzn-RequestId"] = []string{c.ID}
	if len(c.TransferEncoding) > 0 {
		// A proxy that goes by a Content-Length beside it, which this server cannot see any more, takes the rest of the body
		// for a request of its own (RFC 9112 section 6.1).
		w.Header().Set("Connection", "close")
	}
	defer s.finish(answer, c, span, began)
	s.route(answer, c)
}

// route finds the handler of c.
func (s *Server) route(w http.ResponseWriter, c *wire.Call) {
	methods := s.routes[s.routes.match(c.URL.Path)]
	// No path needs an escape, so one that has any is a way past the rules of a proxy.
	if methods == nil || c.URL.RawPath != "" {
		wire.WriteFault(w, c, signin.Refuse(signin.PathUnknown, "there is nothing at this path; this is a Latchkey sign-in server, and its endpoint is the root of this host"))
		return
	}
	h := methods[c.Method]
	if h == nil && c.Method == http.MethodHead {
		h = methods[http.MethodGet]
	}
	if h == nil {
		allow := make([]string, 0, len(methods))
		for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions} {
			if methods[m] != nil {
				allow = append(allow, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		wire.WriteFault(w, c, signin.Refuse(signin.MethodNotAllowed, "this path answers %s only", strings.Join(allow, " and ")))
		return
	}
	h(w, c)
}

// ownHost answers with h under the hosts of the base URLs only. A browser that came under another name was brought here
// by somebody else's name server.
func (s *Server) ownHost(h wire.Handler) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		if !s.hosts[strings.ToLower(c.Host)] {
			wire.WriteFault(w, c, signin.Refuse(signin.ParameterInvalid, "this server is reached under %s, and not under the host name of this request; the operator can add that to base_urls", s.base))
			return
		}
		h(w, c)
	}
}

// probes are the operations that a load balancer asks for every few seconds.
var probes = map[string]bool{"Live": true, "Ready": true, "Health": true}

// finish recovers from a panic, logs and counts.
func (s *Server) finish(w *answerWriter, c *wire.Call, span *telemetry.Span, began time.Time) {
	if p := recover(); p != nil {
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.log.Error("panic", "request_id", c.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if w.status == 0 {
			wire.WriteFault(w, c, errors.New("panic"))
		}
	}
	took := time.Since(began)
	s.metrics.observe(c, took)
	s.note(c)
	if span != nil {
		span.End(telemetry.Outcome{
			Operation: c.Record.Operation, Method: c.Method, Route: s.routes.match(c.URL.Path), Status: w.status, Grant: c.Record.Grant,
			Client: c.Record.Client, Kind: c.Record.Outcome, RequestID: c.ID,
		}, c.Now.Add(took))
	}

	level := slog.LevelInfo
	switch {
	case c.Record.Outcome == signin.Overloaded.String():
		level = slog.LevelWarn
	case w.status == http.StatusOK && probes[c.Record.Operation]:
		level = slog.LevelDebug
	case w.status >= 500 && c.Record.Outcome != signin.Abandoned.String():
		level = slog.LevelError
	}
	if !s.log.Enabled(c.Context(), level) {
		return
	}
	rec := &c.Record
	attrs := make([]slog.Attr, 0, 14)
	attrs = append(attrs,
		slog.String("request_id", c.ID), slog.String("operation", rec.Operation), slog.String("method", c.Method),
		slog.Int("status", w.status), slog.String("outcome", rec.Outcome), slog.Int64("microseconds", took.Microseconds()),
		slog.String("remote", c.Remote.String()))
	for _, a := range [...]slog.Attr{
		slog.String("grant", rec.Grant), slog.String("client", rec.Client), slog.String("principal", rec.Principal),
		slog.String("session", rec.Session),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if rec.Err != nil {
		attrs = append(attrs, slog.String("error", rec.Err.Error()))
	}
	s.log.LogAttrs(c.Context(), level, "request", attrs...)
}

// answerWriter remembers the status.
type answerWriter struct {
	http.ResponseWriter
	status int
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// newRequestID returns a random UUID (RFC 9562 section 5.4), the form of AWS's request ids.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// remote returns the address of the caller. Behind trusted proxies it is the last address in X-Forwarded-For that is not
// a trusted proxy's: what stands further left was written by the caller.
func (s *Server) remote(r *http.Request) netip.Addr {
	addrPort, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := addrPort.Addr().Unmap()
	if !s.trusts(addr) {
		return addr
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0; i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil || next.Zone() != "" { // a zone is any text
			return addr
		}
		addr = next.Unmap()
		if !s.trusts(addr) {
			return addr
		}
	}
	return addr
}

// behindProxy tells whether r came through a trusted proxy.
func (s *Server) behindProxy(r *http.Request) bool {
	if len(s.proxies) == 0 {
		return false
	}
	addrPort, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && s.trusts(addrPort.Addr().Unmap())
}

func (s *Server) trusts(addr netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
