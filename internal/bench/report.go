package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is the outcome of a run.
type Report struct {
	Machine  Machine    `json:"machine"`
	Settings Settings   `json:"settings"`
	Measured []Measured `json:"measured"`
	Findings []Finding  `json:"findings"`
}

// Settings are the numbers of Options that a reader of the report wants to know.
type Settings struct {
	Connections int     `json:"connections"`
	Sessions    int     `json:"sessions"`
	Rounds      int     `json:"rounds"`
	Seconds     float64 `json:"seconds_per_round"`
}

// Measured is what one contestant of a scenario did.
type Measured struct {
	Scenario  string  `json:"scenario"`
	Subject   string  `json:"subject"`
	Requests  int     `json:"requests"`
	CPU       Spread  `json:"cpu_us_per_request"` // microseconds, of the processes of the subject
	PerSecond Spread  `json:"requests_per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Resident  float64 `json:"resident_mib"` // after its last round
	Peak      float64 `json:"peak_mib"`
}

// Verdict tells whether a finding is within its limit.
type Verdict string

// The verdicts.
const (
	Pass      Verdict = "PASS"
	Over      Verdict = "OVER"
	NotJudged Verdict = "-" // there is no limit, or the run was too short to judge
)

// Finding is one number with its limit.
type Finding struct {
	Scenario string  `json:"scenario"`
	What     string  `json:"what"`
	Unit     string  `json:"unit"` // "×", "ms", "µs", "MiB", perThousand, or none
	Value    Spread  `json:"value"`
	Limit    float64 `json:"limit,omitempty"` // the highest median that passes; 0: none
	Verdict  Verdict `json:"verdict"`
}

// judge sets the verdict of f: of its median against its limit.
func (f Finding) judge(judging bool) Finding {
	switch {
	case !judging || f.Limit == 0:
		f.Verdict = NotJudged
	case f.Value.Median <= f.Limit: // false for NaN
		f.Verdict = Pass
	default:
		f.Verdict = Over
	}
	return f
}

// Over tells whether any finding is over its limit.
func (r Report) Over() bool {
	for _, f := range r.Findings {
		if f.Verdict == Over {
			return true
		}
	}
	return false
}

// WriteText writes r as two tables: what was measured, and what it means.
func (r Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d cores, %s; %d connections, %s sessions, %d rounds of %s\n\n", r.Machine.Processor, r.Machine.Cores,
		r.Machine.Go, r.Settings.Connections, thousands(r.Settings.Sessions), r.Settings.Rounds,
		time.Duration(r.Settings.Seconds*float64(time.Second)))

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "scenario\tsubject\trequests\tCPU/request\t(lowest–highest)\trequests/s\tp50\tp99\tresident\tpeak\t")
	for _, m := range r.Measured {
		fmt.Fprintf(t, "%s\t%s\t%s\t%.0f µs\t(%.0f–%.0f)\t%.0f\t%.1f ms\t%.1f ms\t%.0f MiB\t%.0f MiB\t\n", m.Scenario, m.Subject,
			thousands(m.Requests), m.CPU.Median, m.CPU.Low, m.CPU.High, m.PerSecond.Median, m.P50, m.P99, m.Resident, m.Peak)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}

	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "scenario\twhat\tmedian\tlowest–highest\tlimit\tverdict")
	for _, f := range r.Findings {
		limit := "-"
		if f.Limit != 0 {
			limit = f.number(f.Limit)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s–%s\t%s\t%s\n", f.Scenario, f.What, f.number(f.Value.Median),
			strings.TrimSuffix(f.number(f.Value.Low), " "+f.Unit), f.number(f.Value.High), limit, f.Verdict)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	_, err := fmt.Fprintln(w, "\nCPU is that of the server's processes alone, with PostgreSQL's where it is their store; in postgres-insert, of the"+
		"\ninserting program and PostgreSQL. Throughput and latency are those of a machine that makes the load as well.")
	return err
}

// perThousand is the unit of findings about what is rare.
const perThousand = "per 1 000"

// number writes v with the unit of f, a ratio with two decimals.
func (f Finding) number(v float64) string {
	if f.Unit == "×" || f.Unit == perThousand {
		return fmt.Sprintf("%.2f %s", v, f.Unit)
	}
	return strings.TrimSpace(fmt.Sprintf("%.0f %s", v, f.Unit))
}

// thousands writes n with a space between groups of three digits.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}
