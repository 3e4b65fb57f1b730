package bench

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/latchkey-id/latchkey/internal/bench/load"
)

func TestVerdictIsOfTheMedian(t *testing.T) {
	for _, test := range []struct {
		name    string
		value   Spread
		limit   float64
		judging bool
		want    Verdict
	}{
		{"at the limit", Spread{Median: 1.5, High: 2}, 1.5, true, Pass},
		{"above", Spread{Median: 1.501}, 1.5, true, Over},
		{"quick run", Spread{Median: 9}, 1.5, false, NotJudged},
		{"no limit", Spread{Median: 9}, 0, true, NotJudged},
		{"nothing measured", Spread{Median: math.NaN()}, 1.5, true, Over},
	} {
		got := Finding{Value: test.value, Limit: test.limit}.judge(test.judging)
		if got.Verdict != test.want {
			t.Errorf("%s: judge = %s, want %s", test.name, got.Verdict, test.want)
		}
		if over := (Report{Findings: []Finding{{Verdict: Pass}, got}}).Over(); over != (test.want == Over) {
			t.Errorf("%s: Over() = %t", test.name, over)
		}
	}
}

// madeRound is a round of n requests that each took cpu, all together elapsed.
func madeRound(n int, cpu, elapsed time.Duration) round {
	h := hdrhistogram.New(1, 1e6, 3)
	h.RecordValues(500, int64(n))
	return round{Result: load.Result{Requests: n, Elapsed: elapsed, Latency: h}, cpu: time.Duration(n) * cpu}
}

func TestClaimComparesCPUPerRequest(t *testing.T) {
	c := contest{contestants: []contestant{{name: "server"}, {name: "floor"}}}
	rounds := [][]round{
		{madeRound(100, 300*time.Microsecond, time.Second), madeRound(200, 330*time.Microsecond, time.Second)},
		{madeRound(400, 200*time.Microsecond, time.Second), madeRound(500, 220*time.Microsecond, 2*time.Second)},
	}
	got := c.compare("refresh", claim{of: 0, to: 1, limit: 1.4}, rounds, true)
	if len(got) != 2 {
		t.Fatalf("compare = %d findings, want CPU and throughput", len(got))
	}
	cpu, throughput := got[0], got[1]
	if math.Abs(cpu.Value.Median-1.5) > 1e-9 || cpu.Verdict != Over || cpu.What != "CPU per request, server / floor" {
		t.Errorf("CPU: %+v, want 1.5 of server / floor, over 1.4", cpu)
	}
	if throughput.Value.Low != 0.25 || throughput.Value.High != 0.8 || throughput.Verdict != NotJudged {
		t.Errorf("throughput: %+v, want 0.25–0.8, not judged", throughput)
	}
	if noise := c.compare("refresh", claim{of: 0, to: 1}, rounds, true)[0]; noise.Limit != 1+leastNoise || noise.Verdict != Over {
		t.Errorf("no difference wanted: %+v, want the limit of noise, over it", noise)
	}
	if control := c.compare("refresh", claim{of: 0, to: 1, inform: true}, rounds, true)[0]; control.Verdict != NotJudged {
		t.Errorf("informing: %+v, want no verdict", control)
	}
}

func TestReportAsText(t *testing.T) {
	r := Report{
		Machine:  Machine{Processor: "Example 9000", Cores: 2, Go: "go1.26"},
		Settings: Settings{Connections: 32, Sessions: 1_000_000, Rounds: 10, Seconds: 2},
		Measured: []Measured{{
			Scenario: "refresh", Subject: "1 000 000 sessions", Requests: 12345, CPU: Spread{120.4, 110, 130},
			PerSecond: Spread{Median: 9000}, P50: 1.26, P99: 9.99, Resident: 40, Peak: 44,
		}},
		Findings: []Finding{
			Finding{Scenario: "refresh", What: "CPU per request", Unit: "×", Value: Spread{1.3, 1.25, 1.4}, Limit: 1.5}.judge(true),
			Finding{Scenario: "ready", What: "start to ready", Unit: "ms", Value: Spread{200, 190, 210}, Limit: 150}.judge(true),
		},
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Example 9000, 2 cores, go1.26; 32 connections, 1 000 000 sessions, 10 rounds of 2s",
		"12 345", "120 µs", "(110–130)", "1.3 ms", "10.0 ms",
		"1.30 ×", "1.25–1.40 ×", "1.50 ×", "PASS", "200 ms", "150 ms", "OVER",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Errorf("the report as JSON: %v", err)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1 000", 100000: "100 000", 1234567: "1 234 567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}
