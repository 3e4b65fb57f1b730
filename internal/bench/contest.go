package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/bench/proc"
)

// contestant is a kind of server that takes part in a scenario.
type contestant struct {
	name string
	// start starts it. first is the subject of the scenario's first contestant, nil for that one itself.
	start func(ctx context.Context, l *lab, first *subject) (*subject, error)
}

// subject is a contestant that runs.
type subject struct {
	name      string
	processes []*proc.Process // whose CPU time counts; several for several nodes
	database  *database       // whose CPU time counts too; nil: none beside the processes
	addresses []string        // host and port; connections are dealt to them in turn
	work      work
	// sample is the answer to a first request, which floors imitate.
	sample load.Answer
}

// work makes requests.
type work interface {
	// requests returns n requests with fresh proofs, to be sent at once.
	requests(ctx context.Context, n int, now time.Time) ([][]byte, error)
}

// claim compares two contestants of a contest, by their numbers.
type claim struct {
	of, to int
	// limit of the ratio of CPU per request; 0: what is noise.
	limit float64
	// inform only: no verdict.
	inform bool
	// latency also compares how long answers took.
	latency bool
}

// contest lets contestants work in turn and compares them.
type contest struct {
	contestants []contestant
	claims      []claim
	// after, when it is not nil, looks at the subjects once they have had their rounds.
	after func(ctx context.Context, l *lab, scenario string, subjects []*subject) ([]Finding, error)
}

// run starts the contestants, lets each work for as many rounds as the options say, and returns what it found.
func (c contest) run(ctx context.Context, l *lab, scenario string) (outcome, error) {
	var subjects []*subject
	defer func() {
		for _, s := range subjects {
			for _, p := range s.processes {
				p.Stop() // what matters of its end is told by stopAll
			}
		}
	}()
	for _, co := range c.contestants {
		var first *subject
		if len(subjects) > 0 {
			first = subjects[0]
		}
		s, err := co.start(ctx, l, first)
		if err != nil {
			return outcome{}, fmt.Errorf("%s: %w", co.name, err)
		}
		s.name = co.name
		subjects = append(subjects, s)
	}
	rounds, err := c.play(ctx, l, scenario, subjects)
	if err != nil {
		return outcome{}, err
	}
	var out outcome
	for i, s := range subjects {
		m, err := s.measured(scenario, rounds[i])
		if err != nil {
			return outcome{}, err
		}
		out.measured = append(out.measured, m)
	}
	for _, cl := range c.claims {
		out.findings = append(out.findings, c.compare(scenario, cl, rounds, l.Judge)...)
	}
	if c.after != nil {
		found, err := c.after(ctx, l, scenario, subjects)
		if err != nil {
			return outcome{}, err
		}
		out.findings = append(out.findings, found...)
	}
	return out, stopAll(subjects)
}

// warmRequests are sent to each subject before the first round, which also shows how many fill a round.
const warmRequests = 2000

// mostRequests bounds a round, because all its requests are in memory before it begins, about 2 KiB each.
const mostRequests = 200_000

// play lets the subjects work in turn and returns their rounds. Every other turn goes backwards, so that what changes
// steadily on the machine changes nothing between them.
func (c contest) play(ctx context.Context, l *lab, scenario string, subjects []*subject) ([][]round, error) {
	rounds := make([][]round, len(subjects))
	sizes := make([]int, len(subjects))
	for i, s := range subjects {
		warm, err := s.round(ctx, l.Connections, warmRequests)
		if err != nil {
			return nil, fmt.Errorf("%s, first requests: %w", s.name, s.explain(err))
		}
		sizes[i] = min(mostRequests, max(l.Connections, int(warm.PerSecond()*l.Duration.Seconds())))
	}
	for turn := range l.Rounds {
		for k := range subjects {
			i := k
			if turn%2 == 1 {
				i = len(subjects) - 1 - k
			}
			r, err := subjects[i].round(ctx, l.Connections, sizes[i])
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", subjects[i].name, turn+1, subjects[i].explain(err))
			}
			l.say("%s %d/%d: %s: %.0f µs CPU a request, %.0f requests/s", scenario, turn+1, l.Rounds, subjects[i].name,
				r.cpuMicros(), r.PerSecond())
			rounds[i] = append(rounds[i], r)
		}
	}
	return rounds, nil
}

// compare returns the findings of one claim: CPU per request, and for the reader the throughput, and latency where the
// claim wants it.
func (c contest) compare(scenario string, cl claim, rounds [][]round, judging bool) []Finding {
	names := c.contestants[cl.of].name + " / " + c.contestants[cl.to].name
	micros := ratios(each(rounds[cl.of], round.cpuMicros), each(rounds[cl.to], round.cpuMicros))
	perSecond := func(r round) float64 { return r.PerSecond() }
	cpu := Finding{Scenario: scenario, What: "CPU per request, " + names, Unit: "×", Value: spreadOf(micros), Limit: cl.limit}
	if cl.limit == 0 && !cl.inform {
		cpu.Limit = noiseLimit(micros)
	}
	throughput := Finding{
		Scenario: scenario, What: "throughput, " + names, Unit: "×",
		Value: spreadOf(ratios(each(rounds[cl.of], perSecond), each(rounds[cl.to], perSecond))),
	}
	findings := []Finding{cpu.judge(judging && !cl.inform), throughput.judge(judging)}
	if !cl.latency {
		return findings
	}
	for _, percentile := range []float64{50, 99} {
		took := func(r round) float64 { return r.micros(percentile) }
		f := Finding{
			Scenario: scenario, What: fmt.Sprintf("p%.0f, %s", percentile, names), Unit: "×",
			Value: spreadOf(ratios(each(rounds[cl.of], took), each(rounds[cl.to], took))),
		}
		findings = append(findings, f.judge(judging))
	}
	return findings
}

// stopAll ends the subjects and tells of each that did not end well.
func stopAll(subjects []*subject) error {
	var errs []error
	for _, s := range subjects {
		for _, p := range s.processes {
			errs = append(errs, p.Stop())
		}
	}
	return errors.Join(errs...)
}
