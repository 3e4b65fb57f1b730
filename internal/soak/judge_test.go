package soak

import (
	"math"
	"strings"
	"testing"
)

func TestJudgeTellsGrowthFromNoise(t *testing.T) {
	const n = 100
	shapes := map[string]struct {
		at   func(i int) float64
		want bool
	}{
		"flat":                      {func(int) float64 { return 100 }, false},
		"saw":                       {func(i int) float64 { return 100 + float64(i%10)*5 }, false},
		"a warm-up":                 {func(i int) float64 { return 100 * math.Min(1, float64(i)/35) }, false},
		"falls":                     {func(i int) float64 { return 200 - float64(i) }, false},
		"one peak":                  {func(i int) float64 { return map[bool]float64{true: 9000, false: 100}[i == 90] }, false},
		"a leak":                    {func(i int) float64 { return 100 + 2*float64(i) }, true},
		"a leak from nothing":       {func(i int) float64 { return float64(i) }, true},
		"a saw on a leak":           {func(i int) float64 { return 100 + 2*float64(i) + float64(i%10)*5 }, true},
		"what could not be divided": {func(int) float64 { return math.NaN() }, true},
		"a step late in the run":    {func(i int) float64 { return map[bool]float64{true: 200, false: 100}[i > 75] }, true},
	}
	for name, tt := range shapes {
		s := Series{Name: name, Scale: 1, Unit: "x", Growth: 0.2, Slack: 5}
		for i := range n {
			s.Values = append(s.Values, tt.at(i))
		}
		f, err := Judge(s)
		if err != nil || f.Grows != tt.want {
			t.Errorf("Judge(%s) = grows %v from %v to %v, %v; want %v", name, f.Grows, f.First, f.Last, err, tt.want)
		}
		if strings.Contains(Table([]Finding{f}), "GROWS") != tt.want {
			t.Errorf("the table of %s does not tell its verdict", name)
		}
	}
}

func TestShortRunIsNotJudged(t *testing.T) {
	if f, err := Judge(Series{Name: "x", Values: make([]float64, fewest-1), Scale: 1}); err == nil {
		t.Errorf("Judge of %d samples = %+v, want an error", fewest-1, f)
	}
}
