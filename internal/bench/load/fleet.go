package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The histogram's range in microseconds, with three significant digits.
const (
	shortestLatency = 1
	longestLatency  = int64(time.Minute / time.Microsecond)
)

// Fleet is a set of open connections. Its methods may be called by one goroutine at a time.
type Fleet struct {
	conns []net.Conn
	reads []reader
}

// Result is what a run took.
type Result struct {
	Requests int
	Elapsed  time.Duration
	Latency  *hdrhistogram.Histogram // microseconds, one value a request
}

// PerSecond returns the throughput.
func (r Result) PerSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// Dial opens n connections, dealt to addrs (host and port) in turn. Close the fleet.
func Dial(ctx context.Context, addrs []string, n int) (*Fleet, error) {
	f := &Fleet{}
	var dialer net.Dialer
	for i := range n {
		conn, err := dialer.DialContext(ctx, "tcp", addrs[i%len(addrs)])
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("connect to the server: %w", err)
		}
		f.conns = append(f.conns, conn)
		f.reads = append(f.reads, reader{bufio.NewReaderSize(conn, 8<<10)})
	}
	return f, nil
}

// Close closes all connections.
func (f *Fleet) Close() {
	for _, c := range f.conns {
		c.Close()
	}
}

// Exchange sends one request over the first connection and returns its answer, whatever its status.
func (f *Fleet) Exchange(ctx context.Context, request []byte) (Answer, error) {
	defer context.AfterFunc(ctx, f.Close)()
	if _, err := f.conns[0].Write(request); err != nil {
		return Answer{}, fmt.Errorf("send a request: %w", err)
	}
	return f.reads[0].next(true)
}

// Run sends every request once, in their order as far as the connections keep step, and waits for all answers. An
// answer that is not 200 ends the run, for a run with errors has measured something else; so does the end of ctx.
// The fleet can only be closed after an error.
func (f *Fleet) Run(ctx context.Context, requests [][]byte) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, f.Close)()

	histograms := make([]*hdrhistogram.Histogram, len(f.conns))
	for i := range histograms {
		histograms[i] = hdrhistogram.New(shortestLatency, longestLatency, 3)
	}
	var next atomic.Int64
	var working sync.WaitGroup
	began := time.Now()
	for i := range f.conns {
		working.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= int64(len(requests)) {
					return
				}
				if err := f.ask(i, requests[n], histograms[i]); err != nil {
					cancel(err) // the first cause stays
					return
				}
			}
		})
	}
	working.Wait()
	elapsed := time.Since(began)
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}

	total := histograms[0]
	for _, h := range histograms[1:] {
		if dropped := total.Merge(h); dropped > 0 {
			return Result{}, errors.New("an answer took longer than a minute")
		}
	}
	return Result{Requests: len(requests), Elapsed: elapsed, Latency: total}, nil
}

// ask sends request over connection i and notes how long its answer took.
func (f *Fleet) ask(i int, request []byte, latency *hdrhistogram.Histogram) error {
	sent := time.Now()
	if _, err := f.conns[i].Write(request); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	answer, err := f.reads[i].next(false)
	if err != nil {
		return err
	}
	if answer.Status != 200 {
		return fmt.Errorf("an answer has status %d: %.300s", answer.Status, answer.Body)
	}
	if err := latency.RecordValue(time.Since(sent).Microseconds()); err != nil {
		return fmt.Errorf("note a latency: %w", err)
	}
	return nil
}
