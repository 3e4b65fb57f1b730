package floor

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Options say what the floor does.
type Options struct {
	// Listen is host and port; the host is meant to be 127.0.0.1.
	Listen string
	// Header are the lines that the real server's answer has, "Name: value" each.
	Header []string
	// Body is the length of the real server's answer in bytes.
	Body int
	// Algorithm is what a redemption signs with. Empty: requests are refreshes, nothing is signed or written.
	Algorithm Algorithm
	// Database is the path of the database that redemptions write; it must not exist.
	Database string
}

const (
	maxRequest  = 64 << 10 // bytes
	maxAnswer   = 64 << 10
	drainLimit  = 5 * time.Second
	sealedCount = 2 // envelopes opened, and sealed, for a request
)

// Serve answers GET /healthz, and every POST /v1/token as if it were a refresh or a redemption, until ctx ends.
func Serve(ctx context.Context, o Options) error {
	h, err := newHandler(ctx, o)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/token", h)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: mux}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	if h.rows != nil {
		<-h.rows.closed
	}
	return nil
}

// handler answers one token request after the other.
type handler struct {
	header   http.Header
	body     []byte // what the answer ends with
	sealer   *sealer
	held     [sealedCount][]byte // envelopes that stand for those that a client holds
	requests atomic.Uint64

	signer *signer   // nil: refresh
	rows   *inserter // nil: refresh
}

func newHandler(ctx context.Context, o Options) (*handler, error) {
	if o.Body < 0 || o.Body > maxAnswer {
		return nil, fmt.Errorf("the answer must have 0 to %d bytes", maxAnswer)
	}
	h := &handler{header: http.Header{}, body: []byte(strings.Repeat("x", o.Body))}
	for _, line := range o.Header {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, errors.New("a header line has no colon")
		}
		h.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	var err error
	if h.sealer, err = newSealer(); err != nil {
		return nil, err
	}
	for i := range h.held {
		h.held[i] = h.sealer.seal(make([]byte, factsBytes))
	}
	if o.Algorithm == "" {
		return h, nil
	}
	if h.signer, err = newSigner(o.Algorithm); err != nil {
		return nil, err
	}
	h.rows, err = newInserter(ctx, o.Database)
	return h, err
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, io.LimitReader(r.Body, maxRequest)); err != nil {
		http.Error(w, "the body ends early", http.StatusBadRequest)
		return
	}
	if err := verifyProof(r.Header.Get("DPoP")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := h.answer(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	for name, values := range h.header {
		header[name] = values
	}
	w.Write(answer)
}

// answer does the work of one token request and returns a body of the wanted length that carries what was made.
func (h *handler) answer(ctx context.Context) ([]byte, error) {
	body := make([]byte, 0, len(h.body)+base64.RawURLEncoding.EncodedLen(sealedCount*2*factsBytes)+512)
	number := h.requests.Add(1)
	var facts []byte
	for _, held := range h.held {
		var err error
		if facts, err = h.sealer.open(held); err != nil {
			return nil, err
		}
		binary.BigEndian.PutUint64(facts, number) // no two requests seal the same
		body = base64.RawURLEncoding.AppendEncode(body, h.sealer.seal(facts))
	}
	if h.rows != nil {
		if err := h.rows.add(ctx, facts[:rowBytes], time.Now()); err != nil {
			return nil, err
		}
	}
	key, err := h.sealer.derive(facts[:16])
	if err != nil {
		return nil, err
	}
	body = base64.RawURLEncoding.AppendEncode(body, key)
	if h.signer != nil {
		signature, err := h.signer.sign(facts)
		if err != nil {
			return nil, err
		}
		body = base64.RawURLEncoding.AppendEncode(body, signature)
	}
	if n := len(h.body); len(body) >= n {
		return body[:n], nil
	}
	return append(body, h.body[len(body):]...), nil
}
