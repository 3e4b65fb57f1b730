package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/latchkey-id/latchkey/internal/bench/load"
)

// round is what one round of one subject took.
type round struct {
	load.Result
	cpu time.Duration
}

// roundLimit bounds one round, whatever hangs.
const roundLimit = 5 * time.Minute

// round makes n requests and sends them. The connections are opened before the CPU clock is read, and are fresh so that
// no server closed one as idle while another one worked.
func (s *subject) round(ctx context.Context, connections, n int) (round, error) {
	ctx, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	requests, err := s.work.requests(ctx, n, time.Now())
	if err != nil {
		return round{}, fmt.Errorf("make requests: %w", err)
	}
	fleet, err := load.Dial(ctx, s.addresses, connections)
	if err != nil {
		return round{}, err
	}
	defer fleet.Close()
	runtime.GC() // now, and not while the server works

	return s.send(ctx, fleet, requests)
}

// send sends requests and takes what they cost.
func (s *subject) send(ctx context.Context, fleet *load.Fleet, requests [][]byte) (round, error) {
	before, err := s.cpu()
	if err != nil {
		return round{}, err
	}
	result, err := fleet.Run(ctx, requests)
	if err != nil {
		return round{}, err
	}
	after, err := s.cpu()
	if err != nil {
		return round{}, err
	}
	return round{Result: result, cpu: after - before}, nil
}

// explain adds to err the last words of a process that is gone.
func (s *subject) explain(err error) error {
	for _, p := range s.processes {
		select {
		case <-p.Exited():
			return fmt.Errorf("%w; %s ended by itself, and its last words were:\n%s", err, p.Name, p.LastWords())
		default:
		}
	}
	return err
}

func (s *subject) cpu() (time.Duration, error) {
	var total time.Duration
	for _, p := range s.processes {
		used, err := p.CPU()
		if err != nil {
			return 0, err
		}
		total += used
	}
	if s.database == nil {
		return total, nil
	}
	used, err := s.database.cpu()
	return total + used, err
}

// cpuMicros returns microseconds of CPU time per request.
func (r round) cpuMicros() float64 {
	return float64(r.cpu) / float64(time.Microsecond) / float64(r.Requests)
}

// micros returns the microseconds within which that percentage of the answers came.
func (r round) micros(percentile float64) float64 {
	return float64(r.Latency.ValueAtPercentile(percentile))
}

func (s *subject) measured(scenario string, rounds []round) (Measured, error) {
	m := Measured{
		Scenario: scenario, Subject: s.name,
		CPU:       spreadOf(each(rounds, round.cpuMicros)),
		PerSecond: spreadOf(each(rounds, func(r round) float64 { return r.PerSecond() })),
	}
	var latency *hdrhistogram.Histogram
	for _, r := range rounds {
		m.Requests += r.Requests
		if latency == nil {
			latency = r.Latency
		} else {
			latency.Merge(r.Latency)
		}
	}
	m.P50 = float64(latency.ValueAtPercentile(50)) / 1000
	m.P99 = float64(latency.ValueAtPercentile(99)) / 1000
	for _, p := range s.processes {
		memory, err := p.Memory()
		if err != nil {
			return Measured{}, err
		}
		m.Resident += mib(memory.Resident)
		m.Peak += mib(memory.Peak)
	}
	return m, nil
}

func each(rounds []round, value func(round) float64) []float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = value(r)
	}
	return values
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
